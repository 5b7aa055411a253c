#pragma once
#include "engine/config/foreign_tensors.h"
#include "engine/config/parameters.h"
#include <optional>
#include <string>

namespace sweetspot {

/// What a family's files call a part's weight or bias, one name for each to be stacked, without
/// ".weight" and ".bias". Hugging Face's names: EsmForMaskedLM, LlamaForCausalLM, GPT2LMHeadModel.
std::vector<std::string> names_in_files(Family, Part, int layer, bool bias = false);
/// What a GGUF file of one of LLaMA's kind calls what its checkpoints call so.
std::string name_in_gguf(const std::string& name);
/// Begins most names; files of bare models leave it out.
std::string prefix_in_files(Family);
/// Whether a family's files hold its matrices as [columns, rows], as GPT-2's Conv1D.
bool transposed_in_files(Family, Part);
/// Which copy a name stands for, if the model has what it is a copy of.
std::optional<Copy> copy_in_files(const ModelConfig&, const std::string& name);
/// Whether a name stands for something that a model does not use.
bool ignored_in_files(const ModelConfig&, const std::string& name);

} // namespace sweetspot
