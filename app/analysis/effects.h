#pragma once
#include "app/analysis/compare.h"
#include "app/analysis/rounds.h"

namespace sweetspot {

/// What changing one optimization did, over all pairs of runs that are equal otherwise.
struct Effect {
    std::string field{}, from{}, to{};
    int pairs = 0;
    int timed_pairs = 0;                      ///< those with step times: predictions have none
    double time_ratio = 1;                    ///< step time after over before, geometric mean
    double time_least = 1, time_greatest = 1; ///< over the pairs
    /// Of the rounds of all pairs that were measured turn about and have no flag: each is a turn.
    RoundFinding time_finding{};
    double memory_ratio = 1; ///< peak memory, likewise
    double memory_least = 1, memory_greatest = 1;
};

/// What may be said of its step time, as compare says it of a pair.
Verdict time_verdict(const Effect&);

/// For each field of the group optimizations that varies: its first value against each other.
/// Pairs in which a run failed are left out; so are effects without pairs.
std::vector<Effect> effects(std::span<const RunRecord>, const CompareOptions& = {});

} // namespace sweetspot
