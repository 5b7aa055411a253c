#include "app/analysis/run_plots.h"
#include "app/analysis/format.h"
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

// From runs to plots: facets of series (series.h) become plots as plain values (plot.h), with the
// words and units of the field list and the metric catalogue on their axes.

namespace sweetspot {

namespace {

/// Largest over smallest value from which an axis is logarithmic.
constexpr double wide_range = 40;
constexpr std::size_t most_facets = 24;

std::string capital(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = char(text[0] - 'a' + 'A');
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

bool is_power_of_two(double value) {
    int exponent = 0;
    return value >= 1 && std::frexp(value, &exponent) == 0.5;
}

/// `logarithmic`: as somebody chose; what cannot be is not.
PlotScale scale_of(const std::set<double>& values, std::optional<bool> logarithmic) {
    if (values.size() < 2 || *values.begin() <= 0 || !logarithmic.value_or(true))
        return PlotScale::linear;
    if (std::all_of(values.begin(), values.end(), is_power_of_two)) return PlotScale::log2;
    const bool wide = *values.rbegin() / *values.begin() > wide_range;
    return logarithmic.value_or(wide) ? PlotScale::log10 : PlotScale::linear;
}

bool repeats_x(const Series& series) {
    for (std::size_t i = 1; i < series.points.size(); ++i)
        if (series.points[i].x == series.points[i - 1].x) return true;
    return false;
}

PlotSeries plot_series(const Series& series, int slot, int marker, const PlotAxis& x,
                       const PlotAxis& y) {
    PlotSeries result{.name = series.name, .slot = slot, .marker = marker};
    bool spread = false;
    for (const auto& point : series.points) {
        if (point.failed) {
            (point.impossible ? result.impossible_x : result.misfit_x)
                .push_back(point.x / x.factor);
            (point.impossible ? result.impossible_ids : result.misfit_ids).push_back(point.run_id);
            continue;
        }
        spread = spread || point.low < point.high;
        result.x.push_back(point.x / x.factor);
        result.y.push_back(point.y / y.factor);
        result.lo.push_back(point.low / y.factor);
        result.hi.push_back(point.high / y.factor);
        result.ids.push_back(point.run_id);
    }
    if (!spread) result.lo.clear(), result.hi.clear();
    return result;
}

template <class Visit>
void each_point(std::span<const Facet> facets, const Visit& visit) {
    for (const auto& facet : facets)
        for (const auto& series : facet.series)
            for (const auto& point : series.points) visit(point);
}

PlotAxis x_axis_of(std::span<const Facet> facets, const PlotLayout& layout) {
    if (!find_metric(layout.choice.x)) return layout.x;
    double smallest = INFINITY, largest = 0;
    each_point(facets, [&](const auto& p) {
        smallest = std::min(smallest, p.x);
        largest = std::max(largest, std::abs(p.x));
    });
    PlotAxis axis = axis_of(layout.choice.x, largest);
    if (layout.choice.log_x.value_or(false) && smallest > 0) axis.scale = PlotScale::log10;
    return axis;
}

template <class Item>
int index_in(const std::vector<Item>& all, const Item& one) {
    const auto found = std::find(all.begin(), all.end(), one);
    return found == all.end() ? -1 : int(found - all.begin());
}

/// What is allowed to all of these runs alike.
std::vector<PlotLimit> limits_of(std::span<const RunRecord> runs, const std::string& metric,
                                 double factor) {
    if (metric != "peak_bytes" || runs.empty()) return {};
    const double limit = runs.front().config.memory_limit_bytes;
    const bool same = std::all_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
        return double(run.config.memory_limit_bytes) == limit;
    });
    if (!same || limit <= 0) return {};
    return {{.name = "memory limit " + format_value(limit, "bytes"), .value = limit / factor}};
}

/// The first choice, with every other field that varies as a facet, the columns last.
PlotChoice report_choice(std::span<const RunRecord> runs, const std::string& metric) {
    auto choice = default_choice(runs, metric);
    std::vector<std::string> columns(choice.facet.begin(),
                                     choice.facet.begin() +
                                         std::min<std::ptrdiff_t>(1, std::ssize(choice.facet)));
    choice.facet.clear();
    for (const auto& field : varying_fields(runs))
        if (field != choice.x && index_in(choice.colour, field) < 0 && index_in(columns, field) < 0)
            choice.facet.push_back(field);
    choice.facet.insert(choice.facet.end(), columns.begin(), columns.end());
    return choice;
}

/// The facets in which only the last field of the choice differs stand side by side.
int columns_of(std::span<const RunRecord> runs, const PlotChoice& choice, std::size_t facets) {
    if (choice.facet.empty()) return 1;
    std::set<std::string> values;
    for (const auto& run : runs) values.insert(get_field(run.config, choice.facet.back()));
    const auto columns = values.size() > 1 ? values.size() : facets;
    return int(std::clamp<std::size_t>(columns, 1, 3));
}

/// The runs by pictures: those that have neighbours along the first choice of x, then those that
/// vary along something else. One picture where all do, or none does.
std::vector<std::vector<RunRecord>> pictures(std::span<const RunRecord> runs,
                                             const std::string& metric) {
    const auto x = default_choice(runs, metric).x;
    const auto varying = varying_fields(runs);
    const auto line_of = [&](const RunRecord& run) {
        std::string line;
        for (const auto& field : varying)
            if (field != x) line += get_field(run.config, field) + '\n';
        return line;
    };
    std::map<std::string, std::set<std::string>> lines;
    for (const auto& run : runs) lines[line_of(run)].insert(get_field(run.config, x));
    std::vector<std::vector<RunRecord>> all(2);
    const RunField* field = find_field(x);
    for (const auto& run : runs) {
        const bool level = !field || !field->applies(run.config); // stands at every x
        all[!level && lines[line_of(run)].size() < 2].push_back(run);
    }
    if (all[0].empty() || all[1].size() < 2 || default_choice(all[1], metric).x == x)
        return {{runs.begin(), runs.end()}};
    return all;
}

Plot plot_of(std::span<const RunRecord> runs, const SweepPlot& kind) {
    const auto choice = report_choice(runs, kind.metric);
    const auto layout = plot_layout(runs, choice);
    Plot plot{.name = kind.name,
              .title = capital(std::string(find_metric(kind.metric)->title)),
              .note = std::string(find_metric(kind.metric)->meaning)};
    plot.facets = plot_specs(facets(runs, choice), layout);
    plot.columns = columns_of(runs, choice, plot.facets.size());
    if (plot.facets.size() > most_facets) {
        plot.note +=
            "; " + std::to_string(plot.facets.size() - most_facets) + " more facets are not shown";
        plot.facets.resize(most_facets);
    }
    for (auto& facet : plot.facets) facet.limits = limits_of(runs, kind.metric, facet.y.factor);
    return plot;
}

} // namespace

