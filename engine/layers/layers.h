#pragma once
#include "engine/config/block_shape.h"
#include "engine/weights/residency.h"
#include "kernels/ops/activation.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/attention_cache.h"
#include "kernels/ops/norm.h"
#include <functional>

namespace sweetspot {

struct Residual;
/// Is shown the stream behind attention and the MLP of a block, where their outputs are its branch,
/// and behind the whole block.
using BlockLook = std::function<void(BlockPlace, const Residual&)>;
/// Is shown what a linear is about to multiply.
using InputLook = std::function<void(const LinearWeights&, In x)>;

/// What keys and values are kept in.
struct CacheType {
    DType type = DType::f32; ///< u8 for blocks
    WeightFormat format = WeightFormat::dense;
    bool rounds = false; ///< it is not what they are computed in
};
CacheType cache_type_of(const RunConfig&);

/// What the layers of one model have in common while they compute.
struct LayerContext {
    const ModelConfig& model;
    Context& context;
    WeightAccess& access; ///< is told which weights are read next
    AttentionVariant attention = AttentionVariant::flash;
    int window = 0; ///< how many tokens a token sees; 0 = all before it
    Fusion fusion = Fusion::epilogues;
    BlockShape shape{};
    DType dtype = DType::f32; ///< of products' inputs and outputs; norms and softmax are f32
    CacheType cache{};
    bool rounds_activations = false; ///< products with weights in blocks do
    bool tf32 = false;               ///< products round their f32 inputs
    Dropout dropout{};               ///< of each branch, with a seed of its own made from this one
    float adapter_dropout = 0;       ///< of what adapters read, likewise
    const std::uint64_t* device_seeds = nullptr; ///< of each branch, then adapter, or null
    In cosine{}, sine{};                         ///< the rotary table, or absent
    BlockLook look{};                            ///< empty where nobody looks
    InputLook look_at_inputs{}; ///< likewise; of linears that are no part of a fused kernel

    /// Whether bias, activation, residual and norm ride on the products and norms next to them.
    bool fused() const { return fusion != Fusion::none; }
    Tensor activations(std::int64_t rows, std::int64_t columns, DType dtype) const {
        return Tensor(context.allocator, {rows, columns}, dtype);
    }
};

/// Rows that go through a step together. On a CPU so few that what the step needs for a moment
/// stays small and in the cache: at least so many, and enough for every thread. On a GPU all; with
/// dropout, too, because a number's place decides whether it is dropped.
constexpr std::int64_t attention_rows = 512, mlp_rows = 512, head_rows = 256, rows_a_thread = 128;
std::int64_t rows_at_once(std::int64_t at_least, std::int64_t all, const LayerContext&);
/// Likewise for the head: on a GPU so many that their logits are at most this large.
constexpr std::size_t most_logits_bytes = 512u << 20;
std::int64_t head_rows_at_once(const LayerContext&);

/// Kernels' name for a run's attention.
constexpr AttentionKind kind_of(AttentionVariant attention) {
    static_assert(names_of(AttentionKind{}) == names_of(AttentionVariant{}));
    return AttentionKind(attention);
}

/// Calls visit(first, count) for rows in pieces of at most `step`.
template <class Visit>
void in_pieces(std::int64_t rows, std::int64_t step, Visit&& visit) {
    for (std::int64_t first = 0; first < rows; first += step)
        visit(first, std::min(step, rows - first));
}

/// Of one of the stream's branches, counted from 0: with a seed of its own.
Dropout dropout_of(const LayerContext&, int branch);

/// Whether the norm behind a branch does its dropout.
bool drops_in_norm(const LayerContext&);

/// The residual stream: x, and the output of the last branch, which the next norm adds to it. Where
/// nothing is fused the branch is added at once and never waits.
struct Residual {
    Tensor x;             ///< [rows, width] f32
    Tensor branch;        ///< [rows, width] of the products' type
    bool waiting = false; ///< whether branch is still to be added
    int branches = 0;     ///< how many there were

    std::int64_t rows() const { return x.shape()[0]; }
};

/// Rows [first, first + count) of the stream, normalised: [count, width] of the products' type.
/// Adds the waiting branch of these rows on the way.
Tensor normalised(const LayerContext&, const NormWeights&, Residual&, std::int64_t first,
                  std::int64_t count);

/// y = activation(x · weightᵀ + bias), in one op or in passes of their own.
void linear(const LayerContext&, const LinearWeights&, In x, Out y,
            Activation activation = Activation::none);

/// What comes after a branch's last product, of these rows: dropout and residual, as far as the
/// next norm does not do them.
void finish_branch(const LayerContext&, Residual&, std::int64_t first, std::int64_t count);
/// The branch is whole: the next norm finds it waiting, where anything is fused.
void end_branch(const LayerContext&, Residual&);
/// Adds the branch that waits, with its dropout.
void settle(const LayerContext&, Residual&);

/// y = activation(norm(rows) · weightᵀ + bias) of rows [first, first + y's) of the stream, as
/// normalised() and linear() do; in one kernel, if that is the fusion.
void normalised_linear(const LayerContext&, Fusion in_one, const NormWeights&, const LinearWeights&,
                       Residual&, std::int64_t first, Out y,
                       Activation activation = Activation::none);

/// The MLP of rows [first, first + count) of the stream up to its last product: [count, mlp_width]
/// of the products' type.
Tensor mlp_inner(const LayerContext&, const BlockWeights&, Residual&, std::int64_t first,
                 std::int64_t count);

/// Where keys and values of a layer go, and where the next token finds them.
struct LayerCache {
    KeyValueCache keys_values;                ///< of all sequences
    const std::vector<std::int32_t>& starts;  ///< [sequences]: tokens cached before this call
    const std::vector<std::int32_t>& lengths; ///< [sequences]: and after it
    In device_starts{}, device_lengths{};     ///< the same where a GPU reads them
    bool decoding = false; ///< one row a sequence, which attends to what is cached
};

/// One transformer block: attention, then MLP, each with its norm and residual; or as its shape
/// says. `cache` may be null.
void block(const LayerContext&, const BlockWeights&, Residual&, const Segments&, const LayerCache*);

/// The branch becomes Attention(norm(x)), for one group of sequences after the other.
void attention_block(const LayerContext&, const BlockWeights&, Residual&, const Segments&,
                     const LayerCache*);

/// The branch becomes MLP(norm(x)), in pieces of rows.
void mlp_block(const LayerContext&, const BlockWeights&, Residual&);

/// The model's last representation of rows [first, first + count) of the stream, behind its final
/// norm: [count, width] f32.
Tensor features(const LayerContext&, const Weights&, Residual&, std::int64_t first,
                std::int64_t count);

/// Logits of rows [first, first + count) of the stream: [count, vocabulary] f32.
Tensor logits(const LayerContext&, const Weights&, Residual&, std::int64_t first,
              std::int64_t count);

} // namespace sweetspot
