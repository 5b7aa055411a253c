#pragma once
#include "engine/config/json.h"
#include "engine/config/model_config.h"

namespace sweetspot {

/// A model from the fields of resources/models/*.json. `what` begins every error.
ModelConfig model_from_fields(const Json&, const std::string& what);

/// The fields of a model, as model_from_fields() reads them.
Json fields_of(const ModelConfig&);

/// A model from the seven integers that begin llama2.c's .bin.
ModelConfig model_from_llama2c(const std::string& path);

/// More than any model has, and little enough that sizes of tensors never overflow.
constexpr int most_channels = 1 << 20;

/// Throws Error(bad_input) unless the sizes fit together and are such as a model may have.
void check_model(const ModelConfig&, const std::string& what);

} // namespace sweetspot
