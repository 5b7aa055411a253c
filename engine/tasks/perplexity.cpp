#include "engine/config/sha256.h"
#include "engine/data/masking.h"
#include "engine/tasks/tasks.h"
#include "engine/tasks/witnessed.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <cmath>
#include <numeric>

// Task perplexity: which token each row should have predicted, for causal, masked and pseudo-
// perplexity, the loss of each in the order of the data, and the mean. Whoever wants to see more of
// a token than its loss is a witness.

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
    Perplexity(const RunConfig& config, const ModelConfig& model, RunData data, Context& context,
               Witness* witness, LoadedModel* lent)
        : ModelWorkload(config, model, data.longest(), context, lent), data_(std::move(data)) {
        find_first_tokens();
        if (witness) witnessed_.emplace(*witness, *model_, context);
        if (witness) witness->expect(std::int64_t(token_losses_.size()));
    }

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t) override {
        begin_step();
        outcome_ = {.replaced_letters = data_.replaced_letters, .data_note = data_.note};
        loss_nats_ = 0;
        double exponentials = 0;
        int scored_batches = 0;
        std::span<const std::int64_t> firsts = first_tokens_;
        for (const Batch& batch : data_.batches) {
            const auto here = firsts.first(batch.rows.size());
            firsts = firsts.subspan(batch.rows.size());
            const double loss_before = loss_nats_;
            const std::int64_t scored_before = outcome_.scored_tokens;
            if (model_->config().causal)
                score(causal(batch, config_.layout, data_.ids.mask), shape_of(batch), here);
            else if (!config_.pseudo_perplexity)
                score_masked(mask(batch, data_.ids,
                                  {.fraction = config_.mask_fraction, .seed = config_.seed}),
                             here);
            else
                for (std::size_t i = 0; i < batch.rows.size(); ++i)
                    score_each_letter(batch.rows[i], batch.specials_per_row, here[i]);
            const auto scored = double(outcome_.scored_tokens - scored_before);
            if (!scored) continue;
            exponentials += std::exp((loss_nats_ - loss_before) / scored);
            ++scored_batches;
        }
        if (data_.batches.empty())
            for (const BatchShape& shape : data_.shapes) plan(shape);
        if (context_.plans() || !outcome_.scored_tokens) return;
        outcome_.loss_nats = loss_nats_ / double(outcome_.scored_tokens);
        outcome_.mean_exponential = exponentials / scored_batches;
    }

    std::optional<DataSource> data() const override { return data_.source; }
    Outcome outcome() const override { return completed(outcome_); }

    std::optional<ScoredTokens> scored() const override {
        if (context_.plans()) return {};
        ScoredTokens scored = scored_tokens(data_, config_, model_->config());
        scored.losses = token_losses_;
        return scored;
    }

