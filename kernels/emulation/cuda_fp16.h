#pragma once

#include <bit>
#include <cstdint>

#include "cuda_runtime.h"

/// Only storage and explicit conversions: arithmetic on half is written in float.
struct __half {
    std::uint16_t bits;
};
struct alignas(4) __half2 {
    __half x, y;
};

inline float __half2float(__half x) {
    return std::bit_cast<_Float16>(x.bits);
}
inline __half __float2half(float x) {
    return {std::bit_cast<std::uint16_t>(static_cast<_Float16>(x))};
}
inline __half2 __floats2half2_rn(float x, float y) {
    return {__float2half(x), __float2half(y)};
}
inline float2 __half22float2(__half2 x) {
    return {__half2float(x.x), __half2float(x.y)};
}
inline __half __float2half_rn(float x) {
    return __float2half(x);
}
inline __half2 __float22half2_rn(float2 x) {
    return __floats2half2_rn(x.x, x.y);
}
inline __half2 __halves2half2(__half x, __half y) {
    return {x, y};
}
inline float __low2float(__half2 x) {
    return __half2float(x.x);
}
inline float __high2float(__half2 x) {
    return __half2float(x.y);
}
inline __half __ushort_as_half(unsigned short bits) {
    return {bits};
}
inline unsigned short __half_as_ushort(__half x) {
    return x.bits;
}
