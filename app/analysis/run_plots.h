#pragma once
#include "app/analysis/plot.h"
#include "app/analysis/quality.h"
#include "app/analysis/series.h"

namespace sweetspot {

/// The axis of a field or metric: its words, and the unit in which the largest value reads well.
PlotAxis axis_of(const std::string& name, double largest);

/// The frame of a plot of all runs of a sweep, whether they have values yet or not: a series keeps
/// its slot, and so its colour, while a sweep grows or a filter hides others.
struct PlotLayout {
    PlotChoice choice{};
    std::vector<std::string> facets{}, series{}; ///< names in order
    std::vector<int> colours{};                  ///< the slot of each
    std::vector<int> markers{};                  ///< likewise; -1 = as its colour
    PlotAxis x{};                                ///< of a field; a metric's unit goes by its values
    /// Of each of the runs, among `facets` and `series`.
    struct Place {
        int facet = 0, series = 0;
    };
    std::vector<Place> places{};
    int series_of(const std::string& name) const; ///< -1 = none
    int facet_of(const std::string& name) const;
};
PlotLayout plot_layout(std::span<const RunRecord> runs, const PlotChoice&);

/// Where a run stands along x, a word by its place; nothing where it has no such metric.
std::optional<double> x_of(const RunRecord&, const PlotLayout&);

/// The y axis that these facets need. Quantities begin at zero, and are logarithmic where the
/// largest is over 40 times the smallest.
PlotAxis y_axis_of(std::span<const Facet>, const PlotLayout&);

/// A plot for each facet of the layout, all with the same axes; points where no line makes sense.
/// Facets and series without runs are left out unless `whole`.
std::vector<PlotSpec> plot_specs(std::span<const Facet>, const PlotLayout&, bool whole = false);

/// What a look at the plot must know and the plot cannot show: varying fields that no part of the
/// choice tells apart, or more series than colours. Empty if there is nothing.
std::string plot_note(const PlotLayout&, std::span<const std::string> varying);

/// The plots that a sweep is looked at by, live and in reports; without values there is none.
struct SweepPlot {
    const char* name;  ///< of files
    const char* title; ///< of cards and drawings
    const char* metric;
};
inline constexpr SweepPlot sweep_plots[] = {{"memory", "Memory", "peak_bytes"},
                                            {"runtime", "Runtime", "step_seconds"},
                                            {"throughput", "Throughput", "tokens_per_second"},
                                            {"perplexity", "Perplexity", "perplexity"}};

/// A drawing of all runs for a report: facets in rows of `columns`.
struct Plot {
    std::string name{}, title{}, note{};
    int columns = 1;
    std::vector<PlotSpec> facets{};
};
/// Fields that find no place as x or colour are facets, the first of them in columns. Runs that do
/// not vary along the x of the others have a drawing of their own.
std::vector<Plot> plots_of(std::span<const RunRecord>);

/// Of a few runs with details: the time of the ops that take most, by batch where a step has
/// several, and memory over time. None without details.
constexpr std::size_t most_detailed = 6; ///< runs, which are told apart by colours
std::vector<Plot> detail_plots(std::span<const RunRecord>);

/// The loss of trainings, step by step, on what they learn from and on what is held out, a facet
/// each. No facets where nothing was trained. A training that went on from a checkpoint begins with
/// the steps that `earlier` runs of it took; the note says whose they are, or that they are
/// missing.
Plot loss_curves(std::span<const RunRecord>, std::span<const RunRecord> earlier = {});
/// Likewise what else they say of a step, e.g. "learning_rate".
Plot step_curve(std::span<const RunRecord>, const char* metric,
                std::span<const RunRecord> earlier = {});

/// How far a run is from the reference that its logits were held against: how many logits differ by
/// how much, the largest difference of each batch, how both are spread, and each layer. None
/// without such details.
std::vector<Plot> reference_plots(const RunRecord&, double tolerance = usual_tolerance);

} // namespace sweetspot
