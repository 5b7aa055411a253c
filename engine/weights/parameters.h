#pragma once
#include "engine/config/model_config.h"
#include <optional>
#include <string>
#include <vector>

namespace sweetspot {

/// The places of a model where learned numbers sit.
enum class Part {
    tokens,          ///< the embedding table
    positions,       ///< the table of learned positions
    attention_norm,  ///< before a block's attention
    query_key_value, ///< one product for all three
    attention_output,
    mlp_norm, ///< before a block's MLP
    up,       ///< into the MLP; gate and up together for SwiGLU
    down,     ///< out of it
    final_norm,
    head_dense, ///< of a masked head, as head_norm
    head_norm,
    head, ///< the output product
};

/// One parameter: of a linear or table with [rows, columns], or of `rows` numbers if it is a
/// vector.
struct Parameter {
    Part part = Part::tokens;
    int layer = 0;
    bool bias = false;
    std::vector<std::int64_t> rows{}; ///< several if the file has several to be stacked: q, k, v
    std::int64_t columns = 0;         ///< 0 for a vector

    std::int64_t total_rows() const;
};

/// What a family's files call a part's weight or bias, one name for each to be stacked, without
/// ".weight" and ".bias". Hugging Face's names: EsmForMaskedLM, LlamaForCausalLM, GPT2LMHeadModel.
std::vector<std::string> names_in_files(Family, Part, int layer, bool bias = false);
/// Begins most names; files of bare models leave it out.
std::string prefix_in_files(Family);
/// Whether a family's files hold its matrices as [columns, rows], as GPT-2's Conv1D.
bool transposed_in_files(Family, Part);
/// What some files hold a second time. It must agree with the first: where it does not, the file
/// and its config.json say different things.
enum class Copy {
    tokens,             ///< the embedding table, as a tied head's
    head_bias,          ///< of a masked head
    rotary_frequencies, ///< what follows from rotary_base
};
std::optional<Copy> copy_in_files(const ModelConfig&, const std::string& name);
/// Whether a name stands for something that a model does not use.
bool ignored_in_files(const ModelConfig&, const std::string& name);

} // namespace sweetspot
