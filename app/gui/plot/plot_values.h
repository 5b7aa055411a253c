#pragma once
#include "app/analysis/plot.h"
#include <QString>
#include <span>

namespace sweetspot::gui {

/// The points of plots as CSV, in the units of their axes: plot, series, x, y, the ends of the
/// interval where there is one, and the run. A point without a value has an empty y.
QString valuesOf(std::span<const PlotSpec> plots);

} // namespace sweetspot::gui
