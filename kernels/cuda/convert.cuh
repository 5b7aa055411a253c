#pragma once
#include "kernels/core/tensor.h"
#include <cuda_bf16.h>
#include <cuda_fp16.h>

/// The element types of kernels: storage in T, arithmetic in float.
namespace sweetspot {

__device__ inline float to_float(float x) {
    return x;
}
__device__ inline float to_float(__nv_bfloat16 x) {
    return __bfloat162float(x);
}
__device__ inline float to_float(__half x) {
    return __half2float(x);
}

template <class T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
    return x;
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
    return __float2bfloat16(x);
}
template <>
__device__ inline __half from_float<__half>(float x) {
    return __float2half(x);
}

/// The sum over the 32 lanes, in each.
__device__ inline float warp_sum(float x) {
#pragma unroll
    for (int step = 16; step; step /= 2) x += __shfl_xor_sync(0xffffffff, x, step);
    return x;
}
__device__ inline float warp_max(float x) {
#pragma unroll
    for (int step = 16; step; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, step));
    return x;
}

/// f(float{}), f(__nv_bfloat16{}) or f(__half{}), on the host: the element type of a tensor.
template <class F>
void with_type(DType type, F&& f) {
    switch (type) {
    case DType::f32: return f(float{});
    case DType::bf16: return f(__nv_bfloat16{});
    case DType::f16: return f(__half{});
    case DType::i32: break;
    }
    throw Error(Failure::bug, "a kernel was asked to compute with integers");
}

/// `count` elements of T, read or written at once. `alignas` makes it one access up to 16 bytes.
template <class T, int count>
struct alignas(sizeof(T) * count) Pack {
    T x[count];
};

} // namespace sweetspot
