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
    /// What was predicted of each run before it is measured: records that have the metric. Drawn
    /// dashed, and kept as others are added.
    void predict(std::span<const RunRecord> predicted);
    /// Lines across it; values in the record's unit.
    void setLimits(std::vector<PlotLimit> limits) { limits_ = std::move(limits); }
    /// A run that ended; others are passed over. Shown after flush().
    void add(const RunRecord& run);
    /// Shows what add() could not put in place: a first point, a cross, another unit.
    void flush();
    void showFacet(int facet);

private:
    /// Where a run's point belongs; nothing where it has none.
    struct Place {
        int facet, series;
        SeriesPoint point;
    };
    std::optional<Place> placeOf(const RunRecord& run) const;
    void insert(const Place& place);
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
