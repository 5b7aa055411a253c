#pragma once
#include "engine/probe/mlp.h"

namespace sweetspot {

/// Opens XGBoost's library (1.7 or later). Throws Error(unsupported) that names it where there is
/// none.
void require_xgboost();

struct BoostedFit {
    std::vector<double> test{}; ///< [rows of test, outputs]: numbers, or the classes' shares
    int trees = 0; ///< boosting steps that answer: with the least loss for rows of validation
};

/// Boosted trees with XGBoost's own settings: depth 6, a rate of 0.3; squared error, or, of
/// classes, the cross-entropy of a tree for each in each step, where y is largest at the right one.
/// Throws as require_xgboost() does, or Error(unsupported) with what the library says.
BoostedFit fit_boosted(const HeadProblem&, bool classes, int steps, std::uint64_t seed,
                       int threads);

} // namespace sweetspot
