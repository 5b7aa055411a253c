#pragma once
#include <span>
#include <vector>

/// The statistics of samples, for the worker that stops by them and for the views that show them.
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

/// Half the width of the median's interval over the median: what `noise` of a run's config limits,
/// while it measures and when it is judged. 0 for fewer than two samples.
double relative_noise(const Summary&);

/// Of sorted values, of which there is one at least: what a share of them does not exceed, between
/// neighbours by their distance.
double quantile(std::span<const double> sorted, double share);

/// The middle value, or the mean of the two; 0 without values.
double median(std::vector<double> values);

} // namespace sweetspot
