#pragma once
#include "engine/config/run_config.h"
#include <vector>

namespace sweetspot {

/// True when enough was measured: at least `repeats` and `min_seconds`, and relative_noise() of the
/// steps, which views print, at most `noise`; or `max_repeats`, whatever the noise. Fewer than six
/// steps are never quiet: no two of five values enclose their median with 95 %
/// (1 - 2 (1/2)^5 = 94 %).
bool enough(const Measurement&, const std::vector<double>& step_seconds);

} // namespace sweetspot
