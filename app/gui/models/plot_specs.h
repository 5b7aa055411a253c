#pragma once
#include "app/analysis/series.h"
#include "app/gui/plot/plot_spec.h"
#include <QStringList>

namespace sweetspot::gui {

/// What an axis says, from the field list and the metric catalogue: "Peak memory", "GiB", and what
/// values are divided by so that the largest reads well.
struct AxisText {
    QString title, unit;
    double factor = 1;
};
AxisText axisText(const std::string& name, double largest);

/// The frame of a plot of all runs of a sweep, whether they have values yet or not: a series keeps
/// its slot, and so its colour, while a sweep grows or a filter hides others.
struct PlotLayout {
    PlotChoice choice{};
    QStringList facets{}, series{}; ///< names in order; a series' slot is its place
    QStringList categories{};       ///< of x; empty where x is a number
    bool x_log2 = false;            ///< x takes powers of two only
};
PlotLayout plotLayout(std::span<const RunRecord> runs, const PlotChoice& choice);

/// A plot for each facet of the layout, all in one unit, with points where no line makes sense.
/// Empty facets and series are left out unless `whole`.
std::vector<PlotSpec> plotSpecs(const std::vector<Facet>& facets, const PlotLayout& layout,
                                bool whole = false);

/// The factor by which plotSpecs() divides y.
double yFactor(const std::vector<Facet>& facets, const PlotLayout& layout);

/// What a look at the plot must know and the plot cannot show: varying fields that no part of the
/// choice tells apart, or more series than colours. Empty if there is nothing.
QString plotNote(const PlotLayout& layout, const std::vector<std::string>& varying);

} // namespace sweetspot::gui
