#pragma once
#include "app/analysis/compare.h"
#include <optional>

namespace sweetspot {

/// What one field did on the way from a run to another that differs in several.
struct Share {
    std::string field{}, from{}, to{};
    std::optional<double> saved{}; ///< its part of the whole, in the metric's unit; < 0: it cost
    std::optional<double> first{}; ///< what it saved alone, changed before the others
    std::optional<double> last{};  ///< and after them
    /// Of the change alone, first if that was measured, else last; not_comparable if neither was.
    Verdict verdict = Verdict::not_comparable;
};

/// Two fields whose savings do not add up.
struct Interaction {
    std::string a{}, b{};
    double apart = 0;    ///< the sum of what each saved alone
    double together = 0; ///< what both saved
    bool told = false;   ///< the difference is certain: exact, or beyond what rounds vary by
};

/// Why one run is better than another by a metric, from runs between them in the grid.
struct Reasons {
    std::string metric{};
    double saved = 0;            ///< in the metric's unit, positive where the second is better
    std::vector<Share> shares{}; ///< in the order of fields
    double unshared = 0;         ///< `saved` less the sum of the shares that are known
    bool whole = false; ///< every run between the two is there: shares are Shapley's (1953), the
                        ///< means over all orders of the changes, and add up
    std::vector<Interaction> interactions{}; ///< where all four runs are there and do not add up
    std::vector<RunConfig> missing{};        ///< points between the two that would tell
};

/// Two runs differ in the fields of their canonical configurations, less those of how they are
/// measured. Where some run between the two is missing, a share is the mean of what its field saved
/// first and last, of those that were measured. `metric` has a better direction; both runs a value.
Reasons reasons(std::span<const RunRecord>, const RunRecord& from, const RunRecord& to,
                const MetricInfo& metric, const CompareOptions& = {});

/// As sentences: what each saved, what does not add up, what was not measured.
std::vector<std::string> sentences_of(const Reasons&);

} // namespace sweetspot
