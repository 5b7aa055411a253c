#pragma once
#include "engine/layers/layers.h"

/// Small linears with SiLU behind attention's heads, before these are projected together (the
/// "richer attention heads" of Nathan-Wang23/LLM_Compression): y_h = silu(W a_h + b), without norm
/// or residual, `head_mlp_depth` times. Heads that share a linear go through one product together.
namespace sweetspot {

/// Products of each depth: one for all heads, or one for each.
int head_products(const ModelConfig&);

/// The heads that one of these products takes: every row of every head, or the columns of one.
template <class View>
View heads_of(const ModelConfig& model, const View& x, int product) {
    if (head_products(model) > 1)
        return columns(x, product * std::int64_t(model.head_size), model.head_size);
    View y = x;
    y.shape = {x.shape[0] * model.heads, model.head_size};
    y.row_stride = 0;
    return y;
}

/// y = silu(x · weightᵀ + bias), head by head, by the linears of one depth; `before`, if present,
/// keeps what silu was given. All [rows, heads · head_size], dense, of the products' type; y is
/// another than x.
void head_mlp(const LayerContext&, const LinearWeights&, int depth, In x, Out y, Out before = {});

} // namespace sweetspot
