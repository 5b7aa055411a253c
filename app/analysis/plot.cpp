#include "app/analysis/plot.h"
#include "app/analysis/format.h"
#include "app/experiment/metrics.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

// How a plot is framed: which part of its axes is shown, where the ticks are and what they say, and
// which colour a series has. Everything is a pure function of the values in a PlotSpec, so that the
// window, which asks at every zoom, and the report, which asks once, cannot differ.

namespace sweetspot {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
/// A limit further above the data than this is named and not in the range: it would flatten them.
constexpr double far_limit = 2.5;
/// An interval that ends further beyond the values than this share of their range is cut there.
constexpr double wide_interval = 0.5;
/// Up to so many values are labelled themselves.
constexpr std::size_t most_values = 12;
constexpr double tick_room = 40;                   ///< pixels between ticks at round numbers
constexpr double letter = 6.5, between_labels = 8; ///< pixels of labels, which are 11 px high
constexpr double label_height = 15;

struct Extent {
    double low = infinite, high = -infinite;
    void add(double v) {
        if (v < low) low = v; // false for NaN
        if (v > high) high = v;
    }
    bool empty() const { return !(low <= high); }
};

bool is_bar(PlotKind kind) {
    return kind == PlotKind::bars || kind == PlotKind::floating;
}

/// From the lowest to the highest value, and the ends of intervals that are not far beyond.
Extent y_extent(const PlotSpec& spec, const std::set<std::string>& hidden) {
    const bool logarithmic = spec.y.scale != PlotScale::linear;
    Extent values, ends;
    for (const auto& series : spec.series) {
        if (hidden.contains(series.name)) continue;
        const auto add = [&](Extent& extent, const std::vector<double>& all) {
            for (const double v : all)
                if (!logarithmic || v > 0) extent.add(v);
        };
        // A bar of a waterfall is its interval.
        add(spec.kind == PlotKind::floating ? values : ends, series.lo);
        add(spec.kind == PlotKind::floating ? values : ends, series.hi);
        add(values, series.y);
    }
    if (values.empty() || ends.empty()) return values;
    const double base = spec.y.from_zero ? std::min(0.0, values.low) : values.low;
    const double room =
        logarithmic ? 0 : wide_interval * std::max(values.high - base, 0.2 * std::abs(values.high));
    const double least = logarithmic ? values.low / 3 : values.low - room,
                 most = logarithmic ? values.high * 3 : values.high + room;
    values.add(std::max(ends.low, least));
    values.add(std::min(ends.high, most));
    return values;
}

/// Of all that has an x.
Extent x_extent(const PlotSpec& spec, const std::set<std::string>& hidden) {
    Extent x;
    for (const auto& series : spec.series)
        if (!hidden.contains(series.name))
            for (const auto* values : {&series.x, &series.misfit_x, &series.impossible_x})
                for (const double v : *values) x.add(v);
    return x;
}

void widen_x(PlotRange& range, const PlotAxis& axis, Extent x) {
    const bool logarithmic = axis.scale != PlotScale::linear;
    if (!axis.categories.empty()) {
        range.x_low = -0.5;
        range.x_high = double(axis.categories.size()) - 0.5;
        return;
    }
    if (x.empty()) x = logarithmic ? Extent{1, 2} : Extent{0, 1};
    if (logarithmic) {
        range.x_low = x.low * 0.84;
        range.x_high = x.high * 1.19;
        return;
    }
    const double side = x.high > x.low ? 0.03 * (x.high - x.low) : 0.5;
    range.x_low = x.low - side;
    range.x_high = x.high + side;
}

void widen_y(PlotRange& range, const PlotSpec& spec, Extent y) {
    const bool logarithmic = spec.y.scale != PlotScale::linear;
    if (y.empty()) y = {logarithmic ? 0.1 : 0, 1};
    const bool zero = !logarithmic && (spec.y.from_zero || is_bar(spec.kind));
    if (zero) y = {std::min(y.low, 0.0), std::max(y.high, 0.0)};
    if (y.high == y.low) y.high += y.low != 0 ? std::abs(y.low) * 0.1 : 1;
    // What differs by less is rounding, which no label could tell apart.
    const double least = 2e-4 * std::max(std::abs(y.low), std::abs(y.high));
    if (!zero && !logarithmic && y.high - y.low < least) {
        const double middle = std::midpoint(y.low, y.high);
        y = {middle - least / 2, middle + least / 2};
    }
    if (logarithmic) {
        range.y_low = y.low / 1.2;
        range.y_high = y.high * 1.2;
        return;
    }
    const bool labelled = std::any_of(spec.series.begin(), spec.series.end(),
                                      [](const auto& series) { return !series.labels.empty(); });
    const double above = (labelled ? 0.22 : 0.08) * (y.high - y.low);
    // Room below must not look as if values could be negative.
    range.y_low = y.low >= 0 ? std::max(0.0, zero ? 0 : y.low - above) : y.low - above;
    range.y_high = zero && y.high == 0 ? 0 : y.high + above;
}

/// 1, 2, 2.5 or 5 times a power of ten, so that about `count` steps make the range.
double nice_step(double range, double count) {
    const double rough = range / count, power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 2.5, 5.0})
        if (rough <= factor * power * 1.15) return factor * power;
    return 10 * power;
}

