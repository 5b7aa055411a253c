#pragma once
#include "app/analysis/spot_plot.h"
#include "app/cli/run_table.h"

namespace sweetspot {

/// A question about the sweet spot with its answer, for those who write it down.
struct SpotAnswer {
    std::vector<RunRecord> runs{};
    RunRecord elsewhere{}; ///< a baseline of another sweep: held against, not weighed
    const RunRecord* baseline = nullptr;
    std::vector<std::string> objectives{};
    std::vector<Budget> budgets{};
    Spots spots{};
    Recommendation found{};
    Explanation told{};
};

/// Weighs, recommends and explains. Runs, baseline, objectives and budgets are there.
void answer(SpotAnswer&);

/// What is recommended and why; or that nothing fits, and what is nearest.
std::vector<std::string> sentences_of(const SpotAnswer&);
/// Which runs were not weighed, and what else must be said.
std::vector<std::string> notes_of(const SpotAnswer&);
/// The front with what ties, the baseline and what is taken, best first.
RunTable spot_table(const SpotAnswer&);

/// What is taken against the baseline, a row a metric: a value of each, their ratio with its
/// interval, the verdict. No rows where nothing is taken, or the baseline itself.
RunTable gains_table(const SpotAnswer&);

/// For a report: by time per token (or step) and memory, and by quality where it differs. Nothing
/// where fewer than two runs can be weighed.
std::optional<SpotAnswer> spot_of_report(std::span<const RunRecord>);

/// The runs that scored something: loss, perplexity, and how they differ from their reference. No
/// rows if none did.
RunTable quality_table(std::span<const RunRecord>);

} // namespace sweetspot
