#pragma once
#include "app/experiment/record.h"
#include <optional>
#include <span>

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

/// Of the values; the bootstrap is seeded, so equal samples give equal intervals.
Summary summarize(std::span<const double> values);

/// Of a record's measured samples, warm-up left out; nothing if there are none.
std::optional<Summary> summarize(const RunRecord&, std::string_view metric);

/// The run's value of a metric: recorded, or the median of its samples, or made of others
/// (tokens_per_second, flops_per_second, padding_efficiency, perplexity); nothing if it has none.
std::optional<double> value_of(const RunRecord&, std::string_view metric);

} // namespace sweetspot
