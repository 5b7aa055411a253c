#pragma once
#include "app/experiment/record.h"
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sweetspot {

/// A distribution in the numbers that views show.
struct Summary {
    int count = 0;
    double median = 0, mean = 0, deviation = 0, low = 0,
           high = 0; ///< low, high: least and greatest
    double p5 = 0, p25 = 0, p75 = 0, p95 = 0;
    double interval_low = 0,
           interval_high = 0; ///< 95 % bootstrap interval of the median (Efron, 1979)
};

/// Of the values. The median's bootstrap distribution is computed, not drawn: Efron gives it in
/// closed form, so equal samples give equal intervals and ten thousand runs cost milliseconds.
Summary summarize(std::span<const double> values);

struct WeightedValue {
    double value = 0, probability = 0;
};

/// The bootstrap distribution of the median, by value; what is rarer than one in a billion is left
/// out. For an even number of values either middle one counts as the median.
std::vector<WeightedValue> median_distribution(std::span<const double> values);

/// A record's measured values of a metric, warm-up left out, in the order they were taken. Those of
/// tokens_per_second and flops_per_second are made of step_seconds. Empty if there are none.
std::vector<double> samples_of(const RunRecord&, std::string_view metric);

/// Of samples_of; nothing if there are none.
std::optional<Summary> summarize(const RunRecord&, std::string_view metric);

/// Half the width of the median's interval over the median: what `noise` of a run's config limits.
/// 0 for fewer than two samples.
double relative_noise(const Summary&);

/// The run's value of a metric: recorded, or the median of its samples, or made of others
/// (tokens_per_second, flops_per_second, padding_efficiency, perplexity); nothing if it has none.
std::optional<double> value_of(const RunRecord&, std::string_view metric);

} // namespace sweetspot
