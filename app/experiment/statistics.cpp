#include "app/experiment/statistics.h"
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

// One definition of median, interval and noise, by which the worker stops and which every view
// prints.

namespace sweetspot {

namespace {

/// P(at least `hits` of `draws`, each with probability p).
double binomial_tail(int draws, int hits, double p) {
    if (hits <= 0 || p >= 1) return 1;
    if (p <= 0) return 0;
    if (draws > 1000) {
        const double deviation = std::sqrt(draws * p * (1 - p));
        return 0.5 * std::erfc((hits - 0.5 - draws * p) / (deviation * std::sqrt(2.0)));
    }
    // Each term is made of the one before; logarithms for every term would cost a view of a
    // thousand runs seconds.
    double term = std::exp(std::lgamma(draws + 1.0) - std::lgamma(hits + 1.0) -
                           std::lgamma(draws - hits + 1.0) + hits * std::log(p) +
                           (draws - hits) * std::log1p(-p));
    double sum = 0;
    for (int i = hits; i <= draws; ++i) {
        sum += term;
        term *= (draws - i) / (i + 1.0) * p / (1 - p);
    }
    return std::min(sum, 1.0);
}

/// P(the `rank`-th least value of a resample of n is among the k least values): at least `rank` of
/// its n draws are.
double rank_within(int n, int rank, int k) {
    return binomial_tail(n, rank, double(k) / n);
}

/// The least k (1 = the least value) for which that is `share` or more.
int bootstrap_quantile(int n, int rank, double share) {
    int low = 1, high = n;
    while (low < high) {
        const int k = (low + high) / 2;
        if (rank_within(n, rank, k) >= share)
            high = k;
        else
            low = k + 1;
    }
    return low;
}

/// Of n sorted values, from 1: those between which their median lies with 95 %.
struct Ranks {
    int low, high;
};
/// An even number of samples has two middle ones; taking the outer of each bound is on the safe
/// side. Known from the second time on: runs of a view have few numbers of samples.
Ranks median_interval(int n) {
    thread_local std::map<int, Ranks> known;
    const auto [at, is_new] = known.try_emplace(n);
    if (is_new)
        at->second = {bootstrap_quantile(n, (n + 1) / 2, 0.025),
                      bootstrap_quantile(n, n / 2 + 1, 0.975)};
    return at->second;
}

} // namespace

double quantile(std::span<const double> sorted, double share) {
    const double place = share * double(sorted.size() - 1);
    const auto below = std::size_t(place);
    const auto above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], place - double(below));
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return quantile(values, 0.5);
}

Summary summarize(std::span<const double> values) {
    Summary s;
    if (values.empty()) return s;
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    const int n = int(sorted.size());
    s.count = n;
    s.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / n;
    double squares = 0;
    for (const double v : sorted) squares += (v - s.mean) * (v - s.mean);
    s.deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
    s.low = sorted.front();
    s.high = sorted.back();
    s.median = quantile(sorted, 0.5);
    s.p5 = quantile(sorted, 0.05);
    s.p25 = quantile(sorted, 0.25);
    s.p75 = quantile(sorted, 0.75);
    s.p95 = quantile(sorted, 0.95);
    const Ranks interval = median_interval(n);
    s.interval_low = sorted[std::size_t(interval.low - 1)];
    s.interval_high = sorted[std::size_t(interval.high - 1)];
    return s;
}

double relative_noise(const Summary& s) {
    if (s.count < 2 || s.median == 0) return 0;
    return 0.5 * (s.interval_high - s.interval_low) / std::abs(s.median);
}

} // namespace sweetspot
