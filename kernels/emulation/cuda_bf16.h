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
