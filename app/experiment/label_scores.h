#pragma once
#include "engine/config/json.h"
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace sweetspot {

/// How near predicted numbers come to those that were expected.
struct NumberScores {
    std::optional<double> pearson{};  ///< nothing where either side's numbers are all equal
    std::optional<double> spearman{}; ///< likewise; ranks of equals are their mean
    double rmse = 0;
};
/// As many of one as of the other, at least one.
NumberScores score_numbers(std::span<const double> predictions, std::span<const double> expected);

/// How often which class, (expected, predicted), was taken for which.
using Confusion = std::map<std::pair<std::string, std::string>, std::size_t>;
/// {"expected": {"predicted": count, …}, …}
Json confusion_json(const Confusion&);

/// Likewise of classes.
struct ClassScores {
    double accuracy = 0;
    double macro_f1 = 0; ///< mean over the classes that occur on either side; 0 of one never hit
    Confusion confusion{};
};
ClassScores score_classes(std::span<const std::string> predictions,
                          std::span<const std::string> expected);

} // namespace sweetspot
