#pragma once
#include "engine/data/masking.h"
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "engine/train/trained_model.h"
#include "tests/engine/golden.h"
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Small trainings, for tests that compare them.
namespace sweetspot {

/// What describes a golden model: our own words where transformers does not know it.
inline std::string golden_model(const std::string& model) {
    const std::string own = golden::folder(model) + "/model.json";
    return std::filesystem::exists(own) ? own : golden::folder(model);
}

/// The sequences of a golden model as one example: what make_gradients.py scores.
inline Example golden_example(const std::string& model, Layout layout) {
    const golden::Outputs outputs(model);
    const Batch batch = outputs.sequences();
    Example y{.input = lay_out(batch, layout, 32)};
    std::vector<Tokens> labels;
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
        const std::string name = "labels_" + std::to_string(i);
        const Tokens& row = batch.rows[i];
        labels.push_back(outputs.has(name) ? outputs.ids(name)
                                           : Tokens(row.begin() + 1, row.end()));
    }
    const auto targets = lay_out(labels, y.input.segments, no_label);
    for (std::size_t row = 0; row < targets.size(); ++row)
        if (targets[row] >= 0) {
            y.scored.push_back(std::int32_t(row));
            y.targets.push_back(targets[row]);
        }
    y.count = std::int64_t(y.scored.size());
    return y;
}

inline RunConfig tiny_run() {
    RunConfig run;
    run.model = golden::folder("llama-tiny");
    run.weights = "random";
    run.task = Task::train;
    run.threads = 2;
    run.batch = 4, run.batches = 3, run.sequence = 16, run.lengths = "uniform:4:16";
    run.layout = Layout::ragged;
    run.steps = 8, run.learning_rate = 0.01;
    return run;
}

/// A step with what comes behind it.
inline void take_step(Workload& work) {
    work.run_phase(0);
    work.after_step();
}

/// Of each step that it takes, at most so many.
inline std::vector<double> losses_of(const RunConfig& run, Context& context, int most = 1 << 30) {
    const auto work = make_workload(run, context);
    std::vector<double> losses;
    while (!work->done() && int(losses.size()) < most) {
        take_step(*work);
        losses.push_back(work->series().front().second);
    }
    return losses;
}
inline std::vector<double> losses_of(const RunConfig& run, int most = 1 << 30) {
    DeviceContext device(run);
    return losses_of(run, device.context(), most);
}

/// What a training came to, step by step; a metric that a step does not have is missing.
struct Trained {
    static constexpr double missing = -1;

    std::map<std::string, std::vector<double>> series{};
    std::optional<Predicted> predicted{};
    Outcome outcome{};
    DeviceTotals totals{};

    const std::vector<double>& losses() const { return series.at("train_loss"); }
};

inline Trained run_of(const RunConfig& run, int most = 1 << 30) {
    DeviceContext device(run);
    const auto work = make_workload(run, device.context());
    Trained y;
    for (int step = 0; !work->done() && step < most; ++step) {
        take_step(*work);
        std::map<std::string_view, double> values;
        for (const auto& [metric, value] : work->series()) values[metric] = value;
        for (const char* metric : {"train_loss", "gradient_norm", "loss_scale", "learning_rate"})
            y.series[metric].push_back(values.contains(metric) ? values[metric] : Trained::missing);
    }
    y.predicted = work->predicted();
    y.outcome = work->outcome();
    y.totals = device.totals();
    return y;
}

/// The memory and work of all its steps.
inline DeviceTotals totals_of(const RunConfig& run) {
    DeviceContext device(run);
    losses_of(run, device.context());
    return device.totals();
}

/// Why a training ended; "" if it came to its end.
inline std::string refusal_of(const RunConfig& run) {
    try {
        losses_of(run);
    } catch (const Error& e) {
        return e.what();
    }
    return "";
}

} // namespace sweetspot
