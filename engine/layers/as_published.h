#pragma once
#include "engine/layers/layers.h"

/// What a study of layer fusions computed in their place. Each changes the function of the model,
/// and is here so that its numbers can be had again next to true ones (RunConfig::as_published).
namespace sweetspot {

/// attention_norm: LN1 made anew for every block and step, gain 1 and bias 0; else absent.
NormWeights published_norm(const LayerContext&);

/// mlp_norm: what attention gets instead of the normalised stream: its rows as they are, of the
/// products' type.
Tensor converted(const LayerContext&, const Residual&, std::int64_t first, std::int64_t count);

/// mlp_norm: x = MLP(norm(x)) + branch, where branch is Attention(x): parallel, without residual.
void published_mlp_block(const LayerContext&, const BlockWeights&, Residual&);

} // namespace sweetspot
