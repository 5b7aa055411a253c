#include "app/analysis/format.h"
#include "app/analysis/run_plots.h"
#include <algorithm>
#include <cmath>
#include <map>

// What runs did inside a step, side by side: the time of ops, batch by batch where there are
// several, and memory over time. Both come from the traced pass.

namespace sweetspot {

namespace {

constexpr std::size_t most_ops = 6;

using ByOp = std::map<std::string, std::vector<double>>; ///< seconds by run

std::string op_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// Seconds of the ops of each name, in each run.
ByOp sums_by_op(std::span<const RunRecord> runs) {
    ByOp sums;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        const auto& regions = runs[r].regions;
        for (std::size_t i = 0; i < regions.size(); ++i) {
            const bool leaf =
                i + 1 == regions.size() || !regions[i + 1].path.starts_with(regions[i].path + "/");
            if (!leaf) continue;
            auto& of_op = sums[op_of(regions[i].path)];
            of_op.resize(runs.size());
            of_op[r] += regions[i].seconds;
        }
    }
    return sums;
}

/// Those that take most in some run, the greatest first.
std::vector<std::string> greatest_ops(const ByOp& sums) {
    std::vector<std::pair<double, std::string>> order;
    for (const auto& [name, seconds] : sums)
        order.emplace_back(*std::max_element(seconds.begin(), seconds.end()), name);
    std::sort(order.rbegin(), order.rend());
    std::vector<std::string> names;
    for (const auto& [_, name] : order)
        if (names.size() < most_ops) names.push_back(name);
    return names;
}

struct Names {
    explicit Names(std::span<const RunRecord> runs) {
        const auto varying = varying_fields(runs);
        for (const auto& run : runs) all.push_back(point_name(run.config, varying));
        slots = slots_of(all);
    }
    std::vector<std::string> all;
    std::vector<int> slots;
};

/// A bar for each run at each op.
Plot ops_plot(std::span<const RunRecord> runs, const ByOp& sums,
              const std::vector<std::string>& ops, const Names& names) {
    Plot plot{.name = "ops", .title = "Time by op", .note = "of the traced pass"};
    const double largest =
        ops.empty() ? 0
                    : *std::max_element(sums.at(ops.front()).begin(), sums.at(ops.front()).end());
    PlotSpec spec{.x = {.name = "op", .title = "Op", .categories = ops},
                  .y = axis_of("step_seconds", largest),
                  .kind = PlotKind::bars};
    spec.y.title = "Time in a step";
    spec.y.from_zero = true;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        PlotSeries series{.name = names.all[r], .slot = names.slots[r]};
        for (std::size_t i = 0; i < ops.size(); ++i) {
            series.x.push_back(double(i));
            series.y.push_back(sums.at(ops[i])[r] / spec.y.factor);
        }
        spec.series.push_back(std::move(series));
    }
    plot.facets.push_back(std::move(spec));
    return plot;
}

/// A facet for each op: its time in each batch, a line a run.
Plot batches_plot(std::span<const RunRecord> runs, const std::vector<std::string>& ops,
                  const Names& names) {
    Plot plot{.name = "op-batches",
              .title = "Time by op and batch",
              .note = "of the traced pass",
              .columns = 2};
    double largest = 0; // of all: facets share their range, and so their unit
    for (const auto& run : runs)
        for (const auto& region : run.batch_regions)
            if (std::find(ops.begin(), ops.end(), region.name) != ops.end())
                largest = std::max(largest, region.seconds);
    for (const auto& op : ops) {
        PlotSpec spec{.title = op,
                      .x = {.name = "batch_of_step", .title = "Batch"},
                      .y = axis_of("step_seconds", largest)};
        spec.y.title = "Time";
        spec.y.from_zero = true;
        for (std::size_t r = 0; r < runs.size(); ++r) {
            PlotSeries series{.name = names.all[r], .slot = names.slots[r]};
            for (const auto& region : runs[r].batch_regions)
                if (region.name == op) {
                    series.x.push_back(region.batch);
                    series.y.push_back(region.seconds / spec.y.factor);
                }
            if (!series.x.empty()) spec.series.push_back(std::move(series));
        }
        if (!spec.series.empty()) plot.facets.push_back(std::move(spec));
    }
    return plot;
}

Plot memory_plot(std::span<const RunRecord> runs, const Names& names) {
    Plot plot{.name = "memory-over-time",
              .title = "Memory over time",
              .note = "in use in the traced pass, all purposes"};
    double longest = 0, largest = 0;
    std::vector<std::vector<std::pair<double, double>>> totals(runs.size());
    for (std::size_t r = 0; r < runs.size(); ++r) {
        std::map<Purpose, double> in_use;
        for (const auto& point : runs[r].memory) {
            in_use[point.purpose] = point.bytes;
            double total = 0;
            for (const auto& [_, bytes] : in_use) total += bytes;
            auto& line = totals[r];
            // Purposes that change at one moment are one moment.
            if (!line.empty() && line.back().first == point.seconds)
                line.back().second = total;
            else
                line.emplace_back(point.seconds, total);
            longest = std::max(longest, point.seconds);
            largest = std::max(largest, total);
        }
    }
    const auto time = scaled_unit(longest, "s");
    PlotSpec spec{
        .x = {.name = "seconds", .title = "Time", .unit = time.label, .factor = time.factor},
        .y = axis_of("peak_bytes", largest),
        .kind = PlotKind::steps};
    spec.y.title = "Memory in use";
    spec.y.from_zero = true;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        PlotSeries series{.name = names.all[r], .slot = names.slots[r]};
        for (const auto& [seconds, bytes] : totals[r]) {
            series.x.push_back(seconds / time.factor);
            series.y.push_back(bytes / spec.y.factor);
        }
        if (!series.x.empty()) spec.series.push_back(std::move(series));
    }
    if (!spec.series.empty()) plot.facets.push_back(std::move(spec));
    return plot;
}

} // namespace

std::vector<Plot> detail_plots(std::span<const RunRecord> runs) {
    const Names names(runs);
    const auto sums = sums_by_op(runs);
    const auto ops = greatest_ops(sums);
    const bool batches = std::any_of(runs.begin(), runs.end(),
                                     [](const auto& run) { return !run.batch_regions.empty(); });
    std::vector<Plot> plots;
    if (!ops.empty())
        plots.push_back(batches ? batches_plot(runs, ops, names)
                                : ops_plot(runs, sums, ops, names));
    plots.push_back(memory_plot(runs, names));
    std::erase_if(plots, [](const Plot& plot) { return plot.facets.empty(); });
    return plots;
}

} // namespace sweetspot
