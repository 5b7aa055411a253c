#pragma once
#include "engine/layers/head_mlp.h"

namespace sweetspot {

/// What a head MLP leaves for its backward pass, by depth; all [rows, heads · head_size] of the
/// products' type.
struct SavedHeadMlp {
    std::vector<Tensor> before{}; ///< what silu was given
    std::vector<Tensor> y{};      ///< what it gave; dropped where it is computed again
};

/// What the output projection reads: `heads` as attention gave them, or what the model's head MLP
/// makes of them; computed, or found in what is saved, or made of it anew.
const Tensor& head_mlp_forward(const LayerContext&, const LinearWeights&, const Tensor& heads,
                               SavedHeadMlp&);

/// The gradient by what head_mlp_forward() gave becomes that by `heads`. Those of weights are added
/// to `gradients`, row by row in f32, unless they are absent there.
void head_mlp_backward(const LayerContext&, const LinearWeights&, const Tensor& heads,
                       SavedHeadMlp&, Tensor& d_heads, LinearWeights& gradients);

} // namespace sweetspot
