#pragma once
#include "engine/config/run_config.h"
#include <string>

namespace sweetspot {

/// What the weights that a run loads depend on, as text: runs whose keys are equal can share a
/// model that is loaded. "" of a run that shares with none: on a GPU, whose graphs, pool and
/// choices of libraries would be another point's; where weights change (training); where loading
/// looks at data (pruning by a text); and a plan, which loads nothing.
std::string model_key(const RunConfig&);

} // namespace sweetspot
