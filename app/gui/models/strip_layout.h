#pragma once
#include "app/analysis/run_plots.h"
#include "app/experiment/record.h"
#include "app/gui/widgets/run_strip.h"

namespace sweetspot::gui {

/// Where each run of a sweep stands in a run strip: rows are variants (the plot's colours), groups
/// the values of x, cells the rest, in the order of the points. Where the runs are no full grid,
/// there is one group, and rows may be shorter. Every cell is queued.
struct StripLayout {
    QList<StripRow> rows;
    QStringList groups;
    std::vector<QPoint> places;         ///< by run: (cell, row)
    std::vector<std::vector<int>> runs; ///< by row and cell: index of the run
};
StripLayout stripLayout(std::span<const RunRecord> runs, const PlotLayout& layout,
                        const std::vector<std::string>& varying);

} // namespace sweetspot::gui
