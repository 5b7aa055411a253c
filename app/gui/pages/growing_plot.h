#pragma once
#include "app/analysis/run_plots.h"
#include "app/gui/plot/plot_group.h"

namespace sweetspot::gui {

/// One metric of a sweep in a PlotGroup, growing run by run: a run that ended costs one point, not
/// a new plot. One facet is shown at a time.
class GrowingPlot {
public:
    /// `group` is not owned and must outlive this.
    explicit GrowingPlot(PlotGroup& group) : group_(group) {}

    /// Begins anew, without points; `layout` with the metric as its y.
    void start(PlotLayout layout);
    /// What was predicted of the metric before the run is measured. Drawn dashed, and kept as
    /// others are added. Of the run its place among the layout's, here and below.
    void predict(std::size_t place, const RunRecord& run, double value);
    /// Lines across it; values in the record's unit.
    void setLimits(std::vector<PlotLimit> limits) { limits_ = std::move(limits); }
    /// A run that ended; others are passed over. Shown after flush().
    void add(std::size_t place, const RunRecord& run);
    /// Shows what add() could not put in place: a first point, a cross, another unit.
    void flush();
    void showFacet(int facet);

private:
    std::vector<SeriesPoint>& pointsAt(std::vector<Facet>& facets, std::size_t place) const;
    PlotAxis axis() const;
    void addPredicted(PlotSpec& spec) const;

    PlotGroup& group_;
    PlotLayout layout_;
    std::vector<Facet> facets_;    ///< all of the layout, with what has come so far
    std::vector<Facet> predicted_; ///< the same facets and series
    std::vector<PlotLimit> limits_;
    int facet_ = 0;
    PlotAxis y_{};
    bool stale_ = true;
};

} // namespace sweetspot::gui