std::vector<double> linear_places(double low, double high, double count) {
    const double step = nice_step(high - low, count);
    std::vector<double> places;
    for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
        places.push_back(i * step + 0.0);
    return places;
}

/// 1, 10, 100, with 2 and 5 between them where there is room.
std::vector<double> decade_places(double low, double high) {
    const bool few = std::log10(high / low) < 2.5;
    std::vector<double> places;
    for (double power = std::pow(10, std::floor(std::log10(low))); power <= high; power *= 10)
        for (const double digit : few ? std::vector<double>{1, 2, 5} : std::vector<double>{1})
            if (digit * power >= low && digit * power <= high) places.push_back(digit * power);
    return places;
}

std::vector<double> doubling_places(double low, double high) {
    const double from = std::ceil(std::log2(low)), to = std::floor(std::log2(high));
    const double step = std::max(1.0, std::ceil((to - from) / 10));
    std::vector<double> places;
    for (double power = from; power <= to; power += step) places.push_back(std::exp2(power));
    return places;
}

std::vector<double> places_of(const PlotAxis& axis, double low, double high,
                              std::span<const double> values, double count) {
    std::vector<double> places;
    if (!axis.categories.empty()) {
        for (std::size_t i = 0; i < axis.categories.size(); ++i) places.push_back(double(i));
    } else if (!values.empty() && values.size() <= most_values) {
        places.assign(values.begin(), values.end());
    } else {
        if (axis.scale == PlotScale::log2) places = doubling_places(low, high);
        if (axis.scale == PlotScale::log10) places = decade_places(low, high);
        // A part so small that it holds no round power.
        if (places.size() < 2) places = linear_places(low, high, count);
    }
    std::erase_if(places, [&](double v) { return v < low || v > high; });
    return places;
}

} // namespace

std::string axis_title(const PlotAxis& axis) {
    return axis.title + (axis.unit.empty() ? "" : " (" + axis.unit + ")") +
           (axis.detail.empty() ? "" : ", " + axis.detail);
}

double place_on(PlotScale scale, double low, double high, double value) {
    if (scale == PlotScale::linear) return (value - low) / (high - low);
    return std::log(value / low) / std::log(high / low);
}

double cross_height(const PlotSpec& spec, const std::set<std::string>& hidden) {
    const double top = y_extent(spec, hidden).high;
    for (const auto& limit : spec.limits)
        if (limit.side == PlotSide::y && !limit.movable &&
            (!std::isfinite(top) || limit.value <= far_limit * top))
            return limit.value;
    return std::isfinite(top) ? top * 1.05 : 1;
}

double cross_place(const PlotSpec& spec, double x, bool was_run,
                   const std::set<std::string>& hidden) {
    if (!std::isnan(x)) return x;
    const double step = was_run ? 0.06 : 0.12; // of what the others take
    const auto known = x_extent(spec, hidden);
    if (known.empty()) return 1 + step;
    if (spec.x.scale == PlotScale::linear)
        return known.high +
               step * (known.high > known.low ? known.high - known.low : std::abs(known.high) + 1);
    return known.high * std::pow(known.high > known.low ? known.high / known.low : 10, step);
}

