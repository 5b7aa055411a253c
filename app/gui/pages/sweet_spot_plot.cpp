#include "app/analysis/format.h"
#include "app/analysis/objective.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/spot_plot.h"
#include "app/gui/pages/budget_field.h"
#include "app/gui/pages/sweet_spot_page.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/choice.h"
#include <algorithm>
#include <cmath>
#include <map>

// The plot of the Sweet spot page: a point for each run that counts, the staircase of the front,
// crosses where runs failed, and the two limits that can be dragged.

namespace sweetspot::gui {

/// What a point has of the metric on an axis; costs are better lower.
double SweetSpotPage::placeOf(const Spot& spot, const PlotAxis& axis) const {
    const bool first = spots_.objectives.front() == axis.name;
    const double cost = spot.values[first ? 0 : 1].value;
    return (find_metric(axis.name)->better == Better::higher ? -cost : cost) / axis.factor;
}

PlotSpec SweetSpotPage::specOf() const {
    const std::string x = chosen(x_), y = chosen(y_);
    PlotSpec spec{.x = axis_of(x, std::max(0.0, endsOf(x).high)),
                  .y = axis_of(y, std::max(0.0, endsOf(y).high)),
                  .kind = PlotKind::points};
    spec.x.scale = log_x_->isChecked() ? PlotScale::log10 : PlotScale::linear;
    spec.y.scale = log_y_->isChecked() ? PlotScale::log10 : PlotScale::linear;
    addPoints(spec);
    add_misfits(spec, *runs_, [this](const RunRecord& run) { return session_.predictedPeak(run); });
    addGuesses(spec);
    addFront(spec);
    spec.limits = {limitOf(PlotSide::x, spec), limitOf(PlotSide::y, spec)};
    return spec;
}

/// A series for each variant, in colours of a third metric if one is chosen.
void SweetSpotPage::addPoints(PlotSpec& spec) const {
    const auto& runs = *runs_;
    const std::string shade = chosen(colour_);
    const Ends ends = shade.empty() ? Ends{} : endsOf(shade);
    scale_->setVisible(ends.known());
    if (ends.known()) {
        const MetricInfo& metric = *find_metric(shade);
        // Ends that are near each other are told apart by more digits.
        constexpr int most_digits = 6;
        const ScaledUnit unit = scaled_unit(ends.high, metric.unit);
        const auto text = [&](double value, int digits) {
            return QString::fromStdString(format_number(value / unit.factor, digits) +
                                          (unit.label.empty() ? "" : " " + unit.label));
        };
        int digits = 3;
        while (digits < most_digits && ends.low < ends.high &&
               text(ends.low, digits) == text(ends.high, digits))
            ++digits;
        scale_->setEnds(QString::fromStdString(axis_of(shade, 0).title) + ' ' +
                            text(ends.low, digits),
                        text(ends.high, digits));
    }
    std::map<std::string, std::size_t> places;
    std::vector<std::string> names;
    for (const Spot& spot : spots_.points) {
        const RunRecord& run = runs[spot.run];
        const std::string name = series_name(run.config, choice_);
        const auto [place, added] = places.emplace(name, spec.series.size());
        if (added) {
            spec.series.push_back({.name = name});
            names.push_back(name);
        }
        PlotSeries& series = spec.series[place->second];
        series.x.push_back(placeOf(spot, spec.x));
        series.y.push_back(placeOf(spot, spec.y));
        series.ids.push_back(run.id);
        if (!ends.known()) continue;
        const double value = value_of(run, shade).value_or(ends.high);
        series.shades.push_back(ends.high > ends.low ? (value - ends.low) / (ends.high - ends.low)
                                                     : 0);
    }
    const std::vector<int> colours = slots_of(names);
    for (std::size_t i = 0; i < spec.series.size(); ++i) spec.series[i].slot = colours[i];
}

/// The corners of the staircase between the points that no other beats.
void SweetSpotPage::addFront(PlotSpec& spec) const {
    std::vector<std::pair<double, double>> points;
    for (const Spot& spot : spots_.points)
        if (spot.placed.standing == Standing::front)
            points.emplace_back(placeOf(spot, spec.x), placeOf(spot, spec.y));
    std::sort(points.begin(), points.end());
    PlotSeries front{.name = tr("front").toStdString(), .slot = -1, .joined = true};
    if (spots_.objectives.size() > 2) { // no staircase is the front of three: its points are ringed
        constexpr int ring = 3;         // its slot
        front.joined = false;
        front.marker = ring;
        for (const auto& [x, y] : points) front.x.push_back(x), front.y.push_back(y);
        if (!points.empty()) spec.series.push_back(std::move(front));
        return;
    }
    // Until the next point, the one before is the best there is; of a metric that is better higher
    // the next one already is.
    const bool holds = find_metric(spec.x.name)->better == Better::lower;
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (i > 0) {
            front.x.push_back(holds ? points[i].first : points[i - 1].first);
            front.y.push_back(holds ? points[i - 1].second : points[i].second);
        }
        front.x.push_back(points[i].first);
        front.y.push_back(points[i].second);
    }
    if (points.size() > 1) spec.series.push_back(std::move(front));
}

PlotLimit SweetSpotPage::limitOf(PlotSide side, const PlotSpec& spec) const {
    const bool x = side == PlotSide::x;
    const PlotAxis& axis = x ? spec.x : spec.y;
    const BudgetField& field = x ? *x_budget_ : *y_budget_;
    const bool least = find_metric(axis.name)->better == Better::higher;
    const double open =
        least ? (x ? range_.x_low : range_.y_low) : (x ? range_.x_high : range_.y_high);
    return {.name = (field.value() ? field.text() : tr("no limit")).toStdString(),
            .side = side,
            .value = field.value() ? *field.value() / axis.factor : open,
            .movable = true,
            .veil = !field.value() ? PlotLimit::Veil::none
                    : least        ? PlotLimit::Veil::below
                                   : PlotLimit::Veil::above};
}

/// The lines follow what the fields say.
void SweetSpotPage::moveLimits() {
    if (plot_->views().isEmpty()) return;
    PlotView* view = plot_->views().front();
    view->setLimit(0, limitOf(PlotSide::x, view->spec()));
    view->setLimit(1, limitOf(PlotSide::y, view->spec()));
}

} // namespace sweetspot::gui
