#pragma once
#include "kernels/ops/activation.h"
#include <cmath>

/// Activation functions in doubles, which ops and their gradients are held against.
namespace sweetspot {

inline double exact(Activation activation, double x) {
    switch (activation) {
    case Activation::none: return x;
    case Activation::gelu: return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_tanh:
        return x * 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::silu: return x / (1 + std::exp(-x));
    }
    return 0;
}

inline constexpr Activation all[] = {Activation::none, Activation::gelu, Activation::gelu_tanh,
                                     Activation::silu};

} // namespace sweetspot
