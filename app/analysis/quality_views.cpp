#include "app/analysis/format.h"
#include "app/analysis/quality.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/statistics.h"
#include <algorithm>
#include <cmath>

// What people are told and shown of quality: the same sentences on the command line, in reports and
// in the window.

namespace sweetspot {

namespace {

std::string name_of(const RunRecord& run) {
    return "Run " + std::to_string(run.id);
}

std::string percent(double share) {
    return format_number(100 * share) + " %";
}

/// "+0.1 %", "−0.2 %"; a ratio of 1 is "0 %".
std::string change_of(double ratio) {
    return (ratio > 1 ? "+" : "") + percent(ratio - 1);
}

std::string place_text(const LayerDifference& place) {
    const std::string of = place.place == BlockPlace::attention ? "attention's output"
                           : place.place == BlockPlace::mlp     ? "the MLP's output"
                                                                : "the residual stream";
    return of + " in layer " + std::to_string(place.layer);
}

std::string file_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

std::string divergence_sentence(const RunRecord& run, double tolerance) {
    const auto& places = run.layer_differences;
    const auto limit = percent(tolerance);
    if (const auto* first = first_divergence(places, tolerance))
        return name_of(run) + " leaves " + run.scored->reference + " first in " +
               place_text(*first) + ", which is off by " + percent(first->relative) +
               " (more than " + limit + ").";
    const auto furthest =
        std::max_element(places.begin(), places.end(),
                         [](const auto& a, const auto& b) { return a.relative < b.relative; });
    return "No layer of " + name_of(run) + " is off by more than " + limit + "; the furthest is " +
           place_text(*furthest) + ", by " + percent(furthest->relative) + ".";
}

std::string batch_sentence(const RunRecord& run, double tolerance) {
    const auto& batches = run.batch_differences;
    const auto over = std::count_if(batches.begin(), batches.end(), [&](const auto& batch) {
        return !(batch.largest < tolerance); // also what is not a number
    });
    return "Some logit differs by " + format_number(tolerance) + " or more in " +
           std::to_string(over) + " of " + std::to_string(batches.size()) +
           (batches.size() == 1 ? " batch." : " batches.");
}

} // namespace

std::string scored_text(const Scored& scored) {
    return (scored.data.empty() ? "random tokens" : file_name(scored.data)) + " in windows of " +
           std::to_string(scored.window) + ", " + scored.marks;
}

std::vector<std::string> explain_reference(const RunRecord& run, double tolerance) {
    std::vector<std::string> said;
    if (!run.scored || run.scored->reference.empty()) return said;
    const auto number = [&](const char* metric) {
        return format_number(value_of(run, metric).value_or(NAN));
    };
    std::string logits = name_of(run) + " against " + run.scored->reference + ", " +
                         std::to_string(run.scored->reference_tokens) +
                         " tokens: logits differ by at most " + number("logit_difference_max") +
                         ", by " + number("logit_difference_mean") + " in the mean";
    if (!run.difference_bins.empty())
        logits += ", " + percent(share_over(run.difference_bins, tolerance)) + " of them by " +
                  format_number(tolerance) + " or more";
    said.push_back(logits + ".");
    said.push_back("KL divergence: mean " + number("kl_mean") + ", median " + number("kl_median") +
                   ", 99th percentile " + number("kl_p99") +
                   " nats; the likeliest next token is the same for " +
                   percent(value_of(run, "top1_agreement").value_or(NAN)) + " of them.");
    if (!run.batch_differences.empty()) said.push_back(batch_sentence(run, tolerance));
    if (!run.layer_differences.empty()) said.push_back(divergence_sentence(run, tolerance));
    return said;
}

std::vector<std::string> explain_quality(const RunRecord& a, const RunRecord& b, double tolerance) {
    std::vector<std::string> said;
    if (const auto paired = paired_loss(a, b))
        said.push_back(
            "Perplexity " + format_number(paired->a, 5) + " → " + format_number(paired->b, 5) +
            " (" + change_of(paired->ratio) + "; 95 %: " + change_of(paired->ratio_low) + " to " +
            change_of(paired->ratio_high) + "), of " + std::to_string(paired->tokens) +
            " tokens of " + scored_text(*b.scored) +
            (paired->told() || paired->ratio == 1 ? "." : ": inside the noise of so many tokens."));
    for (const auto* run : {&a, &b})
        for (auto& sentence : explain_reference(*run, tolerance))
            said.push_back(std::move(sentence));
    return said;
}

PlotSpec difference_plot(const RunRecord& run, double tolerance) {
    PlotSpec spec{.x = {.name = "logit_difference",
                        .title = "Difference of a logit",
                        .scale = PlotScale::log10},
                  .y = {.name = "share", .title = "Logits", .unit = "%", .from_zero = true},
                  .interval = IntervalStyle::band};
    std::int64_t all = 0, equal = 0;
    for (const auto& bin : run.difference_bins) {
        all += bin.count;
        if (std::isinf(bin.from)) equal += bin.count; // they have no logarithm
    }
    if (equal) spec.y.detail = percent(double(equal) / double(all)) + " are equal";
    PlotSeries series{.name = "logits"};
    const auto add = [&](double logarithm, std::int64_t count) {
        series.x.push_back(std::pow(10, logarithm));
        series.y.push_back(100 * double(count) / double(all));
    };
    double last = INFINITY; // where the bin before ended
    for (const auto& bin : run.difference_bins) {
        if (std::isinf(bin.from)) continue;
        if (bin.from > last + 1e-9) { // no logit is there
            add(last, 0);
            add(bin.from, 0);
        }
        add((bin.from + bin.to) / 2, bin.count);
        last = bin.to;
    }
    series.lo.assign(series.y.size(), 0);
    series.hi = series.y;
    if (!series.x.empty()) spec.series.push_back(std::move(series));
    spec.limits.push_back({.name = "tolerance", .side = PlotSide::x, .value = tolerance});
    return spec;
}

PlotSpec batch_plot(const RunRecord& run, double tolerance) {
    PlotSpec spec{.x = {.name = "batch_of_pass", .title = "Batch of the quality pass"},
                  .y = {.name = "largest_difference",
                        .title = "Largest difference of a logit",
                        .from_zero = true},
                  .kind = PlotKind::bars};
    PlotSeries series{.name = "largest difference"};
    int broken = 0;
    for (const auto& batch : run.batch_differences) {
        if (!std::isfinite(batch.largest)) {
            ++broken;
            continue;
        }
        series.x.push_back(batch.batch);
        series.y.push_back(batch.largest);
    }
    if (broken) spec.y.detail = std::to_string(broken) + " are no numbers";
    if (!series.x.empty()) spec.series.push_back(std::move(series));
    spec.limits.push_back({.name = "tolerance", .value = tolerance});
    return spec;
}

PlotSpec logit_plot(const RunRecord& run) {
    PlotSpec spec{.x = {.name = "logit", .title = "Logit"},
                  .y = {.name = "density", .title = "Density", .from_zero = true},
                  .interval = IntervalStyle::band};
    if (run.logit_bins.empty()) return spec;
    const auto density = [&](std::string name, int slot, std::int64_t LogitBin::*count) {
        PlotSeries series{.name = std::move(name), .slot = slot};
        std::int64_t all = 0;
        for (const auto& bin : run.logit_bins) all += bin.*count;
        for (const auto& bin : run.logit_bins) {
            series.x.push_back((bin.from + bin.to) / 2);
            series.y.push_back(all ? double(bin.*count) / double(all) / (bin.to - bin.from) : 0);
        }
        series.lo.assign(series.y.size(), 0);
        series.hi = series.y;
        spec.series.push_back(std::move(series));
    };
    density(run.scored ? run.scored->reference : "reference", 1, &LogitBin::reference);
    density("run " + std::to_string(run.id), 0, &LogitBin::run);
    return spec;
}

PlotSpec layer_plot(const RunRecord& run, double tolerance) {
    PlotSpec spec{.x = {.name = "layer", .title = "Layer"},
                  .y = {.name = "relative",
                        .title = "Off the reference",
                        .unit = "%",
                        .factor = 0.01,
                        .from_zero = true}};
    for (std::size_t p = 0; p < names_of(BlockPlace{}).size(); ++p) {
        PlotSeries series{.name = std::string(names_of(BlockPlace{})[p]), .slot = int(p)};
        for (const auto& place : run.layer_differences)
            if (place.place == BlockPlace(p) && std::isfinite(place.relative)) {
                series.x.push_back(place.layer);
                series.y.push_back(100 * place.relative);
            }
        if (!series.x.empty()) spec.series.push_back(std::move(series));
    }
    spec.limits.push_back({.name = "tolerance", .value = 100 * tolerance});
    return spec;
}

std::vector<Plot> reference_plots(const RunRecord& run, double tolerance) {
    std::vector<Plot> plots;
    const auto add = [&](const char* name, const char* title, PlotSpec spec) {
        if (spec.series.empty()) return;
        Plot plot{.name = name,
                  .title = title,
                  .note = "run " + std::to_string(run.id) + " against " +
                          (run.scored ? run.scored->reference : std::string("its reference"))};
        plot.facets.push_back(std::move(spec));
        plots.push_back(std::move(plot));
    };
    add("logit-differences", "Differences of logits", difference_plot(run, tolerance));
    add("logit-batches", "Largest difference of each batch", batch_plot(run, tolerance));
    add("logits", "Distribution of logits", logit_plot(run));
    add("layers", "Outputs of layers", layer_plot(run, tolerance));
    return plots;
}

} // namespace sweetspot
