#include "app/analysis/parallel.h"
#include "app/analysis/format.h"
#include "app/analysis/run_plots.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

namespace {

constexpr double wide_range = 40;
constexpr std::size_t most_ticks = 8; // of more values the ends alone have names

/// What a run has on an axis, in the axis's unit.
double value_on(const PlotAxis& axis, const RunRecord& run) {
    if (find_metric(axis.name)) return value_of(run, axis.name).value_or(NAN) / axis.factor;
    const auto text = get_field(run.config, axis.name);
    if (axis.categories.empty()) {
        double number = NAN;
        return from_text(text, number) ? number : NAN;
    }
    const auto found = std::find(axis.categories.begin(), axis.categories.end(), text);
    return found == axis.categories.end() ? NAN : double(found - axis.categories.begin());
}

std::vector<PlotTick> ticks_for(const ParallelAxis& on, std::vector<double> values) {
    const bool measured = find_metric(on.axis.name); // all its digits would cover the axis beside
    const int digits = format_number(on.low, 4) == format_number(on.high, 4) ? 6 : 4;
    const auto label = [&](double value) {
        return !on.axis.categories.empty() ? on.axis.categories[std::size_t(value)]
               : measured                  ? format_number(value, digits)
                                           : format_tick(value);
    };
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    if (values.size() > most_ticks || measured) values = {on.low, on.high};
    std::vector<PlotTick> ticks;
    if (on.low == on.high) return {{0.5, label(on.low)}};
    for (const double value : values)
        ticks.push_back({place_on(on.axis.scale, on.low, on.high, value), label(value)});
    return ticks;
}

} // namespace

ParallelPlot parallel_plot(std::span<const RunRecord> runs, std::span<const std::string> names) {
    ParallelPlot plot;
    std::vector<const RunRecord*> done;
    for (const auto& run : runs)
        if (run.status == RunStatus::done) done.push_back(&run);
    for (const auto* run : done) plot.lines.push_back({run->id, {}});
    for (const auto& name : names) {
        double largest = 0;
        for (const auto* run : done)
            largest = std::max(largest, std::abs(value_of(*run, name).value_or(0)));
        ParallelAxis on{.axis = axis_of(name, largest), .low = INFINITY, .high = -INFINITY};
        on.axis.categories = categories(runs, name);
        std::vector<double> values, known;
        for (const auto* run : done) {
            values.push_back(value_on(on.axis, *run));
            if (std::isnan(values.back())) continue;
            known.push_back(values.back());
            on.low = std::min(on.low, known.back());
            on.high = std::max(on.high, known.back());
        }
        if (known.empty()) continue;
        if (on.axis.categories.empty() && on.low > 0 && on.high / on.low > wide_range)
            on.axis.scale = PlotScale::log10;
        for (std::size_t i = 0; i < values.size(); ++i)
            plot.lines[i].at.push_back(std::isnan(values[i]) ? NAN
                                       : on.low == on.high
                                           ? 0.5
                                           : place_on(on.axis.scale, on.low, on.high, values[i]));
        on.ticks = ticks_for(on, std::move(known));
        plot.axes.push_back(std::move(on));
    }
    return plot;
}

} // namespace sweetspot
