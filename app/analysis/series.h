#pragma once
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"

namespace sweetspot {

/// One point of a plot: a run's value with its spread.
struct SeriesPoint {
    double x = 0, y = 0;
    double low = 0, high = 0; ///< 95 % interval; equal to y where there are no samples
    std::int64_t run_id = 0;
    bool failed = false;     ///< y is meaningless: drawn as a cross where the view finds room
    bool impossible = false; ///< likewise, and it was never run
    std::size_t run = 0;     ///< in a facet_frame(), its place among the runs
};

struct Series {
    std::string name{}; ///< the values of the fields of colour and marker, joined by " "
    std::string colour{}, marker{};    ///< those of each
    std::vector<SeriesPoint> points{}; ///< by x
};

struct Facet {
    std::string name{}; ///< "" if there is one facet only
    std::vector<Series> series{};
};

/// What a plot shows: x is a field or a metric, y a metric, colour and facet fields ("" = none).
struct PlotChoice {
    std::string x = "sequence";
    std::string y = "step_seconds";
    std::vector<std::string> colour{};
    std::vector<std::string> facet{}; ///< a facet for each combination of their values
    std::vector<std::string> marker{};
    std::optional<bool> log_x{}, log_y{}; ///< nothing = as the values need
};

/// The values of a field that are no numbers, in order: x of a point is then the place in this
/// list. Empty for fields of numbers and for metrics.
std::vector<std::string> categories(std::span<const RunRecord> runs, const std::string& field);

/// The values that a field takes among the runs it makes a difference to, in the order of axes.
std::vector<std::string> ordered_values(std::span<const RunRecord> runs, const std::string& field);

/// The runs as facets of series; a run without x or y is left out, unless it failed.
std::vector<Facet> facets(std::span<const RunRecord> runs, const PlotChoice&);

/// A run's point of a metric; nothing where it has no value and did not fail.
std::optional<SeriesPoint> point_at(double x, const RunRecord&, const std::string& y);

/// What the series of a run is called: "flash padded", "naive batch 8"; facets likewise, by commas.
std::string series_name(const RunConfig&, const PlotChoice&);

/// The facets and series that these runs will have once they have values: each run is a failed
/// point at its x, 0 where x is a metric.
std::vector<Facet> facet_frame(std::span<const RunRecord> runs, const PlotChoice&);

/// Fields in which the runs differ, in the fields' order: what axes, colours and facets can be.
std::vector<std::string> varying_fields(std::span<const RunRecord> runs);

/// The fields' values in which a run differs from others, e.g. "batch 4 sequence 512 flash ragged";
/// the model's name if they are none.
std::string point_name(const RunConfig&, std::span<const std::string> varying);

/// A sensible first choice for these runs and a metric: the numeric field with most values as x, at
/// most two others as colour, what is left as facets, at most four of them.
PlotChoice default_choice(std::span<const RunRecord> runs, const std::string& y);

} // namespace sweetspot
