#pragma once
#include "kernels/cpu/functions.h"
#include "kernels/ops/activation.h"
#include <type_traits>

namespace sweetspot::SWEETSPOT_TARGET {

/// f(the activation as a function of a Vector), as exact as results of type T need it.
template <class T, class F>
SWEETSPOT_INLINE void with_activation(Activation activation, F&& f) {
    switch (activation) {
    case Activation::none: return f([](Vector x) { return x; });
    case Activation::gelu:
        return f([](Vector x) { return std::is_same_v<T, BFloat16> ? rough_gelu(x) : gelu(x); });
    case Activation::gelu_tanh: return f([](Vector x) { return gelu_tanh(x); });
    case Activation::silu: return f([](Vector x) { return silu(x); });
    }
}

/// x[0, width) = activation(x), in place.
template <class T>
void activate_row(Activation activation, T* x, std::int64_t width) {
    if (activation == Activation::none) return;
    with_activation<T>(activation, [&](auto activate) {
        for_lanes(width, [&](auto at) { at.store(x, activate(at.load(x))); });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET
