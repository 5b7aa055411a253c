#include "app/worker/stopping.h"
#include "app/experiment/statistics.h"
#include <numeric>

namespace sweetspot {

namespace {
constexpr int fewest_quiet_steps = 6;
constexpr double patience = 10; ///< of min_seconds
} // namespace

bool warm(const Measurement& config, int steps, double seconds) {
    return steps >= config.warmup ||
           (config.min_seconds > 0 && seconds >= patience * config.min_seconds);
}

bool enough(const Measurement& config, const std::vector<double>& step_seconds) {
    const auto count = int(step_seconds.size());
    if (count >= config.max_repeats) return true;
    const double total = std::accumulate(step_seconds.begin(), step_seconds.end(), 0.0);
    if (count < config.repeats || total < config.min_seconds) return false;
    if (config.min_seconds > 0 && total >= patience * config.min_seconds) return true;
    return count >= fewest_quiet_steps && relative_noise(summarize(step_seconds)) <= config.noise;
}

} // namespace sweetspot
