#pragma once
#include "engine/config/model_config.h"
#include "engine/config/run_config.h"
#include <optional>

namespace sweetspot {

/// Why a run cannot be, a sentence; nothing if it can as far as the two configurations tell.
/// Files that are missing or do not fit are found out when the run begins.
std::optional<std::string> impossible(const RunConfig&, const ModelConfig&);

/// Whether what a run is held against is named "dense": its own model in f32, with nothing rounded
/// or pruned, which is computed beside it.
bool has_own_reference(const RunConfig&);
RunConfig own_reference_of(const RunConfig&);

} // namespace sweetspot
