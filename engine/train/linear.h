#pragma once
#include "engine/train/adapters.h"

/// A linear as training computes it, forward and backward.
namespace sweetspot {

/// A linear with what is learned beside it, and what that leaves for the backward pass.
struct Adapted {
    const LinearWeights& weights;
    Adapters& adapters;
    SavedAdapters& saved;
};

/// y = activation(x).
void activated(const LayerContext&, In x, Out y, Activation);

/// y = x · weightᵀ + bias, activated; `before` keeps what the activation was given.
void linear_forward(const LayerContext&, const LinearWeights&, In x, Out y, Out before = {},
                    Activation = Activation::none);
/// Likewise with adapters, which are added up in f32 before the activation.
void linear_forward(const LayerContext&, const Adapted&, In x, Out y, Out before = {},
                    Activation = Activation::none);

/// dx = dy · weight, unless it is absent: nothing that is learned lies below; the weight's and
/// bias's gradients are added to, unless they are absent.
void linear_backward(const LayerContext&, const LinearWeights&, In x, In dy, Out dx,
                     LinearWeights& gradients);
void linear_backward(const LayerContext&, const Adapted&, In x, In dy, Out dx,
                     LinearWeights& gradients);

} // namespace sweetspot
