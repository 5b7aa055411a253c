#include "app/cli/plot.h"
#include "app/analysis/format.h"
#include <algorithm>
#include <charconv>
#include <cmath>

namespace sweetspot {

namespace {

constexpr double wide_range = 40; // largest over smallest value from which an axis is logarithmic
constexpr std::size_t most_facets = 24;

/// The theme gives some series a colour of their own everywhere.
const std::map<std::string_view, int> fixed_slots{
    {"flash", 0},        {"flash padded", 0}, {"naive", 1},          {"naive padded", 1},
    {"flash ragged", 2}, {"naive ragged", 4}, {"flash bucketed", 5}, {"naive bucketed", 3}};

struct Extent {
    double low = INFINITY, high = -INFINITY;
    void add(double v) {
        low = std::min(low, v);
        high = std::max(high, v);
    }
    bool empty() const { return low > high; }
};

Extent extent_of(const std::vector<Facet>& facets, bool along_x) {
    Extent extent;
    for (const auto& facet : facets)
        for (const auto& series : facet.series)
            for (const auto& p : series.points) {
                if (along_x) extent.add(p.x);
                if (along_x || p.failed) continue;
                extent.add(p.low);
                extent.add(p.high);
            }
    return extent;
}

std::vector<double> values_of_x(const std::vector<Facet>& facets) {
    std::vector<double> values;
    for (const auto& facet : facets)
        for (const auto& series : facet.series)
            for (const auto& p : series.points) values.push_back(p.x);
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
}

/// 1, 2, 2.5 or 5 times a power of ten, so that about five steps make the range.
double nice_step(double range) {
    const double rough = range / 5, power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 2.5, 5.0})
        if (rough <= factor * power * 1.15) return factor * power;
    return 10 * power;
}

std::string tick_label(double value, double step) {
    const int decimals = step >= 1 ? 0 : int(std::ceil(-std::log10(step) - 1e-9));
    const int more = std::fmod(step * std::pow(10, decimals), 1) > 1e-6;
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed,
                                decimals + more)
                      .ptr};
}

void add_linear_ticks(PlotAxis& axis, double factor) {
    const double low = axis.low / factor, high = axis.high / factor;
    const double step = nice_step(high - low);
    for (double i = std::ceil(low / step - 1e-9) + 0.0; i * step <= high * (1 + 1e-9); ++i)
        axis.ticks.push_back({i * step * factor, tick_label(i * step + 0.0, step)});
}

/// 1, 10, 100 …, with 2 and 5 between them where there is room.
void add_decade_ticks(PlotAxis& axis, double factor) {
    const double low = axis.low / factor, high = axis.high / factor;
    const bool few = std::log10(high / low) < 2.5;
    for (double power = std::pow(10, std::floor(std::log10(low))); power <= high; power *= 10)
        for (const double digit : few ? std::vector<double>{1, 2, 5} : std::vector<double>{1})
            if (digit * power >= low * 0.999 && digit * power <= high * 1.001)
                axis.ticks.push_back({digit * power * factor, format_number(digit * power, 1)});
}

PlotAxis x_axis(const std::vector<Facet>& facets, std::span<const RunRecord> runs,
                const std::string& field) {
    PlotAxis axis;
    axis.title = field;
    if (const RunField* known = find_field(field); known && !known->unit.empty())
        axis.title += ", " + std::string(known->unit);
    if (const auto names = categories(runs, field); !names.empty()) {
        axis.low = -0.5;
        axis.high = double(names.size()) - 0.5;
        for (std::size_t i = 0; i < names.size(); ++i) axis.ticks.push_back({double(i), names[i]});
        return axis;
    }
    const auto values = values_of_x(facets);
    const double low = values.front(), high = values.back();
    axis.logarithmic = low > 0 && high / low >= 4;
    const double room = 0.06;
    if (low == high) {
        axis.low = low - 1;
        axis.high = high + 1;
    } else if (axis.logarithmic) {
        axis.low = low * std::pow(high / low, -room);
        axis.high = high * std::pow(high / low, room);
    } else {
        axis.low = low - room * (high - low);
        axis.high = high + room * (high - low);
    }
    if (values.size() <= 10)
        for (const double v : values) axis.ticks.push_back({v, format_tick(v)});
    else if (axis.logarithmic)
        for (double v = std::exp2(std::ceil(std::log2(low))); v <= high; v *= 2)
            axis.ticks.push_back({v, format_tick(v)});
    else
        add_linear_ticks(axis, 1);
    return axis;
}

