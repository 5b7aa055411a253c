#include "engine/prune/calibration.h"
#include "engine/config/pruned_model.h"
#include "engine/weights/weights.h"
#include "kernels/core/machine.h"
#include "kernels/ops/matmul_backward.h"
#include <cstring>

namespace sweetspot {

namespace {

Stream stream_of(const RunConfig& run, bool plans) {
    const int threads = run.threads > 0 ? run.threads : usable_threads();
    if (plans) return PlanStream{.threads = threads};
    return CpuStream{.threads = threads};
}

/// The run whose text it is; of a plan only its shapes.
RunConfig text_of(const RunConfig& run, bool plans) {
    RunConfig text = calibration_of(run);
    if (plans) text.device = DeviceKind::plan;
    return text;
}

ModelConfig one_block(ModelConfig model) {
    model.layers = 1;
    return model;
}

Tensor copy_of(const Tensor& x, Context& context) {
    Tensor y(context.allocator, x.shape(), x.dtype());
    if (!context.plans()) std::memcpy(y.out().data, x.in().data, x.in().bytes());
    return y;
}

} // namespace

Calibration::Stage::Stage(const ModelConfig& model, Weights weights, int longest, Context& context)
    : config(one_block(model)), run(), model(config, run, std::move(weights), longest, context) {}

Calibration::Calibration(const ModelConfig& model, const RunConfig& run, WeightSource& dense,
                         bool grams, bool plans)
    : wants_gram_(grams), context_(stream_of(run, plans), plans ? static_cast<Allocator&>(planned_)
                                                                : static_cast<Allocator&>(memory_)),
      data_(scored_data(text_of(run, plans), model)), dense_config_(model),
      pruned_config_(pruned_model(model, run)), dense_source_(dense) {
    Weights outside = load_outside_blocks(model, RunConfig{}, dense, context_);
    outside.blocks.resize(1);
    Weights nothing;
    nothing.blocks.resize(1);
    const int longest = data_.longest();
    dense_.emplace(model, std::move(outside), longest, context_);
    pruned_.emplace(pruned_config_, std::move(nothing), longest, context_);
    for (const Batch& batch : data_.batches)
        embed(lay_out(batch, Layout::ragged, data_.ids.mask), std::int64_t(batch.rows.size()));
    if (data_.batches.empty())
        for (const BatchShape& shape : data_.shapes)
            embed(lay_out(shape, Layout::ragged), std::int64_t(shape.rows.size()));
    dense_->model.look_at_inputs([this](const LinearWeights& weights, In x) { look(weights, x); });
}

void Calibration::embed(InputRows input, std::int64_t sequences) {
    inputs_.push_back(std::move(input));
    dense_->model.stage(inputs_.back());
    streams_.push_back(dense_->model.embed_staged().x);
    sequences_ += sequences;
    tokens_ += inputs_.back().rows();
}

std::int64_t Calibration::peak_bytes() const {
    std::int64_t sums = 0;
    for (const Part part : block_linears) {
        const std::int64_t k = part_of(dense_config_, part, 0)->weight.columns;
        sums += (wants_gram_ ? k * k + k : k) * std::int64_t(sizeof(double));
    }
    return std::int64_t(context_.allocator.use().peak_total) + sums;
}

const BlockInputs& Calibration::observe(int layer) {
    seen_ = {};
    BlockWeights& weights = dense_->model.block_weights(0);
    weights = {}; // before the next is loaded, so that both are never live
    weights = load_block(dense_config_, RunConfig{}, layer, dense_source_, context_);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        Residual residual{.x = copy_of(streams_[i], context_),
                          .branch = Tensor(context_.allocator, streams_[i].shape(), DType::f32)};
        dense_->model.stage(inputs_[i]);
        dense_->model.pass_block(0, residual);
    }
    return seen_;
}

void Calibration::advance(int layer, WeightSource& pruned) {
    BlockWeights& weights = pruned_->model.block_weights(0);
    weights = {};
    weights = load_block(pruned_config_, RunConfig{}, layer, pruned, context_);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        Residual residual{.x = std::move(streams_[i]), .branch = {}};
        residual.branch = Tensor(context_.allocator, residual.x.shape(), DType::f32);
        pruned_->model.stage(inputs_[i]);
        pruned_->model.pass_block(0, residual);
        streams_[i] = std::move(residual.x);
    }
}

void Calibration::look(const LinearWeights& weights, In x) {
    const BlockWeights& block = dense_->model.block_weights(0);
    for (std::size_t place = 0; place < block_linears.size(); ++place)
        visit_part_of_block(block, block_linears[place], [&](const auto& member) {
            if (static_cast<const void*>(&member) != &weights) return;
            LinearInputs& seen = seen_[place];
            const auto k = std::size_t(x.shape[1]);
            seen.rows += x.shape[0];
            const bool plans = context_.plans();
            if (!plans) seen.squares.resize(k);
            for (std::int64_t row = 0; !plans && row < x.shape[0]; ++row)
                for (std::size_t i = 0; i < k; ++i) {
                    const double value = x.as<float>()[std::size_t(row * x.stride()) + i];
                    seen.squares[i] += value * value;
                }
            if (!wants_gram_) return;
            // A batch's sums are in f32, and only those of batches need more.
            const Tensor some(context_.allocator, {x.shape[1], x.shape[1]}, DType::f32);
            run(WeightGradient{.dy = x, .x = x, .dw = some.out()}, context_);
            if (plans) return;
            seen.gram.resize(k * k);
            for (std::size_t i = 0; i < k * k; ++i)
                seen.gram[i] += double(some.in().as<float>()[i]);
        });
}

} // namespace sweetspot