PlotAxis axis_of(const std::string& name, double largest) {
    PlotAxis axis{.name = name, .title = capital(name)};
    if (const auto* metric = find_metric(name)) {
        const auto scaled = scaled_unit(largest, metric->unit);
        axis.title = capital(std::string(metric->title));
        axis.unit = scaled.label;
        axis.factor = scaled.factor;
        return axis;
    }
    if (const RunField* field = find_field(name)) axis.unit = std::string(field->unit);
    return axis;
}

int PlotLayout::series_of(const std::string& name) const {
    return index_in(series, name);
}

int PlotLayout::facet_of(const std::string& name) const {
    return index_in(facets, name);
}

PlotLayout plot_layout(std::span<const RunRecord> runs, const PlotChoice& choice) {
    PlotLayout layout{.choice = choice};
    layout.places.resize(runs.size());
    std::set<double> numbers;
    std::vector<std::string> colours, markers; // each once
    std::vector<int> colour_of, marker_of;     // of each series, a place among them
    const auto place = [](std::vector<std::string>& all, const std::string& one) {
        if (index_in(all, one) < 0) all.push_back(one);
        return index_in(all, one);
    };
    for (const auto& facet : facet_frame(runs, choice)) {
        layout.facets.push_back(facet.name);
        for (const auto& series : facet.series) {
            const int known = layout.series_of(series.name);
            const int at = known >= 0 ? known : int(layout.series.size());
            for (const auto& point : series.points) {
                numbers.insert(point.x);
                layout.places[point.run] = {int(layout.facets.size()) - 1, at};
            }
            if (known >= 0) continue;
            layout.series.push_back(series.name);
            colour_of.push_back(place(colours, series.colour));
            marker_of.push_back(place(markers, series.marker));
        }
    }
    const auto slots = slots_of(colours);
    for (const int colour : colour_of) layout.colours.push_back(slots[std::size_t(colour)]);
    for (const int marker : marker_of)
        layout.markers.push_back(choice.marker.empty() ? -1 : marker % series_slots);
    layout.x = axis_of(choice.x, 0);
    layout.x.categories = categories(runs, choice.x);
    if (layout.x.categories.empty() && !find_metric(choice.x))
        layout.x.scale = scale_of(numbers, choice.log_x);
    return layout;
}

std::optional<double> x_of(const RunRecord& run, const PlotLayout& layout) {
    const RunField* field = find_field(layout.choice.x);
    if (!field) return value_of(run, layout.choice.x);
    const auto text = field->get(run.config);
    double number = 0;
    if (field->is_number()) from_text(text, number);
    return field->is_number() ? number : double(index_in(layout.x.categories, text));
}

