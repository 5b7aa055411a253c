#include "app/analysis/run_plots.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>

// What trainings said of each step, a line each. A training that was stopped and goes on from its
// checkpoint is another run of the same configuration: its line begins where the training did.

namespace sweetspot {

namespace {

/// A run's steps before `end`, which another goes on from.
struct Steps {
    const RunRecord* run = nullptr;
    int end = std::numeric_limits<int>::max();
};

bool trained(const RunRecord& run) {
    const auto losses = run.samples.find("train_loss");
    return losses != run.samples.end() && !losses->second.empty();
}

int first_step(const RunRecord& run) {
    return run.samples.at("train_loss").front().index;
}

/// A training from its first step that is known: what runs of it took until it was stopped, then
/// what this one did.
std::vector<Steps> steps_of(const RunRecord& run, std::span<const RunRecord> earlier) {
    std::vector<Steps> parts{{&run}};
    while (const int first = first_step(*parts.back().run)) {
        const RunRecord* before = nullptr; // the last that took the step before the first
        for (const auto& other : earlier)
            if (other.hash == run.hash && other.id < parts.back().run->id && trained(other) &&
                first_step(other) < first &&
                other.samples.at("train_loss").back().index >= first - 1 &&
                (!before || before->id < other.id))
                before = &other;
        if (!before) break;
        parts.push_back({before, first});
    }
    std::ranges::reverse(parts);
    return parts;
}

/// What is to be said of trainings that went on from checkpoints; "" of none.
std::string continued(const std::vector<std::vector<Steps>>& trainings) {
    std::vector<std::string> said;
    for (const auto& parts : trainings) {
        const std::string name = "run " + std::to_string(parts.back().run->id);
        for (std::size_t i = 1; i < parts.size(); ++i)
            said.push_back(name + " went on from step " + std::to_string(parts[i - 1].end) +
                           " of run " + std::to_string(parts[i - 1].run->id));
        if (const int first = first_step(*parts.front().run))
            said.push_back(name + " lacks steps 1 to " + std::to_string(first) +
                           ", which no run here took");
    }
    constexpr std::size_t most_said = 2;
    std::string all;
    for (std::size_t i = 0; i < std::min(said.size(), most_said); ++i)
        all += (i ? "; " : "") + said[i];
    if (said.size() > most_said)
        all += "; and " + std::to_string(said.size() - most_said) + " more";
    return all;
}

/// What trainings said of each step by these metrics, a facet each: a line a run, of the last that
/// began where they are too many to be told apart.
Plot curves_of(std::span<const RunRecord> runs, Plot plot, std::span<const RunRecord> earlier,
               std::initializer_list<std::pair<const char*, const char*>> metrics) {
    constexpr std::size_t most_curves = 12; // more are a thicket
    const auto all = std::size_t(std::ranges::count_if(runs, trained));
    std::vector<const RunRecord*> shown;
    for (const auto& run : runs | std::views::reverse)
        if (trained(run) && shown.size() < most_curves) shown.push_back(&run);
    std::ranges::reverse(shown);
    std::vector<RunRecord> configs; // what they are called goes by all that are shown
    for (const auto* run : shown) configs.emplace_back().config = run->config;
    const auto varying = varying_fields(configs);
    std::vector<std::string> names;
    for (const auto& run : configs) names.push_back(point_name(run.config, varying));
    const auto slots = slots_of(names);
    if (all > shown.size())
        plot.note = "the last " + std::to_string(shown.size()) + " of " + std::to_string(all) +
                    " trainings";
    std::vector<std::vector<Steps>> trainings;
    for (const auto* run : shown) trainings.push_back(steps_of(*run, earlier));
    if (const auto said = continued(trainings); !said.empty())
        plot.note += (plot.note.empty() ? "" : "; ") + said;
    const auto each_step = [](const std::vector<Steps>& parts, const char* metric,
                              const auto& visit) {
        for (const auto& [run, end] : parts)
            if (const auto found = run->samples.find(metric); found != run->samples.end())
                for (const auto& sample : found->second)
                    if (sample.index < end && std::isfinite(sample.value)) visit(sample);
    };
    for (const auto& [metric, title] : metrics) {
        double largest = 0;
        for (const auto& parts : trainings)
            each_step(parts, metric,
                      [&](const Measured& sample) { largest = std::max(largest, sample.value); });
        PlotSpec spec{
            .title = title, .x = {.name = "step", .title = "Step"}, .y = axis_of(metric, largest)};
        for (std::size_t r = 0; r < shown.size(); ++r) {
            PlotSeries series{.name = names[r], .slot = slots[r]};
            each_step(trainings[r], metric, [&](const Measured& sample) { // it ends as it diverges
                series.x.push_back(sample.index + 1); // as a step is called wherever it is named
                series.y.push_back(sample.value / spec.y.factor);
                series.ids.push_back(shown[r]->id);
            });
            if (!series.x.empty()) spec.series.push_back(std::move(series));
        }
        if (!spec.series.empty()) plot.facets.push_back(std::move(spec));
    }
    return plot;
}

} // namespace

Plot loss_curves(std::span<const RunRecord> runs, std::span<const RunRecord> earlier) {
    Plot plot = curves_of(runs, {.name = "loss-curves", .title = "Loss curves", .columns = 2},
                          earlier, {{"train_loss", "training"}, {"validation_loss", "held out"}});
    for (auto& facet : plot.facets) facet.y.title = "Loss"; // the facet says of what
    return plot;
}

Plot step_curve(std::span<const RunRecord> runs, const char* metric,
                std::span<const RunRecord> earlier) {
    Plot plot{.name = metric, .title = axis_of(metric, 0).title};
    plot = curves_of(runs, std::move(plot), earlier, {{metric, ""}});
    for (auto& facet : plot.facets) facet.y.from_zero = true;
    return plot;
}

} // namespace sweetspot
