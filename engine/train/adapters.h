#pragma once
#include "engine/layers/layers.h"

/// Low-rank adapters (LoRA; Hu et al., 2021): what is learned in place of a linear's weight, as two
/// thin products beside it. The change that they amount to is never formed.
namespace sweetspot {

/// y[:, first …] += scale · (x · aᵀ) · bᵀ, some rows of a linear's weight.
struct Adapter {
    LinearWeights a;                   ///< [rank, k], without a bias, as b
    LinearWeights b;                   ///< [so many rows, rank]
    Tensor a_gradient{}, b_gradient{}; ///< row by row, f32
    std::int64_t first = 0;            ///< of the linear's rows
    float scale = 1;
    int number = 0; ///< among all of a model and its branches: its dropout draws by it
};
using Adapters = std::vector<Adapter>;

struct BlockAdapters {
    Adapters query_key_value, attention_output, up, down;
};
/// Of what has none the lists are empty.
struct ModelAdapters {
    std::vector<BlockAdapters> blocks;
    Adapters head_dense;

    /// Throws Error(bug) for a part that cannot have any.
    Adapters& at(Part, int layer);
};

/// scale · (x · aᵀ) of each adapter, for the backward pass: [rows, rank] of the products' type.
using SavedAdapters = std::vector<Tensor>;

/// Adds what adapters make of x [rows, k] to y [rows, n], f32.
void adapt(const LayerContext&, const Adapters&, In x, Out y, SavedAdapters&);
/// Adds their gradients from that by y, and the gradient by x to dx [rows, k], f32, or absent.
void adapt_backward(const LayerContext&, Adapters&, In x, In dy, Out dx, const SavedAdapters&);

} // namespace sweetspot
