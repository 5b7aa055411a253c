#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace sweetspot {

// A plot as plain values, in the units of its axes. The window (QCustomPlot) and the report (cairo)
// only paint what stands here: scales, ranges, ticks, colours and numbers are decided once.

enum class PlotScale { linear, log2, log10 };

struct PlotAxis {
    std::string name{};   ///< the field or metric
    std::string title{};  ///< "Peak memory"
    std::string unit{};   ///< "GiB"; may be empty
    std::string detail{}; ///< what else must be said: "median and 95 % interval"
    double factor = 1;    ///< what values of records are divided by to be in `unit`
    PlotScale scale = PlotScale::linear;
    bool from_zero = false;                ///< where the scale is linear
    std::vector<std::string> categories{}; ///< names of 0, 1, 2, ...; empty: numbers
    bool operator==(const PlotAxis&) const = default;
};
/// "Peak memory (GiB), median and 95 % interval": what is cut off in a narrow plot comes last.
std::string axis_title(const PlotAxis&);
/// Where a value lies between the ends of an axis: 0 at `low`, 1 at `high`.
double place_on(PlotScale, double low, double high, double value);

/// One line of a plot. All vectors that are not empty are as long as `x`.
struct PlotSeries {
    std::string name{}; ///< series of one name share a legend entry, e.g. measured and predicted
    int slot = 0;       ///< of colour
    int marker = -1;    ///< of its shape; -1 = that of its colour
    std::vector<double> x{}, y{};   ///< sorted by x
    std::vector<double> lo{}, hi{}; ///< ends of an interval around y; a floating bar's; empty: none
    std::vector<std::int64_t> ids{};    ///< the run behind each point; empty: none
    bool predicted = false;             ///< dashed, without markers
    bool joined = false;                ///< among points a line without markers: a front
    std::vector<double> shades{};       ///< of points, 0 to 1 on the ramp; empty: the slot's colour
    std::vector<std::string> labels{};  ///< written above the points; empty: none
    std::vector<double> misfit_x{};     ///< of points that failed: red crosses at cross_height()
    std::vector<double> impossible_x{}; ///< of points that were never run: grey crosses in rings;
                                        ///< NaN in either: x is not known, it stands beside all
    std::vector<std::int64_t> misfit_ids{}, impossible_ids{}; ///< the run behind each; empty: none
};

enum class PlotSide { x, y };
/// A line across a plot: a budget, or what a device has.
struct PlotLimit {
    std::string name{};          ///< written on it: "device memory 23.6 GiB"
    PlotSide side = PlotSide::y; ///< the axis that `value` is on
    double value = 0;
    bool movable = false; ///< a person may drag it
    enum class Veil { none, above, below };
    Veil veil = Veil::none; ///< what lies there does not count, and is dimmed
};

/// The point of one run, ringed and named.
struct PlotMark {
    std::int64_t id = 0;
    std::string name{}; ///< lines
    bool operator==(const PlotMark&) const = default;
};

enum class IntervalStyle { whiskers, band };
/// `steps` hold a value until the next point (a Pareto front); `floating` bars go from lo to hi (a
/// waterfall).
enum class PlotKind { lines, points, bars, steps, floating };

/// One plot, or one facet of several.
struct PlotSpec {
    std::string title{}; ///< of a facet: "padded"; may be empty
    PlotAxis x{}, y{};
    PlotKind kind = PlotKind::lines;
    IntervalStyle interval = IntervalStyle::whiskers;
    std::vector<PlotSeries> series{};
    std::vector<PlotLimit> limits{};
    PlotMark mark{}; ///< id 0 = none
};

/// What part of a plot is looked at, in axis units.
struct PlotRange {
    double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
    bool operator==(const PlotRange&) const = default;
};
/// What shows every point of the series that are not hidden, and the limits near them. Intervals
/// may reach beyond it: one that is wide would flatten all values.
PlotRange full_range(const PlotSpec&, const std::set<std::string>& hidden = {});
/// The same for facets that are compared by eye: wide enough for each.
PlotRange full_range(std::span<const PlotSpec>, const std::set<std::string>& hidden = {});
/// Where points without a value are drawn: on the first limit of y if it is near, else above all
/// values.
double cross_height(const PlotSpec&, const std::set<std::string>& hidden = {});

/// Where a point without a value is drawn along x: at its own, or, of what has none, right of all
/// others, what was never run right of what failed.
double cross_place(const PlotSpec&, double x, bool was_run,
                   const std::set<std::string>& hidden = {});

struct PlotTick {
    double value = 0;
    std::string label{}; ///< empty where there is no room for it
    bool operator==(const PlotTick&) const = default;
};
/// The ticks of a part of an axis that is `pixels` long: at the `values` themselves where they are
/// few, else at round numbers.
std::vector<PlotTick> ticks_of(const PlotAxis&, PlotSide, double low, double high,
                               std::span<const double> values, double pixels);
/// All x of a plot, sorted, each once: what ticks_of() may label. None of an axis of a metric.
std::vector<double> values_of_x(std::span<const PlotSpec>);

struct LegendEntry {
    std::string name{};
    int slot = 0;    ///< of colour; -1 is grey: it says nothing
    int marker = -1; ///< of its shape; -1 = that of its colour
    PlotKind kind = PlotKind::lines;
    bool predicted = false;                         ///< all of this name is
    bool joined = false;                            ///< a line without markers
    enum class Key { marker, cross, ringed_cross }; ///< the last two: none has a value
    Key key = Key::marker;
    bool operator==(const LegendEntry&) const = default;
};
/// The slot of the shape of a PlotSeries or LegendEntry.
template <class Drawn>
int shape_of(const Drawn& drawn) {
    return drawn.marker < 0 ? drawn.slot : drawn.marker;
}
/// One entry for each name, in the order of the series; none for a series without one.
std::vector<LegendEntry> legend_of(std::span<const PlotSpec>);

constexpr int series_slots = 6;
/// The slot of each of these series. Variants that are named often have one of their own in every
/// plot; others take the first that is free. More than six share.
std::vector<int> slots_of(std::span<const std::string> series);

} // namespace sweetspot
