#pragma once
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"
#include <string_view>

namespace sweetspot {

/// What can be said of B against A. Memory and quality metrics use the same words: better and worse
/// follow the metric's direction; same: the interval lies within the tolerance; ambiguous: neither.
enum class Verdict { same, better, worse, ambiguous };
constexpr std::array<std::string_view, 4> names_of(Verdict) {
    return {"same", "better", "worse", "ambiguous"};
}

struct MetricComparison {
    std::string metric{};
    double a = 0, b = 0;
    double ratio = 1;                     ///< b / a
    double ratio_low = 1, ratio_high = 1; ///< 95 % bootstrap interval of the ratio of medians
    Verdict verdict = Verdict::same;
};

/// A field, or a fact of the environment, in which two runs differ.
struct Difference {
    std::string name{};
    std::string a{}, b{};
    bool environment = false;
};

struct Comparison {
    std::vector<MetricComparison> metrics{}; ///< those both runs have
    std::vector<Difference> differences{};
    std::vector<std::string>
        warnings{}; ///< sentences: more than one field, random weights, noise, …
};

struct CompareOptions {
    double tolerance = 0.02;          ///< a smaller relative change of a timed metric is the same
    double quality_tolerance = 0.001; ///< likewise of loss and perplexity: rounding is no change
};

/// How changes of a run's metric are judged.
/// Timed metrics are better or worse only if the ratio's interval lies beyond the tolerance and the
/// middle 90 % of both runs' samples are apart, the further the fewer there are (five at least), so
/// that an A/A comparison never says so. Memory, tokens and FLOPs are exact: any change counts. A
/// single number that could be noise, e.g. load time, is the same or ambiguous, never more. A
/// metric that has samples is timed.
Judgement judgement_of(const RunRecord&, std::string_view metric);

/// Compares two finished runs; metrics are in the catalogue's order.
Comparison compare(const RunRecord& a, const RunRecord& b, const CompareOptions& = {});

} // namespace sweetspot
