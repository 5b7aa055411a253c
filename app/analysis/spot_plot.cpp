#include "app/analysis/spot_plot.h"
#include "app/analysis/format.h"
#include <algorithm>
#include <cmath>

// The sweet spot as a drawing: what stands on the front, what ties, what is over a budget, as
// series of points that every painter knows.

namespace sweetspot {

namespace {

enum Kind { dominated, over, tied, front, taken, kinds };
constexpr std::array<const char*, kinds> kind_names{"dominated", "over a budget", "tied", "front",
                                                    "taken"};
constexpr std::array<int, kinds> kind_slots{5, 4, 2, 0, 1};

Kind kind_of(const Spots& spots, const Recommendation& found, std::size_t spot) {
    if (found.pick == spots.points[spot].run) return taken;
    if (spot < found.fits.size() && !found.fits[spot]) return over;
    switch (spots.points[spot].placed.standing) {
    case Standing::front: return front;
    case Standing::tied: return tied;
    case Standing::dominated: break;
    }
    return dominated;
}

PlotAxis axis_for(const Spots& spots, std::size_t objective) {
    double largest = 0, least = INFINITY;
    for (const auto& spot : spots.points) {
        largest = std::max(largest, std::abs(spot.values[objective].value));
        least = std::min(least, std::abs(spot.values[objective].value));
    }
    auto axis = axis_of(spots.objectives[objective], largest);
    constexpr double wide_range = 40;
    axis.from_zero = find_metric(spots.objectives[objective])->from_zero;
    if (least > 0 && largest / least > wide_range) {
        axis.scale = PlotScale::log10;
        axis.detail = "logarithmic";
    }
    return axis;
}

} // namespace

void add_misfits(PlotSpec& spec, std::span<const RunRecord> runs,
                 const std::function<double(const RunRecord&)>& peak_of) {
    PlotSeries failed{.name = "failed", .slot = -1}, impossible{.name = "impossible", .slot = -1};
    const bool placed = spec.x.name == "peak_bytes";
    for (const auto& run : runs) {
        if (run.status != RunStatus::failed && run.status != RunStatus::impossible) continue;
        const double peak = placed ? peak_of(run) : 0;
        const bool was_run = run.status == RunStatus::failed;
        (was_run ? failed.misfit_x : impossible.impossible_x)
            .push_back(peak > 0 ? peak / spec.x.factor : NAN);
        (was_run ? failed.misfit_ids : impossible.impossible_ids).push_back(run.id);
    }
    for (auto* series : {&failed, &impossible}) {
        const auto count = series->misfit_x.size() + series->impossible_x.size();
        if (count == 0) continue;
        if (!placed) series->name = std::to_string(count) + " " + series->name;
        spec.series.push_back(std::move(*series));
    }
}

Plot spot_plot(std::span<const RunRecord> runs, const Spots& spots, const Recommendation& found,
               std::span<const Budget> budgets) {
    Plot plot{.name = "sweet-spot", .title = "Sweet spot"};
    if (spots.objectives.size() < 2 || spots.points.empty()) return plot;
    plot.note = std::string(find_metric(spots.objectives[0])->title) + " against " +
                std::string(find_metric(spots.objectives[1])->title) +
                "; a run is dominated only if the data say so";
    PlotSpec spec{.x = axis_for(spots, 1), .y = axis_for(spots, 0), .kind = PlotKind::points};
    std::array<PlotSeries, kinds> series;
    for (std::size_t kind = 0; kind < kinds; ++kind)
        series[kind] = {.name = kind_names[kind], .slot = kind_slots[kind]};
    std::vector<std::size_t> order(spots.points.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto x_of = [&](std::size_t i) { return std::abs(spots.points[i].values[1].value); };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return x_of(a) < x_of(b); });
    for (const auto i : order) {
        auto& line = series[kind_of(spots, found, i)];
        line.x.push_back(x_of(i) / spec.x.factor);
        line.y.push_back(std::abs(spots.points[i].values[0].value) / spec.y.factor);
        line.ids.push_back(runs[spots.points[i].run].id);
    }
    for (auto& line : series)
        if (!line.x.empty()) spec.series.push_back(std::move(line));
    add_misfits(spec, runs, [](const RunRecord& run) {
        return value_of(run, "predicted_peak_bytes").value_or(0);
    });
    for (const auto& budget : budgets)
        for (const auto side : {PlotSide::x, PlotSide::y}) {
            const auto& axis = side == PlotSide::x ? spec.x : spec.y;
            if (budget.of == Budget::Of::metric && budget.name == axis.name)
                spec.limits.push_back({.name = to_text(budget),
                                       .side = side,
                                       .value = budget.value / axis.factor,
                                       .movable = true});
        }
    plot.facets.push_back(std::move(spec));
    return plot;
}

} // namespace sweetspot
