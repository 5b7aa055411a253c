#pragma once
#include "engine/config/pruning.h"
#include "engine/train/trained_model.h"
#include <span>

namespace sweetspot {

/// Whether pruning is of it: a weight of the blocks' linears.
bool is_prunable(const Learned&);

/// The smallest of the weights that are learned become 0, of what the run compares that share: what
/// was 0 is among them. On the host, a matrix at a time. How many there are and went.
PruneOutcome prune_learned(std::span<const Learned>, const ModelConfig&, const Pruning&,
                           double share, Context&);

} // namespace sweetspot