PlotAxis y_axis(const std::vector<Facet>& facets, const MetricInfo& metric) {
    const auto extent = extent_of(facets, false);
    PlotAxis axis;
    const auto unit = scaled_unit(extent.high, metric.unit);
    axis.title = metric.title;
    if (!unit.label.empty()) axis.title += ", " + unit.label;
    const bool difference = metric.unit.empty() || metric.unit == "nats"; // zero means nothing
    axis.logarithmic = !difference && extent.low > 0 && extent.high / extent.low > wide_range;
    if (axis.logarithmic) {
        axis.low = extent.low / 1.25;
        axis.high = extent.high * 1.25;
        add_decade_ticks(axis, unit.factor);
        return axis;
    }
    const double range = extent.high - extent.low;
    axis.low = difference ? extent.low - (range > 0 ? 0.1 * range : 0.01 * extent.low) : 0;
    axis.high =
        extent.high + (range > 0 ? 0.08 * (extent.high - axis.low) : 0.1 * std::abs(extent.high));
    if (axis.high <= axis.low) axis.high = axis.low + 1;
    add_linear_ticks(axis, unit.factor);
    return axis;
}

/// The runs split by the fields that have no place in the choice, in their order.
std::vector<std::pair<std::string, std::vector<RunRecord>>>
sections(std::span<const RunRecord> runs, const PlotChoice& choice) {
    std::vector<std::string> rest;
    for (const auto& field : varying_fields(runs)) {
        const bool placed =
            field == choice.x ||
            std::find(choice.facet.begin(), choice.facet.end(), field) != choice.facet.end() ||
            std::find(choice.colour.begin(), choice.colour.end(), field) != choice.colour.end();
        if (!placed) rest.push_back(field);
    }
    std::vector<std::pair<std::string, std::vector<RunRecord>>> all;
    for (const auto& run : runs) {
        std::string name;
        for (const auto& field : rest) {
            const auto text = get_field(run.config, field);
            const bool number = categories(runs, field).empty();
            name += (name.empty() ? "" : ", ") + (number ? field + " " + text : text);
        }
        auto found =
            std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.first == name; });
        if (found == all.end()) found = all.insert(all.end(), {name, {}});
        found->second.push_back(run);
    }
    return all;
}

void add_legend(Plot& plot) {
    std::vector<bool> taken(6, false);
    for (const auto& facet : plot.facets)
        for (const auto& series : facet.series) {
            const bool known =
                std::any_of(plot.legend.begin(), plot.legend.end(),
                            [&](const auto& entry) { return entry.name == series.name; });
            if (known) continue;
            const auto fixed = fixed_slots.find(series.name);
            int slot = fixed != fixed_slots.end() ? fixed->second : -1;
            if (slot < 0 || taken[slot])
                slot = int(std::find(taken.begin(), taken.end(), false) - taken.begin()) % 6;
            taken[slot] = true;
            plot.legend.push_back({series.name, slot});
        }
}

Plot plot_of(std::span<const RunRecord> runs, const std::string& name, const MetricInfo& metric) {
    auto choice = default_choice(runs, std::string(metric.name));
    if (choice.facet.size() > 1) choice.facet.resize(1); // the rest are rows of facets
    Plot plot{.name = name};
    for (const auto& [section, part] : sections(runs, choice)) {
        auto all = facets(part, choice);
        plot.columns = std::max(plot.columns, int(all.size()));
        for (auto& facet : all) {
            facet.name = section + (section.empty() || facet.name.empty() ? "" : ", ") + facet.name;
            plot.facets.push_back(std::move(facet));
        }
    }
    plot.columns = std::min(plot.columns, 3);
    if (plot.columns == 1) plot.columns = std::min<int>(3, int(plot.facets.size()));
    if (plot.facets.size() > most_facets) {
        plot.note = std::to_string(plot.facets.size() - most_facets) + " more facets are not shown";
        plot.facets.resize(most_facets);
    }
    if (extent_of(plot.facets, false).empty()) return plot;
    plot.x = x_axis(plot.facets, runs, choice.x);
    plot.lines = categories(runs, choice.x).empty();
    plot.y = y_axis(plot.facets, metric);
    plot.title = metric.title;
    plot.title[0] = char(std::toupper(plot.title[0]));
    add_legend(plot);
    return plot;
}

} // namespace

double PlotAxis::place(double value) const {
    if (logarithmic) return std::log(value / low) / std::log(high / low);
    return (value - low) / (high - low);
}

std::vector<Plot> plots_of(std::span<const RunRecord> runs) {
    struct Kind {
        const char *name, *metric, *note;
    };
    constexpr Kind kinds[] = {
        {"memory", "peak_bytes", "most bytes allocated at one moment, exact"},
        {"runtime", "step_seconds", "median of the steps, 95 % interval"},
        {"throughput", "tokens_per_second", "padding does not count; median, 95 % interval"},
        {"perplexity", "perplexity", "axis not from zero"},
    };
    std::vector<Plot> all;
    for (const auto& kind : kinds) {
        const bool any = std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
            return run.status == RunStatus::done && value_of(run, kind.metric);
        });
        if (!any) continue;
        auto plot = plot_of(runs, kind.name, *find_metric(kind.metric));
        plot.note = kind.note + std::string(plot.y.logarithmic ? "; logarithmic axis" : "") +
                    (plot.note.empty() ? "" : "; " + plot.note);
        all.push_back(std::move(plot));
    }
    return all;
}

} // namespace sweetspot
