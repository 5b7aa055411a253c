#include "app/gui/pages/growing_plot.h"
#include <algorithm>

namespace sweetspot::gui {

void GrowingPlot::start(PlotLayout layout) {
    layout_ = std::move(layout);
    facets_.clear();
    for (const std::string& name : layout_.facets) {
        Facet facet{name, {}};
        for (const std::string& series : layout_.series) facet.series.push_back({series, {}});
        facets_.push_back(std::move(facet));
    }
    facet_ = 0;
    stale_ = true;
}

void GrowingPlot::add(const RunRecord& run) {
    if (run.status == RunStatus::planned || run.status == RunStatus::running) return;
    const auto found = facets({&run, 1}, layout_.choice);
    if (found.empty()) return; // it has no such metric
    const int facet = layout_.facet_of(found[0].name);
    const int series = layout_.series_of(found[0].series[0].name);
    if (facet < 0 || series < 0) return;
    SeriesPoint point = found[0].series[0].points[0];
    if (const auto& names = layout_.x.categories; !names.empty()) // not its place among its own
        point.x =
            double(std::find(names.begin(), names.end(), get_field(run.config, layout_.choice.x)) -
                   names.begin());
    insert(facet, series, point);
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
    stale_ = stale_ || point.failed || first || again ||
             y_axis_of(std::span(&facets_[size_t(facet)], 1), layout_) != y_;
    if (stale_) return;
    group_.append(0, series,
                  {point.x, point.y / y_.factor, point.low / y_.factor, point.high / y_.factor,
                   point.run_id});
}

void GrowingPlot::flush() {
    if (!stale_) return;
    stale_ = false;
    if (facets_.empty()) return group_.setSpecs({});
    const auto shown = std::span(&facets_[size_t(facet_)], 1);
    auto specs = plot_specs(shown, layout_, true);
    y_ = y_axis_of(shown, layout_);
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
