#pragma once
#include "app/analysis/match.h"
#include "app/analysis/quality.h"
#include "app/analysis/waterfall.h"
#include "app/cli/references.h"
#include <iosfwd>

namespace sweetspot {

/// Two groups of runs that were matched; there is a pair.
struct ComparedSets {
    std::string title_a{}, title_b{};
    Pairs found{};
    By by = By::phase;                 ///< of a single pair's waterfalls
    std::vector<Timeline> timelines{}; ///< of its two runs, where both were recorded
    double logit_tolerance = usual_tolerance;
};

/// For people, as tables and sentences.
void write_comparison_markdown(std::ostream&, const ComparedSets&);
/// For programs: a list of pairs, with waterfalls for each where its runs have details.
void write_comparison_json(std::ostream&, const ComparedSets&);
/// One file with sortable tables and bars.
void write_comparison_html(std::ostream&, const ComparedSets&);

} // namespace sweetspot
