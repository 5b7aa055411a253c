#pragma once
#include "kernels/cpu/functions.h"
#include "kernels/ops/activation.h"

namespace sweetspot::SWEETSPOT_TARGET {

/// x[0, width) = activation(x), in place.
template <class T>
void activate_row(Activation activation, T* x, std::int64_t width) {
    switch (activation) {
    case Activation::none: return;
    case Activation::gelu: return for_lanes(width, [&](auto at) { at.store(x, gelu(at.load(x))); });
    case Activation::gelu_tanh:
        return for_lanes(width, [&](auto at) { at.store(x, gelu_tanh(at.load(x))); });
    case Activation::silu: return for_lanes(width, [&](auto at) { at.store(x, silu(at.load(x))); });
    }
}

} // namespace sweetspot::SWEETSPOT_TARGET
