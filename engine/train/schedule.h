#pragma once
#include "engine/config/training.h"

namespace sweetspot {

/// Of a step, from 0 on: grows in equal parts through the warm-up, whose last step has all of it,
/// and then stays, or falls in a line or half a cosine to `final_rate` of it at the last step.
double learning_rate_of(const Training&, int step);

} // namespace sweetspot
