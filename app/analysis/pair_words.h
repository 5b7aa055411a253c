#pragma once
#include "app/analysis/match.h"
#include <array>

/// What is said of pairs of runs: the same words on the command line, in pages and in the window.
namespace sweetspot {

/// What people look at first of many pairs.
inline constexpr std::array pair_metrics{"step_seconds", "decode_seconds", "peak_bytes",
                                         "perplexity"};

/// "1.25 (1.24 to 1.27)".
std::string ratio_text(const MetricComparison&);
/// "faster", "more, worse", "undecided".
std::string verdict_text(const MetricComparison&);

/// "Step time over 12 pairs: × 0.512 in the geometric mean (0.48 to 0.61); 8 faster, 4 undecided.":
/// a sentence for each of pair_metrics that some pair has.
std::vector<std::string> summaries_of(const Pairs&);
/// What would decide where nothing did, and why things are not comparable: a sentence each, once.
std::vector<std::string> needs_of(const std::vector<Pair>&);
/// What must be said before anything is believed.
std::vector<std::string> warnings_of(const Pairs&);

} // namespace sweetspot
