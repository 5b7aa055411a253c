#pragma once
#include "engine/config/pruning.h"
#include "engine/config/training.h"
#include <optional>

namespace sweetspot {

/// Of a step, from 0 on: grows in equal parts through the warm-up, whose last step has all of it,
/// and then stays, or falls in a line or half a cosine to `final_rate` of it at the last step.
double learning_rate_of(const Training&, int step);

/// What share of weights goes before a step, from 0 on; nothing if none does. Grows over
/// prune_steps to the sparsity by a cubic, fast while many weights are left (Zhu and Gupta, 2017).
std::optional<double> sparsity_before(const Pruning&, int step);

} // namespace sweetspot
