#pragma once
#include "engine/config/pruned_model.h"
#include "engine/prune/pruned_weights.h"
#include "tests/engine/data_support.h"
#include "tests/engine/golden.h"
#include "tests/engine/prune_reference.h"
#include <map>
#include <random>

/// Models that are pruned, as their weights and logits.
namespace sweetspot::pruning {

using reference::Dense;

inline const std::string golden_folder = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// Numbers that are exact in f32, so that f32 and f64 begin with the same.
inline Dense normal(std::size_t rows, std::size_t columns, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> draw;
    Dense y(rows, columns);
    for (double& x : y.at) x = draw(random);
    return y;
}
inline std::vector<float> floats(const Dense& x) {
    return {x.at.begin(), x.at.end()};
}

struct Held {
    HostAllocator memory{};
    Matrix matrix{};
    explicit Held(const Dense& x, std::vector<std::int64_t> rows = {}) {
        if (rows.empty()) rows = {std::int64_t(x.rows)};
        matrix = {.held =
                      Tensor(memory, {std::int64_t(x.rows), std::int64_t(x.columns)}, DType::f32),
                  .rows = rows,
                  .columns = std::int64_t(x.columns)};
        const auto values = floats(x);
        std::copy(values.begin(), values.end(), matrix.row(0));
    }
    std::vector<float> values() const { return {matrix.row(0), matrix.row(0) + matrix.count()}; }
};

/// Weights that stay as they were, and places of those that are 0.
inline std::vector<std::size_t> zeros(const std::vector<float>& x) {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (x[i] == 0) places.push_back(i);
    return places;
}

inline RunConfig config_of(const std::string& model, PruneBy by = PruneBy::none) {
    RunConfig run;
    run.model = golden_folder + model;
    run.threads = 2;
    run.sequence = 24;
    run.prune = by;
    return run;
}

/// What a source gives, each weight by part and layer, the rows of its sources one below the other.
using AllWeights = std::map<std::pair<Part, int>, std::vector<float>>;

/// All that load_weights() asks a pruned source for.
class Kept : public WeightSource {
public:
    explicit Kept(WeightSource& of) : of_(of) {}
    std::vector<In> find(const Parameter& parameter) override {
        const auto found = of_.find(parameter);
        std::vector<float> values;
        for (const In& x : found)
            for (std::int64_t i = 0; i < x.shape.count(); ++i) values.push_back(x.as<float>()[i]);
        if (!parameter.bias) all[{parameter.part, parameter.layer}] = values;
        return found;
    }
    bool transposed(Part part) const override { return of_.transposed(part); }
    bool interleaved_rotary() const override { return of_.interleaved_rotary(); }
    void finish() override { of_.finish(); }

    AllWeights all{};

private:
    WeightSource& of_;
};

inline AllWeights pruned_weights(const RunConfig& run, PruneOutcome* outcome = nullptr) {
    const ModelConfig model = load_model_config(run.model);
    HostAllocator memory;
    Context context(CpuStream{.threads = run.threads}, memory);
    AllWeights all;
    weights_for(run, model, context, [&](WeightSource& dense) {
        PrunedWeights source(dense, model, run, context);
        Kept kept(source);
        Weights weights = load_weights(pruned_model(model, run), run, kept, context);
        if (outcome) *outcome = source.outcome();
        all = kept.all;
        return weights;
    });
    return all;
}
inline AllWeights dense_weights(RunConfig run) {
    run.prune = PruneBy::none;
    const ModelConfig model = load_model_config(run.model);
    HostAllocator memory;
    Context context(CpuStream{.threads = run.threads}, memory);
    AllWeights all;
    weights_for(run, model, context, [&](WeightSource& dense) {
        Kept kept(dense);
        Weights weights = load_weights(model, run, kept, context);
        all = kept.all;
        return weights;
    });
    return all;
}

inline std::vector<float> logits_of(const RunConfig& run, const Batch& batch) {
    const ModelConfig model = load_model_config(run.model), left = pruned_model(model, run);
    HostAllocator memory;
    Context context(CpuStream{.threads = 2}, memory);
    PruneOutcome outcome;
    auto loaded = weights_for(run, model, context, [&](WeightSource& dense) {
        return load_pruned(model, run, dense, context, outcome);
    });
    Model pruned(left, run, std::move(loaded.weights), int(batch.longest()), context);
    const InputRows input = lay_out(batch, Layout::ragged, 32);
    Residual stream = pruned.encode(input);
    std::vector<float> all;
    pruned.each_logits(stream, [&](std::int64_t, In y) {
        all.insert(all.end(), y.as<float>(), y.as<float>() + y.shape.count());
    });
    return all;
}

/// Runs that prune by a text of their own.
class CalibratedRuns {
public:
    CalibratedRuns() {
        std::mt19937 random(1);
        std::string text;
        for (int line = 0; line < 20; ++line) {
            for (int i = 0; i < 58; ++i) text += "ACDEFGHIKLMNPQRSTVWY"[random() % 20];
            text += '\n';
        }
        path_ = folder_.write("a.lines", text);
    }
    const std::string& path() const { return path_; }
    RunConfig config(const std::string& model, PruneBy by) const {
        RunConfig run = config_of(model, by);
        run.tokenizer = "esm"; // few enough ids for all of them
        run.prune_data = path_;
        run.prune_windows = 6;
        run.prune_window = 20;
        return run;
    }

private:
    Folder folder_{};
    std::string path_{};
};

} // namespace sweetspot::pruning
