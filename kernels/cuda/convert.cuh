#pragma once
#include "kernels/core/tensor.h"
#include <bit>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <type_traits>

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
    case DType::i32:
    case DType::u8: break;
    }
    throw Error(Failure::bug, "a kernel was asked to compute with integers");
}

/// The same on the device: a branch that all threads take alike.
template <class F>
__device__ inline void with_device_type(DType type, const F& f) {
    if (type == DType::f32) return f(float{});
    if (type == DType::bf16) return f(__nv_bfloat16{});
    f(__half{});
}

/// `count` elements of T, read or written at once: in accesses of 16 bytes, or one that is smaller.
template <class T, int count>
struct alignas(sizeof(T) * count < 16 ? sizeof(T) * count : 16) Pack {
    T x[count];
};

template <class T, int count>
__device__ Pack<float, count> to_floats(const Pack<T, count>& x) {
    Pack<float, count> y;
#pragma unroll
    for (int i = 0; i < count; ++i) y.x[i] = to_float(x.x[i]);
    return y;
}

__device__ inline void from_two_floats(float x0, float x1, float& y0, float& y1) {
    y0 = x0;
    y1 = x1;
}
__device__ inline void from_two_floats(float x0, float x1, __nv_bfloat16& y0, __nv_bfloat16& y1) {
    const __nv_bfloat162 both = __floats2bfloat162_rn(x0, x1);
    y0 = both.x;
    y1 = both.y;
}
__device__ inline void from_two_floats(float x0, float x1, __half& y0, __half& y1) {
    const __half2 both = __floats2half2_rn(x0, x1);
    y0 = both.x;
    y1 = both.y;
}

/// Two at a time, which is one instruction.
template <class T, int count>
__device__ Pack<T, count> from_floats(const Pack<float, count>& x) {
    Pack<T, count> y;
    if constexpr (count == 1) {
        y.x[0] = from_float<T>(x.x[0]);
    } else {
#pragma unroll
        for (int i = 0; i < count; i += 2) from_two_floats(x.x[i], x.x[i + 1], y.x[i], y.x[i + 1]);
    }
    return y;
}

/// So many bytes as the machine moves them: one access each. nvcc would copy a Pack element by
/// element.
template <int bytes>
struct Words {
    uint4 x[bytes / 16];
};
template <>
struct Words<2> {
    std::uint16_t x;
};
template <>
struct Words<4> {
    std::uint32_t x;
};
template <>
struct Words<8> {
    uint2 x;
};

/// `count` T's at `p`, which is aligned as a Pack is.
template <int count, class T>
__device__ Pack<T, count> load_pack(const T* p) {
    return std::bit_cast<Pack<T, count>>(*reinterpret_cast<const Words<count * sizeof(T)>*>(p));
}
template <int count, class T>
__device__ void store_pack(T* p, const Pack<T, count>& x) {
    *reinterpret_cast<Words<count * sizeof(T)>*>(p) = std::bit_cast<Words<count * sizeof(T)>>(x);
}

/// The same as floats.
template <int count, class T>
__device__ Pack<float, count> load_floats(const T* p) {
    return to_floats(load_pack<count>(p));
}
template <int count, class T>
__device__ void store_floats(T* p, const Pack<float, count>& x) {
    store_pack(p, from_floats<T>(x));
}

/// Whether packs of `count` may begin where t does: on the host, to choose a kernel.
inline bool aligned(const In& t, int count) {
    const std::size_t bytes = std::size_t(count) * size_of(t.dtype);
    return reinterpret_cast<std::uintptr_t>(t.data) % (bytes < 16 ? bytes : 16) == 0;
}
/// Whether every row of t can be read in packs of `count`.
inline bool in_packs(const In& t, int count) {
    return aligned(t, count) && t.shape[t.shape.rank - 1] % count == 0 && t.row_stride % count == 0;
}

template <int count>
using Count = std::integral_constant<int, count>;

/// f(Count<count>{}), or with 1 where packs of that many do not fit.
template <int count, class F>
void with_packs(bool fit, F&& f) {
    if (fit) return f(Count<count>{});
    f(Count<1>{});
}

} // namespace sweetspot
