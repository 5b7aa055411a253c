#pragma once
#include "engine/config/model_config.h"
#include "engine/config/run_config.h"
#include <optional>

namespace sweetspot {

/// Why a run cannot be, a sentence; nothing if it can as far as the two configurations tell.
/// Files that are missing or do not fit are found out when the run begins.
std::optional<std::string> impossible(const RunConfig&, const ModelConfig&);

/// Why a GPU cannot attend through the model's window in sequences of up to so many tokens; nothing
/// if none is out of sight.
std::optional<std::string> beyond_window(const ModelConfig&, int longest);

/// Whether what a run is held against is named "dense": its own model in f32, with nothing rounded
/// or pruned, which is computed beside it.
bool has_own_reference(const RunConfig&);
RunConfig own_reference_of(const RunConfig&);

} // namespace sweetspot
