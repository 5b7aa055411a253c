#include "app/gui/pages/growing_plot.h"
#include <algorithm>

namespace sweetspot::gui {

void GrowingPlot::start(PlotLayout layout) {
    layout_ = std::move(layout);
    facets_.clear();
    for (const QString& name : layout_.facets) {
        Facet facet{name.toStdString(), {}};
        for (const QString& series : layout_.series)
            facet.series.push_back({series.toStdString(), {}});
        facets_.push_back(std::move(facet));
    }
    facet_ = 0;
    stale_ = true;
}

void GrowingPlot::add(const RunRecord& run) {
    if (run.status == RunStatus::planned || run.status == RunStatus::running) return;
    const auto found = facets({&run, 1}, layout_.choice);
    if (found.empty()) return; // it has no such metric
    const auto facet = layout_.facets.indexOf(QString::fromStdString(found[0].name));
    const auto series = layout_.series.indexOf(QString::fromStdString(found[0].series[0].name));
    if (facet < 0 || series < 0) return;
    SeriesPoint point = found[0].series[0].points[0];
    if (!layout_.categories.isEmpty()) // its place among all values, not among its own
        point.x = double(layout_.categories.indexOf(
            QString::fromStdString(get_field(run.config, layout_.choice.x))));
    insert(int(facet), int(series), point);
}

void GrowingPlot::insert(int facet, int series, const SeriesPoint& point) {
    auto& points = facets_[size_t(facet)].series[size_t(series)].points;
    const auto place = std::upper_bound(points.begin(), points.end(), point,
                                        [](const auto& a, const auto& b) { return a.x < b.x; });
    const bool again = place != points.begin() && std::prev(place)->x == point.x;
    const bool first =
        std::none_of(points.begin(), points.end(), [](const SeriesPoint& p) { return !p.failed; });
    points.insert(place, point);
    if (facet != facet_) return;
    const bool spread_is_new =
        point.low < point.high &&
        std::none_of(points.begin(), points.end(), [&](const SeriesPoint& p) {
            return p.run_id != point.run_id && p.low < p.high;
        });
    stale_ = stale_ || point.failed || first || again || spread_is_new ||
             yFactor({facets_[size_t(facet)]}, layout_) != factor_;
    if (stale_) return;
    group_.append(
        0, series,
        {point.x, point.y / factor_, point.low / factor_, point.high / factor_, point.run_id});
}

void GrowingPlot::flush() {
    if (!stale_) return;
    stale_ = false;
    if (facets_.empty()) return group_.setSpecs({});
    auto specs = plotSpecs({facets_[size_t(facet_)]}, layout_, true);
    factor_ = yFactor({facets_[size_t(facet_)]}, layout_);
    PlotSpec& spec = specs[size_t(facet_)];
    spec.title.clear();
    group_.setSpecs({spec});
}

void GrowingPlot::showFacet(int facet) {
    if (facet == facet_ || facet >= int(facets_.size())) return;
    facet_ = facet;
    stale_ = true;
    flush();
}

} // namespace sweetspot::gui
