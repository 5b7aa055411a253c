#pragma once
#include "app/analysis/plot.h"
#include "app/gui/session/recent_sweeps.h"
#include "app/gui/theme/icons.h"

namespace sweetspot::gui {

/// What a sweep found, in one sentence made from its records: the optimization that changed the
/// time most, else the fastest configuration, else what went wrong.
struct SweepSentence {
    Icon icon = Icon::none;
    Ink ink = Ink::text2;
    QString text{};
};
/// What its runs say, which takes a while where they are many, and the shape of their first plot:
/// empty without finished runs.
struct Finding {
    Runs runs{};
    SweepSentence sentence{};
    PlotSpec shape{};
};
Finding findingOf(const RecentSweeps::Entry& entry);
/// With what else there is to say of the sweep now.
SweepSentence sentenceOf(const RecentSweeps::Entry& entry, const Finding& finding,
                         const SweepProgress& progress);

/// "today, 14:32", "yesterday, 18:04", "9 Nov", "9 Nov 2025"
QString whenText(double unix_seconds);

} // namespace sweetspot::gui
