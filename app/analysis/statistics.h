#pragma once
#include "app/experiment/record.h"
#include "app/experiment/statistics.h"
#include <optional>
#include <string_view>
#include <vector>

namespace sweetspot {

/// A metric that is made of what a step took and another number of the run.
struct MadeOfSteps {
    std::string_view work{}; ///< that number's metric
    bool rate = true;        ///< work over what it took; else that over thousands of it
    std::string_view took = "step_seconds";
    double of(double step, double done) const { return rate ? done / step : step / done * 1000; }
};
/// Of tokens_per_second, flops_per_second, kilotoken_seconds and kilotoken_joules; nothing of
/// others.
std::optional<MadeOfSteps> made_of_steps(std::string_view metric);

/// A metric that so large a share of another one's samples do not exceed.
struct Percentile {
    std::string_view of{};
    double share = 0;
    int fewest = 0; ///< samples, below which the largest alone would decide
};
/// Of step_p99_seconds and the like; nothing of others.
std::optional<Percentile> percentile_of(std::string_view metric);

/// A record's measured values of a metric, warm-up left out, in the order they were taken. Those of
/// made_of_steps are made of what steps took. Empty if there are none.
std::vector<double> samples_of(const RunRecord&, std::string_view metric);

/// Whether samples_of has any.
bool has_samples(const RunRecord&, std::string_view metric);

/// Of samples_of, all rounds together, but for the median, which is value_of; nothing if there are
/// none.
std::optional<Summary> summarize(const RunRecord&, std::string_view metric);

/// Samples of a timed metric that lie far from the others of their round: more than three times the
/// range that holds the middle half of all (Tukey's outer fence), and 5 %. They count like others.
struct Outliers {
    int count = 0, of = 0; ///< of so many samples
    double furthest = 1;   ///< over its round's median
};
/// None below ten samples.
Outliers outliers_of(const RunRecord&, std::string_view metric);

/// What forbids a verdict on a run's times, as a word each: disturbed, if others computed beside
/// one of its rounds; noisy, if the noise of its steps exceeds the limit that its config sets.
std::vector<std::string> flags_of(const RunRecord&);

/// The run's value of a metric: recorded, or the median of its samples (of several rounds the
/// geometric mean of their medians), or made of others (made_of_steps, padding_efficiency,
/// perplexity); nothing if it has none.
std::optional<double> value_of(const RunRecord&, std::string_view metric);

/// Puts value_of() of every metric in the catalogue among the recorded ones, where asking for it
/// again is one look-up: of ten thousand runs a page asks a million times. For a run that has ended
/// and is only looked at.
void keep_values(RunRecord&);

} // namespace sweetspot
