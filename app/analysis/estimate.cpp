#include "app/analysis/estimate.h"
#include "app/experiment/rounds.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

namespace {
constexpr std::size_t remembered = 50; // older runs say little of the machine as it is now
constexpr double start_seconds = 0.05; // making the model and its input
} // namespace

TimeEstimate::TimeEstimate(std::span<const RunRecord> history) {
    for (const auto& run : history) learn(run);
}

void TimeEstimate::learn(const RunRecord& run) {
    const auto rate = value_of(run, "flops_per_second");
    if (run.status != RunStatus::done || !rate || *rate <= 0) return;
    auto& rates = rates_[{run.config.device, run.config.precision}];
    rates.push_back(*rate);
    if (rates.size() > remembered) rates.erase(rates.begin());
}

std::optional<double> TimeEstimate::step_seconds(const RunConfig& config, double flops) const {
    auto found = rates_.find({config.device, config.precision});
    if (found == rates_.end())
        found = std::find_if(rates_.begin(), rates_.end(),
                             [&](const auto& entry) { return entry.first.first == config.device; });
    if (found == rates_.end()) return {};
    return flops / summarize(found->second).median;
}

std::optional<double> TimeEstimate::round_seconds(const RunConfig& config, double flops) const {
    const auto step = step_seconds(config, flops);
    if (!step) return {};
    const double least = std::ceil(config.min_seconds / std::max(*step, 1e-6));
    const double measured = std::clamp(least, double(config.repeats),
                                       double(std::max(config.repeats, config.max_repeats)));
    const bool trains = config.task == Task::train;
    const double steps = trains ? config.steps : config.warmup + measured;
    double seconds = start_seconds + (steps + (config.trace ? 1 : 0)) * *step;
    if (trains && config.train_seconds > 0) seconds = std::min(seconds, config.train_seconds);
    return config.timeout_seconds > 0 ? std::min(seconds, config.timeout_seconds) : seconds;
}

std::optional<double> TimeEstimate::run_seconds(const RunConfig& config, double flops) const {
    double sum = 0;
    for (int round = 0; round < rounds_of(config); ++round) {
        const auto seconds = round_seconds(round_config(config, round), flops);
        if (!seconds) return {};
        sum += *seconds;
    }
    return sum;
}

} // namespace sweetspot
