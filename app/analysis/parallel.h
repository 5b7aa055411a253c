#pragma once
#include "app/analysis/plot.h"
#include "app/analysis/series.h"

namespace sweetspot {

/// Runs as lines across several axes, fields and metrics, so that more than three can be seen at
/// once (parallel coordinates).
struct ParallelAxis {
    PlotAxis axis{};
    double low = 0, high = 0;      ///< in the axis's unit; of categories 0 and the last one's place
    std::vector<PlotTick> ticks{}; ///< at 0 to 1: values of a field, ends of a metric
};
struct ParallelLine {
    std::int64_t id = 0;
    std::vector<double> at{}; ///< on each axis, 0 at its low end to 1; NaN where the run has none
};
struct ParallelPlot {
    std::vector<ParallelAxis> axes{};
    std::vector<ParallelLine> lines{};
};

/// Runs that are done, on the axes of these fields and metrics. Axes of numbers are logarithmic
/// where the largest is over 40 times the smallest.
ParallelPlot parallel_plot(std::span<const RunRecord>, std::span<const std::string> names);

} // namespace sweetspot
