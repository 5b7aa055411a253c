#pragma once
#include "app/analysis/run_plots.h"
#include "app/analysis/sweet_spot.h"
#include <functional>

namespace sweetspot {

/// The runs by their first two objectives, the second as x: dominated, tied, on the front, over a
/// budget and the one that is taken as series of their own, budgets on the two as lines, failed and
/// impossible ones as add_misfits() has it. No facets where one objective is all there is.
Plot spot_plot(std::span<const RunRecord>, const Spots&, const Recommendation&,
               std::span<const Budget>);

/// Adds the runs that failed and those that are impossible, each as a series of its own: where x is
/// the peak of memory at what they were predicted to take (bytes; 0 = not known), else beside all
/// points, with their number in the name.
void add_misfits(PlotSpec&, std::span<const RunRecord>,
                 const std::function<double(const RunRecord&)>& peak_of);

} // namespace sweetspot
