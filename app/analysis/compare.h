#pragma once
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"

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
    double tolerance = 0.01; ///< a smaller relative change is the same
};

/// Compares two finished runs. An A/A comparison must never say better or worse.
Comparison compare(const RunRecord& a, const RunRecord& b, const CompareOptions& = {});

} // namespace sweetspot
