#pragma once
#include "engine/config/run_config.h"
#include <vector>

namespace sweetspot {

/// True when `steps` that took `seconds` warmed up enough: `warmup` of them, or fewer that took ten
/// times `min_seconds`, if that is not 0.
bool warm(const Measurement&, int steps, double seconds);

/// True when enough was measured: at least `repeats` and `min_seconds`, and relative_noise() of the
/// steps, which views print, at most `noise`. Fewer than six steps are never quiet: no two of five
/// values enclose their median with 95 % (1 - 2 (1/2)^5 = 94 %). What goes on for the sake of the
/// noise alone ends with `max_repeats`, or with ten times `min_seconds` if that is not 0: a machine
/// whose steps take long gets the steps that were asked for, a quick one as many as make it quiet.
bool enough(const Measurement&, const std::vector<double>& step_seconds);

} // namespace sweetspot