PlotRange full_range(const PlotSpec& spec, const std::set<std::string>& hidden) {
    Extent x = x_extent(spec, hidden), y = y_extent(spec, hidden), beside;
    bool misfits = false;
    for (const auto& series : spec.series) {
        if (hidden.contains(series.name)) continue;
        for (const auto* places : {&series.misfit_x, &series.impossible_x})
            for (const double v : *places)
                beside.add(cross_place(spec, v, places == &series.misfit_x, hidden));
        misfits = misfits || !series.misfit_x.empty() || !series.impossible_x.empty();
    }
    if (!beside.empty()) x.add(beside.high);
    if (misfits) y.high = std::max(y.high, cross_height(spec, hidden));
    for (const auto& limit : spec.limits) {
        Extent& extent = limit.side == PlotSide::x ? x : y;
        if (limit.value <= far_limit * extent.high && limit.value > extent.high)
            extent.high = limit.value;
    }
    PlotRange range;
    widen_x(range, spec.x, x);
    widen_y(range, spec, y);
    return range;
}

PlotRange full_range(std::span<const PlotSpec> specs, const std::set<std::string>& hidden) {
    if (specs.empty()) return {};
    PlotRange all = full_range(specs.front(), hidden);
    for (const auto& spec : specs.subspan(1)) {
        const PlotRange one = full_range(spec, hidden);
        all = {std::min(all.x_low, one.x_low), std::max(all.x_high, one.x_high),
               std::min(all.y_low, one.y_low), std::max(all.y_high, one.y_high)};
    }
    return all;
}

std::vector<PlotTick> ticks_of(const PlotAxis& axis, PlotSide side, double low, double high,
                               std::span<const double> values, double pixels) {
    const double count = std::clamp(std::floor(pixels / tick_room), 2.0, 6.0);
    std::vector<PlotTick> ticks;
    double taken = -infinite; // pixels up to which labels stand
    for (const double value : places_of(axis, low, high, values, count)) {
        const bool named = !axis.categories.empty();
        std::string label = named ? axis.categories[std::size_t(value)] : format_tick(value);
        const double at = place_on(axis.scale, low, high, value) * pixels;
        const double half = side == PlotSide::y
                                ? label_height / 2
                                : (letter * double(label.size()) + between_labels) / 2;
        if (at - half < taken)
            label.clear();
        else
            taken = at + half;
        ticks.push_back({value, std::move(label)});
    }
    return ticks;
}

std::vector<double> values_of_x(std::span<const PlotSpec> specs) {
    std::vector<double> all;
    for (const auto& spec : specs) {
        if (find_metric(spec.x.name)) continue; // measured values are no round numbers
        for (const auto& series : spec.series) {
            for (const auto* values : {&series.x, &series.misfit_x, &series.impossible_x})
                all.insert(all.end(), values->begin(), values->end());
        }
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

std::vector<LegendEntry> legend_of(std::span<const PlotSpec> specs) {
    std::vector<LegendEntry> entries;
    for (const auto& spec : specs)
        for (const auto& series : spec.series) {
            if (series.name.empty()) continue; // alone, with nothing to tell it from
            const auto known = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
                return entry.name == series.name;
            });
            using Key = LegendEntry::Key;
            const Key key = !series.x.empty()              ? Key::marker
                            : !series.misfit_x.empty()     ? Key::cross
                            : !series.impossible_x.empty() ? Key::ringed_cross
                                                           : Key::marker;
            const bool shaded = !series.shades.empty(); // then a shape alone tells it from others
            if (known == entries.end()) {
                entries.push_back({series.name, shaded ? -1 : series.slot,
                                   shaded ? shape_of(series) : series.marker, spec.kind,
                                   series.predicted, series.joined, key});
            } else {
                known->predicted = known->predicted && series.predicted;
                known->key = std::min(known->key, key);
            }
        }
    return entries;
}

std::vector<int> slots_of(std::span<const std::string> series) {
    static const std::map<std::string_view, int> own{
        {"flash", 0},        {"flash padded", 0}, {"naive", 1},          {"naive padded", 1},
        {"flash ragged", 2}, {"naive ragged", 4}, {"flash bucketed", 5}, {"naive bucketed", 3}};
    std::vector<int> result(series.size(), -1);
    std::vector<int> uses(series_slots, 0);
    for (std::size_t i = 0; i < series.size(); ++i)
        if (const auto found = own.find(series[i]); found != own.end() && !uses[found->second]) {
            result[i] = found->second;
            ++uses[std::size_t(found->second)];
        }
    for (int& slot : result)
        if (slot < 0) { // the first of those that serve fewest
            slot = int(std::min_element(uses.begin(), uses.end()) - uses.begin());
            ++uses[std::size_t(slot)];
        }
    return result;
}

} // namespace sweetspot
