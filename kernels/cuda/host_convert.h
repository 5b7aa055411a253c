#pragma once
#include "kernels/core/float_types.h"
#include "kernels/core/tensor.h"
#include <cstring>
#include <type_traits>

/// Types of numbers that the host changes on their way to a GPU.
namespace sweetspot {

namespace detail {

inline void put(float x, float* y) {
    *y = x;
}
inline void put(float x, BFloat16* y) {
    *y = to_bfloat16(x);
}
inline void put(float x, Float16* y) {
    const auto half = _Float16(x);
    std::memcpy(&y->bits, &half, sizeof half);
}

template <class From, class To>
void convert(const char* from, std::size_t step_bytes, std::int64_t count, To* to) {
    for (std::int64_t i = 0; i < count; ++i) {
        From x;
        std::memcpy(static_cast<void*>(&x), from + std::size_t(i) * step_bytes, sizeof x);
        if constexpr (std::is_same_v<From, To>)
            to[i] = x;
        else
            put(to_float(x), to + i);
    }
}

} // namespace detail

/// to[i] = the number at from + i · step_bytes, for i in [0, count); rounds to nearest even.
template <class To>
void convert_on_host(DType type, const char* from, std::size_t step_bytes, std::int64_t count,
                     To* to) {
    switch (type) {
    case DType::f32: return detail::convert<float>(from, step_bytes, count, to);
    case DType::bf16: return detail::convert<BFloat16>(from, step_bytes, count, to);
    default: return detail::convert<Float16>(from, step_bytes, count, to);
    }
}

/// f(float{}), f(BFloat16{}) or f(Float16{}): the element type of a tensor, on the host.
template <class F>
void with_host_type(DType type, F&& f) {
    switch (type) {
    case DType::f32: return f(float{});
    case DType::bf16: return f(BFloat16{});
    default: return f(Float16{});
    }
}

} // namespace sweetspot
