#include "app/gui/pages/growing_plot.h"
#include "app/gui/models/run_text.h"
#include <algorithm>

// A plot that grows: what was predicted stands there from the beginning, dashed, and each run that
// ends adds its point.

namespace sweetspot::gui {
namespace {

std::vector<Facet> framed(const PlotLayout& layout) {
    std::vector<Facet> all;
    for (const std::string& name : layout.facets) {
        Facet facet{name, {}};
        for (const std::string& series : layout.series) facet.series.push_back({series, {}});
        all.push_back(std::move(facet));
    }
    return all;
}

auto placeIn(std::vector<SeriesPoint>& points, double x) {
    return std::upper_bound(points.begin(), points.end(), x,
                            [](double at, const SeriesPoint& p) { return at < p.x; });
}

} // namespace

void GrowingPlot::start(PlotLayout layout) {
    layout_ = std::move(layout);
    facets_ = predicted_ = framed(layout_);
    limits_.clear();
    facet_ = 0;
    stale_ = true;
}

std::vector<SeriesPoint>& GrowingPlot::pointsAt(std::vector<Facet>& facets,
                                                std::size_t place) const {
    const auto& [facet, series] = layout_.places[place];
    return facets[size_t(facet)].series[size_t(series)].points;
}

void GrowingPlot::predict(std::size_t place, const RunRecord& run, double value) {
    const auto x = x_of(run, layout_);
    if (!x) return;
    auto& points = pointsAt(predicted_, place);
    points.insert(placeIn(points, *x), {.x = *x, .y = value, .low = value, .high = value});
    stale_ = true;
}

void GrowingPlot::add(std::size_t place, const RunRecord& run) {
    if (run.status == RunStatus::planned || run.status == RunStatus::running || wasStopped(run))
        return;
    const auto x = x_of(run, layout_);
    const auto found = x ? point_at(*x, run, layout_.choice.y) : std::nullopt;
    if (!found) return; // it has no such metric
    const SeriesPoint& point = *found;
    auto& points = pointsAt(facets_, place);
    const auto at = placeIn(points, point.x);
    const bool again = at != points.begin() && std::prev(at)->x == point.x;
    const bool first =
        std::none_of(points.begin(), points.end(), [](const SeriesPoint& p) { return !p.failed; });
    points.insert(at, point);
    const auto& [facet, series] = layout_.places[place];
    if (facet != facet_) return;
    stale_ = stale_ || point.failed || first || again || axis() != y_;
    if (stale_) return;
    group_.append(0, series,
                  {point.x, point.y / y_.factor, point.low / y_.factor, point.high / y_.factor,
                   point.run_id});
}

/// One unit and scale for what was measured and what was predicted.
PlotAxis GrowingPlot::axis() const {
    const Facet shown[] = {facets_[size_t(facet_)], predicted_[size_t(facet_)]};
    return y_axis_of(shown, layout_);
}

/// Behind the series measured, so that these keep their places.
void GrowingPlot::addPredicted(PlotSpec& spec) const {
    const auto& series = predicted_[size_t(facet_)].series;
    for (size_t i = 0; i < series.size() && spec.kind == PlotKind::lines; ++i) {
        if (series[i].points.empty()) continue;
        PlotSeries dashed{.name = series[i].name, .slot = layout_.colours[i], .predicted = true};
        for (const SeriesPoint& point : series[i].points) {
            dashed.x.push_back(point.x / spec.x.factor);
            dashed.y.push_back(point.y / y_.factor);
        }
        spec.series.push_back(std::move(dashed));
    }
}

void GrowingPlot::flush() {
    if (!stale_) return;
    stale_ = false;
    if (facets_.empty()) return group_.setSpecs({});
    auto specs = plot_specs(std::span(&facets_[size_t(facet_)], 1), layout_, true);
    y_ = axis();
    PlotSpec& spec = specs[size_t(facet_)];
    spec.title.clear();
    for (PlotSeries& series : spec.series)
        for (auto* values : {&series.y, &series.lo, &series.hi})
            for (double& value : *values) value *= spec.y.factor / y_.factor;
    spec.y = y_;
    addPredicted(spec);
    for (PlotLimit limit : limits_) {
        limit.value /= y_.factor;
        spec.limits.push_back(limit);
    }
    group_.setSpecs({spec});
}

void GrowingPlot::showFacet(int facet) {
    if (facet == facet_ || facet >= int(facets_.size())) return;
    facet_ = facet;
    stale_ = true;
    flush();
}

} // namespace sweetspot::gui
