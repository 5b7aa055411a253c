#include "app/worker/stopping.h"
#include <algorithm>
#include <cmath>
#include <numeric>

namespace sweetspot {

double median_noise(std::vector<double> values) {
    const auto n = values.size();
    if (n < 6) return 1;
    std::sort(values.begin(), values.end());
    const double half = 0.98 * std::sqrt(double(n));
    const auto low = std::size_t(std::max(0.0, std::floor(double(n) / 2 - half)));
    const auto high = std::min(n - 1, std::size_t(std::ceil(double(n) / 2 + half)));
    const double median = (values[(n - 1) / 2] + values[n / 2]) / 2;
    return median > 0 ? (values[high] - values[low]) / 2 / median : 1;
}

bool enough(const RunConfig& config, const std::vector<double>& step_seconds) {
    const auto count = int(step_seconds.size());
    if (count >= config.max_repeats) return true;
    const double total = std::accumulate(step_seconds.begin(), step_seconds.end(), 0.0);
    return count >= config.repeats && total >= config.min_seconds &&
           median_noise(step_seconds) <= config.noise;
}

} // namespace sweetspot
