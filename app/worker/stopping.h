#pragma once
#include "engine/config/run_config.h"
#include <vector>

namespace sweetspot {

/// Half the width of the median's 95 % interval over the median, from order statistics (ranks
/// n/2 ± 0.98 √n, no assumption about the distribution); 1 for fewer than six values, which have no
/// such interval.
double median_noise(std::vector<double> values);

/// True when enough was measured: at least `repeats` and `min_seconds`, and noise below the target;
/// or `max_repeats`, whatever the noise.
bool enough(const RunConfig&, const std::vector<double>& step_seconds);

} // namespace sweetspot
