#pragma once
#include "engine/config/model_config.h"
#include "engine/config/run_config.h"
#include <optional>

namespace sweetspot {

/// Why a run cannot be, a sentence; nothing if it can as far as the two configurations tell.
/// Files that are missing or do not fit are found out when the run begins.
std::optional<std::string> impossible(const RunConfig&, const ModelConfig&);

} // namespace sweetspot
