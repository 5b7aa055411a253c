#include "engine/data/masking.h"
#include "engine/tasks/tasks.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/transfer.h"
#include <algorithm>

// Task perplexity: which token each row should have predicted, for causal, masked and pseudo-
// perplexity, and the mean loss.

namespace sweetspot {

namespace {

/// Rows to go through the model, and which token each of them should have predicted.
struct Scored {
    InputRows input{};
    std::vector<std::int32_t> targets{}; ///< [rows]; no_label where nothing is scored
    std::int64_t count = 0;              ///< of targets that are scored
};

Scored counted(Scored scored) {
    scored.count = std::count_if(scored.targets.begin(), scored.targets.end(),
                                 [](auto target) { return target >= 0; });
    return scored;
}

/// Each token of a sequence is predicted from those before it.
Scored causal(const Batch& batch, Layout layout, std::int32_t mask) {
    Scored y{.input = lay_out(batch, layout, mask)};
    std::vector<Tokens> next;
    for (const Tokens& row : batch.rows) next.emplace_back(row.begin() + 1, row.end());
    y.targets = lay_out(next, y.input.segments, no_label);
    return counted(std::move(y));
}

Scored masked(const MaskedBatch& batch, Layout layout, std::int32_t mask) {
    Scored y{.input = lay_out(batch.batch, layout, mask)};
    y.targets = lay_out(batch.labels, y.input.segments, no_label);
    return counted(std::move(y));
}

/// The mean loss over the scored tokens of all data. Perplexity is exp of it.
class Perplexity : public ModelWorkload {
public:
    Perplexity(const RunConfig& config, const ModelConfig& model, RunData data, Context& context)
        : ModelWorkload(config, model, data.longest(), context), data_(std::move(data)) {}

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t) override {
        begin_step();
        outcome_ = {.replaced_letters = data_.replaced_letters, .data_note = data_.note};
        loss_nats_ = 0;
        for (const Batch& batch : data_.batches) {
            if (model_->config().causal)
                score(causal(batch, config_.layout, data_.ids.mask), shape_of(batch));
            else if (!config_.pseudo_perplexity)
                score_masked(mask(batch, data_.ids,
                                  {.fraction = config_.mask_fraction, .seed = config_.seed}));
            else
                for (const Tokens& row : batch.rows) score_each_letter(row, batch.specials_per_row);
        }
        if (data_.batches.empty())
            for (const BatchShape& shape : data_.shapes) plan(shape);
        if (!context_.plans() && outcome_.scored_tokens)
            outcome_.loss_nats = loss_nats_ / double(outcome_.scored_tokens);
    }

    std::optional<DataSource> data() const override { return data_.source; }
    Outcome outcome() const override { return completed(outcome_); }

private:
    void score_masked(const MaskedBatch& batch) {
        score(masked(batch, config_.layout, data_.ids.mask), shape_of(batch.batch));
    }

    /// What is done with a batch of that shape, without its ids.
    void plan(const BatchShape& shape) {
        std::int64_t scored = 0;
        for (const auto length : shape.rows) {
            const auto letters = length - shape.specials_per_row;
            if (model_->config().causal)
                scored += length - 1;
            else if (config_.pseudo_perplexity)
                plan_each_letter(length, letters, shape.specials_per_row);
            else
                scored += chosen_of(letters, config_.mask_fraction);
        }
        if (model_->config().causal || !config_.pseudo_perplexity)
            score({.input = lay_out(shape, config_.layout), .count = scored}, shape);
    }

    void plan_each_letter(std::int32_t length, std::int64_t letters, int specials) {
        for (std::int64_t first = 0; first < letters; first += config_.batch) {
            const auto count = std::min<std::int64_t>(config_.batch, letters - first);
            const BatchShape some{.rows = std::vector(std::size_t(count), length),
                                  .specials_per_row = specials};
            score({.input = lay_out(some, config_.layout), .count = count}, some);
        }
    }

    /// Every row masks another letter of the same sequence; `batch` of them go together.
    void score_each_letter(const Tokens& row, int specials) {
        const MaskedBatch all = mask_each_letter(row, specials, data_.ids);
        const auto count = std::int64_t(all.batch.rows.size());
        for (std::int64_t first = 0; first < count; first += config_.batch) {
            const auto last = std::min<std::int64_t>(first + config_.batch, count);
            MaskedBatch some{.batch = {.specials_per_row = specials}};
            some.batch.rows.assign(all.batch.rows.begin() + first, all.batch.rows.begin() + last);
            some.labels.assign(all.labels.begin() + first, all.labels.begin() + last);
            score_masked(some);
        }
    }

    void score(const Scored& scored, const BatchShape& shape) {
        const TokenCounts counts = count_tokens(std::span(&shape, 1), config_.layout);
        outcome_.tokens.nominal += counts.nominal;
        outcome_.tokens.padded += counts.padded;
        outcome_.tokens.computed += counts.computed;
        outcome_.scored_tokens += scored.count;
        model_->stage(scored.input);
        const In targets = targets_.send(
            context_, {context_.plans() ? HostValues<std::int32_t>::counted(scored.input.rows())
                                        : HostValues<std::int32_t>(scored.targets)})[0];
        const Out losses = losses_.room(context_, scored.input.rows(), DType::f32);
        context_.replay(model_->staged_key("perplexity"), [&] {
            Residual stream = model_->encode_staged();
            model_->each_logits(stream, [&](std::int64_t first, In logits) {
                const std::int64_t count = logits.shape[0];
                run(CrossEntropy{.logits = logits,
                                 .targets = rows(targets, first, count),
                                 .losses = rows(losses, first, count)},
                    context_);
            });
        });
        add_losses(losses);
    }

    void add_losses(Out losses) {
        if (context_.plans()) return run(Download{.x = losses, .y = losses}, context_);
        std::vector<float> found(std::size_t(losses.shape[0]));
        run(Download{.x = losses, .y = {found.data(), losses.shape, DType::f32}}, context_);
        context_.synchronize();
        for (const float loss : found) loss_nats_ += double(loss);
    }

    RunData data_;
    std::vector<std::string> phases_{"perplexity"};
    Staging targets_{}, losses_{};
    Outcome outcome_{};
    double loss_nats_ = 0; ///< sum over the scored tokens
};

} // namespace

std::unique_ptr<Workload> make_perplexity(const RunConfig& config, const ModelConfig& model,
                                          Context& context) {
    RunData data = scored_data(config, model);
    if (model.causal && data.longest() < 2)
        throw Error(Failure::bad_input, "perplexity: the data have no sequence of two tokens");
    return std::make_unique<Perplexity>(config, model, std::move(data), context);
}

} // namespace sweetspot
