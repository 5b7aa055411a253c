#include "engine/probe/boosted.h"
#include "engine/probe/head.h"
#include "engine/tasks/tasks.h"
#include "kernels/ops/transfer.h"
#include <algorithm>

// Task probe: what a frozen model's features are worth. One phase computes them, sequence by
// sequence the mean of the last layer's outputs; the other fits a head and asks it.

namespace sweetspot {

namespace {

class ProbeRun : public ModelWorkload {
public:
    ProbeRun(const RunConfig& config, const ModelConfig& model, RunData data, Labels labels,
             bool marked, Context& context)
        : ModelWorkload(config, model, data.longest(), context), data_(std::move(data)),
          labels_(std::move(labels)), marked_(marked) {
        std::int64_t rows = 0;
        for (const BatchShape& shape : data_.shapes) rows += std::int64_t(shape.rows.size());
        if (config.probe_head == ProbeHead::xgboost && !context.plans()) require_xgboost();
        features_ =
            Tensor(context.host_allocator, {rows, model.width}, DType::f32, Purpose::activations);
    }

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t phase) override {
        if (phase == 0) return find_features();
        if (context_.plans()) return;
        found_ = fit_head(features_, labels_, config_, threads_of(context_));
    }

    std::optional<DataSource> data() const override { return data_.source; }
    Outcome outcome() const override {
        Outcome y{.tokens = count_tokens(data_.shapes, config_.layout),
                  .replaced_letters = data_.replaced_letters,
                  .data_note = data_.note};
        if (config_.pooling == Pooling::off_by_one)
            y.caveat = "pooling off_by_one takes the mark that begins a sequence for its first "
                       "letter, and leaves the last out";
        if (!provenance_.loaded)
            y.caveat += std::string(y.caveat.empty() ? "" : "; ") +
                        "the features are those of random weights: they pass on what sequences "
                        "are made of and how long they are, and the head finds what follows from "
                        "that, pruned or not; it says nothing of a trained model";
        return completed(y);
    }

    std::optional<Predicted> predicted() const override {
        if (context_.plans()) return {};
        Predicted y{.head = found_.note, .split = labels_.note};
        y.numbers = found_.numbers;
        for (const int place : found_.classes)
            y.classes.push_back(labels_.names[std::size_t(place)]);
        for (std::size_t row = 0; row < labels_.splits.size(); ++row) {
            if (labels_.splits[row] != Split::test) continue;
            if (labels_.numbers.empty())
                y.expected_classes.push_back(labels_.names[std::size_t(labels_.classes[row])]);
            else
                y.expected_numbers.push_back(labels_.numbers[row]);
        }
        return y;
    }

private:
    void find_features() {
        begin_step();
        std::span<const std::size_t> places = data_.places;
        for (const Batch& batch : data_.batches) {
            compute(lay_out(batch, config_.layout, data_.ids.mask), batch.specials_per_row,
                    places.first(batch.rows.size()));
            places = places.subspan(batch.rows.size());
        }
        if (data_.batches.empty())
            for (const BatchShape& shape : data_.shapes)
                compute(lay_out(shape, config_.layout), shape.specials_per_row, {});
    }

    /// `places`: of each sequence, its row in the order of the data; empty of a plan.
    void compute(const InputRows& input, int specials, std::span<const std::size_t> places) {
        model_->stage(input);
        Residual stream = model_->encode_staged();
        std::vector<float> outputs(context_.plans() ? 0 : std::size_t(stream.x.shape().count()));
        const std::int64_t width = features_.shape()[1];
        model_->each_features(stream, [&](std::int64_t first, In some) {
            float* to = outputs.empty() ? nullptr : outputs.data() + first * width;
            run(Download{.x = some, .y = {to, some.shape, some.dtype}}, context_);
        });
        context_.synchronize();
        for (std::size_t s = 0; s < places.size(); ++s) {
            const std::int64_t letters = input.segments.lengths[s] - specials,
                               skipped = config_.pooling == Pooling::mean && marked_;
            pool({outputs.data() + (input.segments.offsets[s] + skipped) * width,
                  std::size_t(letters * width)},
                 letters, features_.as<float>() + std::int64_t(places[s]) * width);
        }
    }

    void pool(std::span<const float> rows, std::int64_t count, float* to) const {
        const std::size_t width = rows.size() / std::size_t(count);
        std::vector<double> sums(width, 0.0);
        for (std::size_t i = 0; i < rows.size(); ++i) sums[i % width] += double(rows[i]);
        for (std::size_t i = 0; i < width; ++i) to[i] = float(sums[i] / double(count));
    }

    RunData data_;
    Labels labels_;
    bool marked_;     ///< a mark begins each sequence
    Tensor features_; ///< [sequences, width] f32 of the host, in the order of the data
    HeadPredictions found_{};
    std::vector<std::string> phases_{"features", "fit"};
};

} // namespace

std::unique_ptr<Workload> make_probe(const RunConfig& config, const ModelConfig& model,
                                     Context& context) {
    RunData data = probe_data(config, model);
    Labels labels = labels_of(data, config);
    const bool marked = data.tokenizer->usual_specials().begin;
    if (config.pooling == Pooling::off_by_one && !marked)
        throw Error(Failure::bad_input, "pooling off_by_one takes the mark that begins a sequence "
                                        "for a letter; those of " +
                                            model.name + " begin with none");
    return std::make_unique<ProbeRun>(config, model, std::move(data), std::move(labels), marked,
                                      context);
}

} // namespace sweetspot
