#pragma once
#include "engine/config/run_config.h"
#include "engine/weights/source.h"
#include "kernels/cuda/two_of_four.h"
#include "kernels/ops/weight.h"
#include <optional>

namespace sweetspot {

/// y = x · weightᵀ + bias.
struct LinearWeights {
    Tensor weight{}; ///< packed for products, of the run's precision or in blocks
    Tensor bias{};   ///< [n] f32, or absent
    std::int64_t n = 0, k = 0;
    WeightFormat format = WeightFormat::dense;
    /// Linears [n / products, k] that are packed one behind the other, because each is a product of
    /// its own.
    int products = 1;
    double lost = 0, squares = 0; ///< sums of those of what rounding to blocks took, and of all
    ProductTimes times{};         ///< both ways to compute it on a GPU, if 2:4 was asked for there

    Weight packed() const { return {.data = weight, .n = n, .k = k, .format = format}; }
    /// One of them, dense.
    Weight packed(int product) const {
        return {.data = part_of_products(weight.in(), product), .n = n / products, .k = k};
    }
    /// Its rows of what lies like `all`: weight, bias, or one of their gradients.
    template <class View>
    View part_of_products(const View& all, int product) const {
        const std::int64_t rows_of_one = all.shape[0] / products;
        return rows(all, product * rows_of_one, rows_of_one);
    }
};

struct NormWeights {
    Tensor gain{}; ///< [width] f32
    Tensor bias{}; ///< [width] f32, or absent
};

/// A part that the block has no use for is absent (BlockShape::uses).
struct BlockWeights {
    NormWeights attention_norm{}, query_norm{}, key_norm{}, mlp_norm{};
    LinearWeights query_key_value{}, head_mlp{}, attention_output{}, up{}, down{};
};

/// All that a model has learned, each number once.
struct Weights {
    Tensor tokens{};    ///< [vocabulary, width], of the run's precision, or absent: the head's rows
    Tensor positions{}; ///< [positions, width] likewise, or absent
    NormWeights rotary{}; ///< what angles are divided by, or absent
    std::vector<BlockWeights> blocks{};
    NormWeights final_norm{};
    LinearWeights head_dense{}; ///< of a masked head, as head_norm
    NormWeights head_norm{};
    LinearWeights head{};
};

/// Calls visit(member) for the block's table, norm or linear at this part.
template <class Block, class Visit>
void visit_part_of_block(Block& block, Part part, Visit&& visit) {
    switch (part) {
    case Part::attention_norm: return visit(block.attention_norm);
    case Part::query_key_value: return visit(block.query_key_value);
    case Part::query_norm: return visit(block.query_norm);
    case Part::key_norm: return visit(block.key_norm);
    case Part::head_mlp: return visit(block.head_mlp);
    case Part::attention_output: return visit(block.attention_output);
    case Part::mlp_norm: return visit(block.mlp_norm);
    case Part::up: return visit(block.up);
    case Part::down: return visit(block.down);
    default: throw Error(Failure::bug, "a block has no such part");
    }
}
/// Likewise for all weights. This is the one place that knows which member is which part.
template <class AllWeights, class Visit>
void visit_part(AllWeights& weights, Part part, int layer, Visit&& visit) {
    switch (part) {
    case Part::tokens: return visit(weights.tokens);
    case Part::positions: return visit(weights.positions);
    case Part::rotary: return visit(weights.rotary);
    case Part::final_norm: return visit(weights.final_norm);
    case Part::head_dense: return visit(weights.head_dense);
    case Part::head_norm: return visit(weights.head_norm);
    case Part::head: return visit(weights.head);
    default: return visit_part_of_block(weights.blocks.at(std::size_t(layer)), part, visit);
    }
}

/// Calls visit(tensor) for each that a table, norm, linear or block has, in the order of their use.
template <class Visit>
void each_tensor(const Tensor& table, Visit&& visit) {
    if (table.present()) visit(table);
}
template <class Visit>
void each_tensor(const NormWeights& norm, Visit&& visit) {
    each_tensor(norm.gain, visit);
    each_tensor(norm.bias, visit);
}
template <class Visit>
void each_tensor(const LinearWeights& linear, Visit&& visit) {
    each_tensor(linear.weight, visit);
    each_tensor(linear.bias, visit);
}
template <class Visit>
void each_tensor(const BlockWeights& block, Visit&& visit) {
    each_place(1, [&](Part part, int) {
        if (!of_block(part)) return;
        visit_part_of_block(block, part, [&](const auto& member) { each_tensor(member, visit); });
    });
}
/// Calls visit(part, layer, tensor) for every tensor there is, in the order of use.
template <class Visit>
void each_tensor(const Weights& weights, Visit&& visit) {
    each_place(int(weights.blocks.size()), [&](Part part, int layer) {
        visit_part(weights, part, layer, [&](const auto& member) {
            each_tensor(member, [&](const Tensor& tensor) { visit(part, layer, tensor); });
        });
    });
}

/// How a linear's weight is made of what the source has: all but where to.
PackWeight packing_of(const ModelConfig&, const ModelPart&, WeightSource&,
                      WeightFormat = WeightFormat::dense);

/// What a part's matrix is stored in if a format is asked for: that of a block's linears is, as far
/// as its blocks divide the rows; a head of its own is rounded to 8 bits, because it decides the
/// next token, or as with QLoRA (nf4_dq) not at all; a tied head, tables and norms stay dense.
WeightFormat format_of(WeightFormat wanted, const ModelConfig&, const ModelPart&);
/// What became of it, in words: "q4_k; down in q5_0: its rows of 640 are no whole blocks; head
/// dense". "" if nothing was asked for.
std::string format_note(WeightFormat wanted, const ModelConfig&);
/// How far the blocks' linears are from the numbers they were rounded from, in all and by layer, as
/// shares of root mean squares: "; weights off by 8.6 %, by layer 8.5, 8.7 %". "" if none was.
std::string rounding_note(const Weights&);
/// What each linear of a block takes on a GPU in 2:4 and dense, and which it is; of a plan for one
/// how much more memory it may be. "" if nobody asked.
std::string times_note(const Weights&, const Context&);

/// Takes every parameter of the model that the run uses from the source, to where the run wants its
/// weights. Each is counted under Purpose::weights; what the source holds for a moment, under
/// workspace.
Weights load_weights(const ModelConfig&, const RunConfig&, WeightSource&, Context&);
/// The same in steps: all but the blocks, and one block.
Weights load_outside_blocks(const ModelConfig&, const RunConfig&, WeightSource&, Context&);
BlockWeights load_block(const ModelConfig&, const RunConfig&, int layer, WeightSource&, Context&);
/// How many those are.
std::int64_t parameters_used(const ModelConfig&, const RunConfig&);

constexpr DType dtype_of(Precision precision) {
    switch (precision) {
    case Precision::bf16: return DType::bf16;
    case Precision::f16: return DType::f16;
    default: return DType::f32;
    }
}

} // namespace sweetspot