private:
    /// How many tokens of a row are scored.
    std::int64_t scored_of(std::int64_t length, int specials) const {
        if (model_->config().causal) return length - 1;
        const auto letters = length - specials;
        return config_.pseudo_perplexity ? letters : chosen_of(letters, config_.mask_fraction);
    }

    /// Where the scored tokens of each row stand among all, in the order of the data.
    void find_first_tokens() {
        std::vector<std::int64_t> begins(data_.places.size() + 1, 0);
        std::size_t row = 0;
        for (const Batch& batch : data_.batches)
            for (const Tokens& tokens : batch.rows)
                begins[data_.places[row++] + 1] =
                    scored_of(std::int64_t(tokens.size()), batch.specials_per_row);
        for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
        for (std::size_t i = 0; i < row; ++i) first_tokens_.push_back(begins[data_.places[i]]);
        if (row) token_losses_.resize(std::size_t(begins.back()));
    }

    void score_masked(const MaskedBatch& batch, std::span<const std::int64_t> firsts) {
        score(masked(batch, config_.layout, data_.ids.mask), shape_of(batch.batch), firsts);
    }

    /// What is done with a batch of that shape, without its ids.
    void plan(const BatchShape& shape) {
        std::int64_t scored = 0;
        const bool each = !model_->config().causal && config_.pseudo_perplexity;
        for (const auto length : shape.rows) {
            const auto count = scored_of(length, shape.specials_per_row);
            scored += count;
            if (each) plan_each_letter(length, count, shape.specials_per_row);
        }
        if (!each) score({.input = lay_out(shape, config_.layout), .count = scored}, shape, {});
    }

    void plan_each_letter(std::int32_t length, std::int64_t letters, int specials) {
        for (std::int64_t first = 0; first < letters; first += config_.batch) {
            const auto count = std::min<std::int64_t>(config_.batch, letters - first);
            const BatchShape some{.rows = std::vector(std::size_t(count), length),
                                  .specials_per_row = specials};
            score({.input = lay_out(some, config_.layout), .count = count}, some, {});
        }
    }

    /// Every row masks another letter of the same sequence; `batch` of them go together.
    void score_each_letter(const Tokens& row, int specials, std::int64_t first_token) {
        const MaskedBatch all = mask_each_letter(row, specials, data_.ids);
        const auto count = std::int64_t(all.batch.rows.size());
        for (std::int64_t first = 0; first < count; first += config_.batch) {
            const auto last = std::min<std::int64_t>(first + config_.batch, count);
            MaskedBatch some{.batch = {.specials_per_row = specials}};
            some.batch.rows.assign(all.batch.rows.begin() + first, all.batch.rows.begin() + last);
            some.labels.assign(all.labels.begin() + first, all.labels.begin() + last);
            std::vector<std::int64_t> firsts(some.batch.rows.size());
            std::iota(firsts.begin(), firsts.end(), first_token + first);
            score_masked(some, firsts);
        }
    }

    /// `firsts`: of each sequence, where its first scored token stands among all; empty of a plan.
    void score(const Scored& scored, const BatchShape& shape,
               std::span<const std::int64_t> firsts) {
        const TokenCounts counts = count_tokens(std::span(&shape, 1), config_.layout);
        outcome_.tokens.nominal += counts.nominal;
        outcome_.tokens.padded += counts.padded;
        outcome_.tokens.computed += counts.computed;
        outcome_.scored_tokens += scored.count;
        const auto tokens = scored_rows(scored, firsts);
        if (witnessed_) witnessed_->begin(tokens);
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
                if (witnessed_) witnessed_->see_logits(first, logits);
            });
        });
        add_losses(losses, tokens);
    }

    /// The rows that are scored, with the token that each predicts.
    static std::vector<ScoredRow> scored_rows(const Scored& scored,
                                              std::span<const std::int64_t> firsts) {
        std::vector<ScoredRow> rows;
        const Segments& segments = scored.input.segments;
        for (std::size_t s = 0; s < firsts.size(); ++s)
            for (std::int64_t row = segments.offsets[s], token = firsts[s];
                 row < segments.offsets[s + 1]; ++row)
                if (scored.targets[std::size_t(row)] >= 0) rows.push_back({row, token++});
        return rows;
    }

    void add_losses(Out losses, const std::vector<ScoredRow>& tokens) {
        if (context_.plans()) return run(Download{.x = losses, .y = losses}, context_);
        std::vector<float> found(std::size_t(losses.shape[0]));
        run(Download{.x = losses, .y = {found.data(), losses.shape, DType::f32}}, context_);
        context_.synchronize();
        for (const float loss : found) loss_nats_ += double(loss);
        for (const auto& [row, token] : tokens)
            token_losses_[std::size_t(token)] = found[std::size_t(row)];
    }

    RunData data_;
    std::vector<std::string> phases_{"perplexity"};
    Staging targets_{}, losses_{};
    Outcome outcome_{};
    double loss_nats_ = 0;                     ///< sum over the scored tokens
    std::vector<std::int64_t> first_tokens_{}; ///< of each row, batch by batch
    std::vector<float> token_losses_{};        ///< of each scored token, in the order of the data
    std::optional<Witnessed> witnessed_{};
};

/// Ids row by row in the order of the data, and the rule by which some of them are scored.
std::string hash_of_tokens(const RunData& data, const RunConfig& run, bool causal) {
    std::vector<const Tokens*> rows(data.places.size());
    std::size_t row = 0;
    for (const Batch& batch : data.batches)
        for (const Tokens& tokens : batch.rows) rows[data.places[row++]] = &tokens;
    std::string text = causal ? "next token"
                       : run.pseudo_perplexity
                           ? "each token masked"
                           : "masked " + to_text(run.seed) + " " + to_text(run.mask_fraction);
    for (const Tokens* tokens : rows) {
        const auto count = std::uint64_t(tokens->size());
        text.append(reinterpret_cast<const char*>(&count), sizeof count);
        text.append(reinterpret_cast<const char*>(tokens->data()),
                    tokens->size() * sizeof(std::int32_t));
    }
    return sha256_of_text(text);
}

} // namespace

ScoredTokens scored_tokens(const RunData& data, const RunConfig& run, const ModelConfig& model) {
    const int marks = data.shapes.empty() ? 0 : data.shapes.front().specials_per_row;
    return {.sha256 = hash_of_tokens(data, run, model.causal),
            .tokenizer = data.tokenizer ? data.tokenizer->name() : "",
            .marks = marks == 0   ? "no marks"
                     : marks == 1 ? "each after a token that begins it"
                                  : "each between tokens that begin and end it",
            .vocabulary = model.vocabulary,
            .window = run.sequence};
}

std::unique_ptr<Workload> make_perplexity(const RunConfig& config, const ModelConfig& model,
                                          Context& context, Witness* witness, LoadedModel* lent) {
    RunData data = scored_data(config, model);
    if (model.causal && data.longest() < 2)
        throw Error(Failure::bad_input, "perplexity: the data have no sequence of two tokens");
    return std::make_unique<Perplexity>(config, model, std::move(data), context, witness, lent);
}

} // namespace sweetspot
