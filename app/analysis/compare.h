#pragma once
#include "app/analysis/quality.h"
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"
#include <optional>
#include <span>
#include <string_view>

namespace sweetspot {

/// What can be said of B against A. Memory and quality metrics use the same words: better and worse
/// follow the metric's direction. undecided: what was measured does not tell. not_comparable: what
/// was measured are two things.
enum class Verdict { same, better, worse, undecided, not_comparable };
constexpr std::array<std::string_view, 5> names_of(Verdict) {
    return {"same", "better", "worse", "undecided", "not comparable"};
}

struct MetricComparison {
    std::string metric{};
    double a = 0, b = 0;
    double ratio = 1;                     ///< b / a
    double ratio_low = 1, ratio_high = 1; ///< 95 % interval of a timed metric's ratio over rounds
    Verdict verdict = Verdict::same;
    /// Of a timed metric that was judged: how likely rounds of the same would look so; 1 unless it
    /// is better or worse.
    std::optional<double> chance{};
    std::string needs{}; ///< of undecided: what would decide; of not_comparable: why; a sentence
};

/// A field, or a fact of the environment, in which two runs differ.
struct Difference {
    std::string name{};
    std::string a{}, b{};
    bool environment = false;
};

struct Comparison {
    std::vector<MetricComparison> metrics{}; ///< those both runs have
    std::optional<PairedLoss> paired{};      ///< where both runs' token losses were loaded
    std::vector<Difference> differences{};
    std::vector<std::string>
        warnings{}; ///< sentences: more than one field, random weights, noise, …
};

/// What reading a clock twice may add to a time: a difference of times that is no greater is none.
inline constexpr double clock_seconds = 1e-7;

struct CompareOptions {
    double tolerance = 0.02;          ///< a smaller relative change of a timed metric is the same
    double quality_tolerance = 0.001; ///< likewise of loss and perplexity: rounding is no change
};

/// How changes of a run's metric are judged. Timed metrics are judged by their rounds
/// (judge_rounds), and not at all where one of the runs is flagged (flags_of). Memory, tokens and
/// FLOPs are exact: any change counts. A single number that could be noise, e.g. load time, is the
/// same or undecided, never more. A metric that has samples is timed.
Judgement judgement_of(const RunRecord&, std::string_view metric);

/// How many of the other finished runs may be as good as `best` by a timed metric, for all that was
/// measured: those that compare does not call worse.
int undecided_against(const RunRecord& best, std::span<const RunRecord>, std::string_view metric,
                      const CompareOptions& = {});

/// One metric of two runs. Both have a value.
MetricComparison compare_metric(const RunRecord& a, const RunRecord& b, const MetricInfo&,
                                const CompareOptions& = {});

/// Compares two runs; metrics are in the catalogue's order. Those of a run that is not done are not
/// comparable, nor are times of different tasks or losses over different tokens.
Comparison compare(const RunRecord& a, const RunRecord& b, const CompareOptions& = {});

} // namespace sweetspot
