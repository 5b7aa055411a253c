#pragma once
#include "engine/config/model_config.h"
#include <array>
#include <optional>
#include <string_view>
#include <vector>

/// What a model learns, listed once: counting, loading, residency, gradients and files go by it.
namespace sweetspot {

/// The places of a model where learned numbers sit, in the order in which a step uses them; those
/// of a block come again in each.
enum class Part {
    tokens,          ///< the embedding table
    positions,       ///< the table of learned positions
    rotary,          ///< what rotary angles are divided by, where files say it
    attention_norm,  ///< before a block's attention
    query_key_value, ///< one product for all three
    query_norm,      ///< of each head
    key_norm,
    head_mlp, ///< behind attention's heads, one linear [head_size, head_size] after the other: by
              ///< depth, and of each depth one for all heads or one for each
    attention_output,
    mlp_norm, ///< before a block's MLP
    up,       ///< into the MLP; gate and up together for SwiGLU
    down,     ///< out of it
    final_norm,
    head_dense, ///< of a masked head, as head_norm
    head_norm,
    head, ///< the output product
};
constexpr std::array<std::string_view, 16> names_of(Part) {
    return {"tokens",           "positions",  "rotary",    "attention_norm",
            "query_key_value",  "query_norm", "key_norm",  "head_mlp",
            "attention_output", "mlp_norm",   "up",        "down",
            "final_norm",       "head_dense", "head_norm", "head"};
}
constexpr bool of_block(Part part) {
    return part >= Part::attention_norm && part <= Part::down;
}

/// One parameter: of a linear or table with [rows, columns], or of `rows` numbers if it is a
/// vector.
struct Parameter {
    Part part = Part::tokens;
    int layer = 0;
    bool bias = false;
    std::vector<std::int64_t> rows{}; ///< several if the file has several to be stacked: q, k, v
    std::int64_t columns = 0;         ///< 0 for a vector

    std::int64_t total_rows() const;
    std::int64_t count() const;
};

/// What is learned at one place: its gain, table or matrix, and perhaps a bias.
struct ModelPart {
    Parameter weight;
    bool bias = false;
    /// Where files and draws have it: of a tied head, with the table of tokens.
    Part stored_as = weight.part;
    /// false: it is the table of tokens of a tied head, whose rows serve for both.
    bool held = true;

    std::int64_t count() const; ///< of what is held here
    /// Linears that are products of their own, stacked by output row; 1 but for a head MLP's.
    int products() const { return weight.part == Part::head_mlp ? int(weight.rows.size()) : 1; }
};

/// Nothing if the model has no such part.
std::optional<ModelPart> part_of(const ModelConfig&, Part, int layer = 0);

/// Calls visit(part, layer) for each place that a model of so many layers may have, in the order of
/// use; the layer is 0 outside the blocks.
template <class Visit>
void each_place(int layers, Visit&& visit) {
    constexpr int first = int(Part::attention_norm), end = int(Part::down) + 1;
    for (int part = 0; part < first; ++part) visit(Part(part), 0);
    for (int layer = 0; layer < layers; ++layer)
        for (int part = first; part < end; ++part) visit(Part(part), layer);
    for (int part = end; part < int(names_of(Part{}).size()); ++part) visit(Part(part), 0);
}

/// Calls visit(ModelPart) for each part that the model has, in the order of use.
template <class Visit>
void each_part(const ModelConfig& model, Visit&& visit) {
    each_place(model.layers, [&](Part part, int layer) {
        if (const auto found = part_of(model, part, layer)) visit(*found);
    });
}

/// What the model learns, each number once.
std::int64_t parameter_count(const ModelConfig&);

} // namespace sweetspot
