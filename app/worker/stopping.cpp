#include "app/worker/stopping.h"
#include "app/experiment/statistics.h"
#include <numeric>

namespace sweetspot {

namespace {
constexpr int fewest_quiet_steps = 6;
}

bool enough(const Measurement& config, const std::vector<double>& step_seconds) {
    const auto count = int(step_seconds.size());
    if (count >= config.max_repeats) return true;
    if (count < config.repeats || count < fewest_quiet_steps) return false;
    const double total = std::accumulate(step_seconds.begin(), step_seconds.end(), 0.0);
    return total >= config.min_seconds && relative_noise(summarize(step_seconds)) <= config.noise;
}

} // namespace sweetspot
