#pragma once
#include "engine/config/gguf_entries.h"
#include "engine/config/model_config.h"
#include "kernels/core/weight_format.h"
#include <string>

namespace sweetspot {

/// The architecture under whose name GGUF has a model. Throws Error(unsupported) for one that is of
/// none of LLaMA's kinds, or whose positions are scaled in a way that GGUF has no key for.
std::string gguf_architecture(const ModelConfig&);
/// All that model_from_gguf() asks for; `table` is the type of what is not in blocks.
void describe_model(const ModelConfig&, WeightFormat, std::string_view table, GgufEntries&);

} // namespace sweetspot