PlotAxis y_axis_of(std::span<const Facet> facets, const PlotLayout& layout) {
    double smallest = INFINITY, largest = 0;
    bool spread = false;
    PlotSeries shown;
    each_point(facets, [&](const SeriesPoint& point) {
        if (point.failed) return;
        shown.y.push_back(point.y), shown.lo.push_back(point.low), shown.hi.push_back(point.high);
        smallest = std::min(smallest, point.low);
        largest = std::max({largest, std::abs(point.y), std::abs(point.high)});
        spread = spread || point.low < point.high;
    });
    PlotAxis axis = axis_of(layout.choice.y, largest);
    const auto* metric = find_metric(layout.choice.y);
    axis.from_zero = !metric || metric->from_zero;
    if (smallest > 0 && layout.choice.log_y.value_or(largest / smallest > wide_range))
        axis.scale = PlotScale::log10;
    const auto add = [&](const char* words) {
        axis.detail += (axis.detail.empty() ? "" : ", ") + std::string(words);
    };
    if (spread) add("median and 95 % interval");
    if (axis.scale == PlotScale::log10) add("logarithmic");
    if (axis.scale != PlotScale::log10 && !axis.from_zero && !shown.y.empty()) {
        const auto range = full_range(PlotSpec{.y = axis, .series = {shown}});
        if (range.y_low > 0 || range.y_high < 0) add("not from zero");
    }
    return axis;
}

std::vector<PlotSpec> plot_specs(std::span<const Facet> facets, const PlotLayout& layout,
                                 bool whole) {
    PlotSpec frame{.x = x_axis_of(facets, layout), .y = y_axis_of(facets, layout)};
    bool lines = layout.x.categories.empty() && !find_metric(layout.choice.x);
    std::vector<PlotSpec> specs;
    for (const auto& name : layout.facets) {
        const auto facet = std::find_if(facets.begin(), facets.end(),
                                        [&](const Facet& f) { return f.name == name; });
        if (facet == facets.end() && !whole) continue;
        PlotSpec spec = frame;
        spec.title = name;
        for (std::size_t i = 0; i < layout.series.size(); ++i) {
            Series points{layout.series[i], {}};
            bool found = false;
            if (facet != facets.end())
                for (const auto& series : facet->series)
                    if (series.name == points.name) points = series, found = true;
            if (!found && !whole) continue;
            lines = lines && !repeats_x(points);
            spec.series.push_back(
                plot_series(points, layout.colours[i], layout.markers[i], frame.x, frame.y));
        }
        specs.push_back(std::move(spec));
    }
    if (!lines)
        for (auto& spec : specs) spec.kind = PlotKind::points;
    return specs;
}

std::string plot_note(const PlotLayout& layout, std::span<const std::string> varying) {
    std::vector<std::string> untold;
    for (const auto& field : varying)
        if (field != layout.choice.x && index_in(layout.choice.facet, field) < 0 &&
            index_in(layout.choice.colour, field) < 0 &&
            index_in(layout.choice.marker, field) < 0) {
            untold.push_back(field);
            std::replace(untold.back().begin(), untold.back().end(), '_', ' ');
        }
    if (untold.size() == 1) return untold.front() + " varies within a series";
    if (untold.size() > 1) {
        std::string text;
        for (std::size_t i = 0; i + 1 < untold.size(); ++i) text += (i ? ", " : "") + untold[i];
        return text + " and " + untold.back() + " vary within a series";
    }
    if (layout.series.size() > std::size_t(series_slots))
        return std::to_string(layout.series.size()) + " series share " +
               std::to_string(series_slots) + " colours";
    return {};
}

std::vector<Plot> plots_of(std::span<const RunRecord> runs) {
    std::vector<Plot> all;
    std::vector<SweepPlot> kinds(std::begin(sweep_plots), std::end(sweep_plots));
    kinds.push_back({"divergence", "KL divergence", "kl_mean"}); // few runs have a reference
    for (const auto& kind : kinds) {
        const bool any = std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
            return run.status == RunStatus::done && value_of(run, kind.metric);
        });
        if (!any) continue;
        const auto parts = pictures(runs, kind.metric);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            Plot plot = plot_of(parts[i], kind);
            if (plot.facets.empty()) continue;
            if (parts.size() > 1) {
                std::string x = plot.facets.front().x.name;
                std::ranges::replace(x, '_', ' ');
                plot.title += " by " + x;
                if (i > 0) plot.name += "-" + std::to_string(i + 1);
            }
            all.push_back(std::move(plot));
        }
    }
    return all;
}

} // namespace sweetspot
