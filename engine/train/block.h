#pragma once
#include "engine/train/adapters.h"
#include "engine/train/head_mlp_backward.h"

/// A transformer's pieces as training computes them: forward with what the backward pass will read,
/// and backward. Whole batches go through each op; rows of no token are in none (layout ragged).
namespace sweetspot {

/// A norm's input, statistics and output.
struct SavedNorm {
    Tensor x;    ///< [rows, width] f32: the stream, the last branch added
    Tensor mean; ///< [rows] f32, of the layer kind
    Tensor rstd; ///< [rows] f32
    Tensor y;    ///< [rows, width] of the products' type; absent where it is computed again
};

/// What a block leaves for its backward pass. With Recompute::selective what follows from the rest
/// by a norm or an activation is dropped and computed again (y of both norms, of the heads' MLP,
/// inner); with full all
/// but the block's input.
struct SavedBlock {
    SavedNorm attention_in;
    Tensor query_key_value; ///< [rows, …] of the products' type, as all that follow: before norms
                            ///< of queries and keys, which are computed again
    Tensor heads;           ///< attention's output
    SavedHeadMlp head_mlp;
    Tensor log_sum_exp; ///< [heads, rows] f32: all that flash attention keeps of scores
    Tensor scores;      ///< naive attention's, all of them, as weights: f32
    SavedNorm mlp_in;
    Tensor before; ///< what the activation was given: gate and up side by side, if gated
    Tensor inner;  ///< what it gave
    SavedAdapters of_query_key_value, of_attention_output, of_up, of_down;
};

/// Calls visit(tensor) for each that is kept.
template <class Visit>
void each_tensor(SavedBlock& saved, Visit&& visit) {
    const auto one = [&](Tensor& tensor) {
        if (tensor.present()) visit(tensor);
    };
    const auto list = [&](std::vector<Tensor>& tensors) {
        for (Tensor& tensor : tensors) one(tensor);
    };
    for (SavedNorm* norm : {&saved.attention_in, &saved.mlp_in})
        one(norm->x), one(norm->mean), one(norm->rstd), one(norm->y);
    one(saved.query_key_value), one(saved.heads), one(saved.log_sum_exp), one(saved.scores);
    one(saved.before), one(saved.inner);
    list(saved.head_mlp.before), list(saved.head_mlp.y);
    list(saved.of_query_key_value), list(saved.of_attention_output);
    list(saved.of_up), list(saved.of_down);
}

/// y = norm(x + delta), or norm(x), whose x the caller then gives a home. `branch` is delta's
/// number, where its dropout is the norm's to do.
constexpr int no_branch = -1;
SavedNorm norm_forward(const LayerContext&, const NormWeights&, In x, In delta,
                       int branch = no_branch);

/// The gradient by what norm_forward() saw, from that by its y, or added to it; of weights that are
/// learned it is added to theirs.
void norm_backward(const LayerContext&, const NormWeights&, const SavedNorm&, In dy, Out dx,
                   bool accumulate, NormWeights& gradients);

/// The rest of a block whose first norm is done: fills in what is saved and gives the MLP's branch.
Tensor block_forward(const LayerContext&, const BlockWeights&, BlockAdapters&, const Segments&,
                     SavedBlock&, int layer);
/// Drops what block_backward() will compute again.
void forget(SavedBlock&, Recompute);

/// The gradient by a block's output becomes that by its input, in place: d_stream, [rows, width]
/// f32. Gradients of weights, row by row in f32, are added to `gradients`, and to the adapters';
/// those that are absent there are not computed. Where nothing `below` the block is learned, it
/// ends at the lowest of its linears that learns, and leaves d_stream unfinished.
void block_backward(const LayerContext&, const BlockWeights&, BlockAdapters&, const Segments&,
                    SavedBlock&, int layer, Out d_stream, BlockWeights& gradients, bool below);

/// Some rows of the stream through the head: the loss of each by its target, and the gradient of
/// `scale` (on a GPU `device_scale`, [1] f32) times their sum by the rows and, added to
/// `gradients`, by the weights. Logits live as long as the call.
struct HeadRows {
    In x;       ///< [rows, width] f32
    In branch;  ///< [rows, width] of the products' type: still to be added
    In targets; ///< [rows] i32, each in the vocabulary, or negative: not scored
    Out losses; ///< [rows] f32
    Out dx;     ///< [rows, width] f32: by x and by branch
};
void head_forward_backward(const LayerContext&, const Weights&, ModelAdapters&, const HeadRows&,
                           float scale, In device_scale, Weights& gradients);
/// The losses alone.
void head_forward(const LayerContext&, const Weights&, ModelAdapters&, const HeadRows&);

} // namespace sweetspot
