#pragma once
#include "app/analysis/compare.h"

namespace sweetspot {

/// Two runs that stand for each other.
struct Pair {
    const RunRecord *a = nullptr, *b = nullptr;
    Comparison comparison{};
};

struct Pairs {
    std::vector<Pair> pairs{};
    std::vector<std::string> changed{}; ///< fields that every pair differs in, and nothing else may
    int only_a = 0, only_b = 0;         ///< finished runs without a counterpart
    int doubted = 0;       ///< verdicts that are undecided because so many were asked for
    int judged = 0;        ///< verdicts on times that were asked for
    std::string problem{}; ///< why there are no pairs, a sentence; "" if there are
};

/// Matches two groups point by point: finished runs that are equal but for the fields that are the
/// same throughout each group and differ between them. Two single runs are a pair whatever they
/// are. The runs must outlive what is given.
Pairs match(std::span<const RunRecord> a, std::span<const RunRecord> b, const CompareOptions& = {});

/// One false verdict in so many answers of this kind, all pairs together.
inline constexpr double family_error = 0.05;

/// Takes back verdicts on times that so many answers would give by chance: of all that say better
/// or worse, those stay that Holm's procedure (1979) keeps at family_error. What is taken back
/// becomes undecided and says why. Gives how many.
int control_false_verdicts(std::vector<Pair>&);

} // namespace sweetspot
