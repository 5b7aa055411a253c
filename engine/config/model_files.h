#pragma once
#include "engine/config/json.h"
#include "engine/config/model_config.h"

namespace sweetspot {

/// A model from the fields of resources/models/*.json. `what` begins every error.
ModelConfig model_from_fields(const Json&, const std::string& what);

/// A model from Hugging Face's config.json of EsmForMaskedLM, LlamaForCausalLM or GPT2LMHeadModel.
/// Throws Error(unsupported) that names the setting for a kind the engine cannot compute.
ModelConfig model_from_hugging_face(const Json&, const std::string& what);

/// A model from the seven integers that begin llama2.c's .bin.
ModelConfig model_from_llama2c(const std::string& path);

/// Throws Error(bad_input) unless the sizes fit together.
void check_model(const ModelConfig&, const std::string& what);

} // namespace sweetspot
