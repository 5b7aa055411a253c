#pragma once

#include <bit>
#include <cstdint>

#include "cuda_runtime.h"

/// Only storage and explicit conversions: arithmetic on bfloat16 is written in float.
struct __nv_bfloat16 {
    std::uint16_t bits;
};
struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};

inline float __bfloat162float(__nv_bfloat16 x) {
    return std::bit_cast<float>(std::uint32_t(x.bits) << 16);
}
inline __nv_bfloat16 __float2bfloat16(float x) {
    auto bits = std::bit_cast<std::uint32_t>(x);
    if (x != x) return {0x7fff};
    return {std::uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
    return {__float2bfloat16(x), __float2bfloat16(y)};
}
inline float2 __bfloat1622float2(__nv_bfloat162 x) {
    return {__bfloat162float(x.x), __bfloat162float(x.y)};
}
inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    return __float2bfloat16(x);
}
inline __nv_bfloat162 __float22bfloat162_rn(float2 x) {
    return __floats2bfloat162_rn(x.x, x.y);
}
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) {
    return {x, y};
}
inline float __low2float(__nv_bfloat162 x) {
    return __bfloat162float(x.x);
}
inline float __high2float(__nv_bfloat162 x) {
    return __bfloat162float(x.y);
}
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
    return {bits};
}
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) {
    return x.bits;
}
