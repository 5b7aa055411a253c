#pragma once
#include "app/analysis/plot.h"
#include "app/analysis/waterfall.h"

namespace sweetspot::gui {

/// The way from A to B as floating bars, each with its change above; the smallest of many are one
/// bar, so that all still add up.
PlotSpec plotOf(const Waterfall& waterfall);

} // namespace sweetspot::gui
