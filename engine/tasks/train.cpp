#include "engine/config/as_published.h"
#include "engine/config/pruned_model.h"
#include "engine/data/masking.h"
#include "engine/data/random.h"
#include "engine/data/shuffled_batches.h"
#include "engine/tasks/tasks.h"
#include "engine/train/checkpoints.h"
#include "engine/train/schedule.h"
#include "engine/train/trained_files.h"
#include "engine/train/trained_model.h"
#include "engine/weights/open_model.h"
#include <chrono>
#include <numeric>
#include <set>

// A step of training: `accumulation` batches are drawn, all their scored tokens are counted, each
// batch adds its gradient with one weight a token, and the optimizer takes its step. On a plan all
// steps are gone through at once when the workload is made, by the shapes of their batches, so that
// the memory of the largest is known; then one stands for all.
//
// With a checkpoint folder the workload goes on where its newest checkpoint ends, if there is one:
// weights and moments are read from it, the data are sought to their place, and what else decides a
// step follows from its number and the seed.

namespace sweetspot {

namespace {

/// Which rows are scored by which tokens.
Example example_of(InputRows input, const std::vector<Tokens>& labels) {
    Example y{.input = std::move(input)};
    const auto targets = lay_out(labels, y.input.segments, no_label);
    for (std::size_t row = 0; row < targets.size(); ++row) {
        if (targets[row] < 0) continue;
        y.scored.push_back(std::int32_t(row));
        y.targets.push_back(targets[row]);
    }
    y.count = std::int64_t(y.scored.size());
    return y;
}

/// Where a batch comes from: what its masks go by.
struct Drawn {
    int epoch;
    std::span<const std::size_t> records; ///< what each row is among the data
};

/// How a model's batches become examples, of ids or of shapes.
class Examples {
public:
    /// `ids` are the data's.
    Examples(const RunConfig& run, const ModelConfig& model, const SpecialIds& ids)
        : run_(run), model_(model), ids_(ids) {}

    /// Causal: each token is predicted from those before it. Masked: masks are new in each epoch.
    Example of(const Batch& batch, const Drawn& drawn) const {
        if (says_what_it_sees()) return example_of_seen(batch);
        if (model_.causal) {
            std::vector<Tokens> next;
            for (const Tokens& row : batch.rows) next.emplace_back(row.begin() + 1, row.end());
            return example_of(lay_out(batch, run_.layout, ids_.mask), next);
        }
        const MaskedBatch masked = mask(batch, ids_, rule(drawn));
        return example_of(lay_out(masked.batch, run_.layout, ids_.mask), masked.labels);
    }
    Example of(const BatchShape& shape, const Drawn& drawn) const {
        if (says_what_it_sees()) {
            BatchShape filled = shape;
            std::ranges::fill(filled.rows, std::int32_t(shape.longest()));
            return {.input = lay_out(filled, run_.layout), .count = count_tokens(shape).padded};
        }
        Example y{.input = lay_out(shape, run_.layout)};
        for (std::size_t i = 0; i < shape.rows.size(); ++i)
            y.count += model_.causal
                           ? shape.rows[i] - 1
                           : chosen_of(shape.rows[i] - shape.specials_per_row, rule(drawn), i);
        return y;
    }

private:
    bool says_what_it_sees() const { return run_.as_published == AsPublished::llm_compression; }

    /// As a study had it: rows are filled up with the token that ends a text (or, where there is
    /// none, begins one), and each token, those included, is to be said where it is read.
    Example example_of_seen(const Batch& batch) const {
        const std::int32_t padding = ids_.eos < 0 ? ids_.bos : ids_.eos;
        Batch filled = batch;
        for (Tokens& row : filled.rows) {
            if (row.size() < batch.longest() && padding < 0)
                throw Error(Failure::bad_input,
                            "as_published llm_compression pads with a token that ends or begins a "
                            "text, and the tokenizer of these data has none");
            row.resize(batch.longest(), padding);
        }
        return example_of(lay_out(filled, run_.layout, ids_.mask), filled.rows);
    }

    MaskRule rule(const Drawn& drawn) const {
        const std::uint64_t seed =
            Random(std::uint64_t(run_.seed) ^ Random(std::uint64_t(drawn.epoch + 1)).next()).next();
        MaskRule y{.fraction = run_.mask_fraction,
                   .style = MaskStyle::study,
                   .seed = std::int64_t(seed),
                   .records = drawn.records};
        if (run_.masking == Masking::exact) return y;
        y.style = MaskStyle::bernoulli;
        y.first_letter = 0, y.last_letter = model_.vocabulary - 1;
        return y;
    }

    const RunConfig& run_;
    const ModelConfig& model_;
    SpecialIds ids_;
};

/// What a step needs of the data.
struct StepExamples {
    std::vector<Example> examples{};
    TokenCounts tokens{};
    std::int64_t scored = 0;
};

template <class Row>
class Source {
public:
    Source(BatchOf<Row> rows, const RunConfig& run, const ModelConfig& model, const SpecialIds& ids)
        : run_(run), examples_(run, model, ids),
          held_out_(hold_out(rows, run.validation, run.seed)), batches_(std::move(rows), run) {}

    StepExamples next() {
        StepExamples y;
        for (int i = 0; i < run_.accumulation; ++i) {
            const BatchOf<Row> batch = batches_.next();
            add(batch, {batches_.epoch(), batches_.records()}, y);
        }
        return y;
    }
    int epoch() const { return batches_.epoch(); }
    std::int64_t position() const { return std::int64_t(batches_.position()); }
    void seek(int epoch, std::int64_t position) { batches_.seek(epoch, std::size_t(position)); }
    /// What is held out, masked alike each time.
    StepExamples validation() const {
        StepExamples y;
        constexpr int no_epoch = -1;
        std::vector<std::size_t> records;
        for (const auto& batch : split_by_rows(held_out_, std::size_t(run_.batch))) {
            const std::size_t first = records.empty() ? 0 : records.back() + 1;
            records.resize(batch.rows.size());
            std::iota(records.begin(), records.end(), first);
            add(batch, {no_epoch, records}, y);
        }
        return y;
    }

private:
    void add(const BatchOf<Row>& batch, const Drawn& drawn, StepExamples& y) const {
        y.examples.push_back(examples_.of(batch, drawn));
        y.scored += y.examples.back().count;
        const BatchTokens counts = sweetspot::count_tokens(batch);
        y.tokens.nominal += counts.real;
        y.tokens.padded += counts.padded;
        y.tokens.computed += counts.computed(run_.layout);
    }

    const RunConfig& run_;
    Examples examples_;
    BatchOf<Row> held_out_;
    ShuffledBatches<Row> batches_;
};

/// The run that a training begins as: with the weights, or adapters, of the checkpoint that it goes
/// on from.
RunConfig begun(RunConfig run, const std::optional<Checkpoint>& from) {
    if (from) (scope::is_adapted(run) ? run.adapter : run.weights) = from->folder;
    return run;
}

class Train : public Workload {
public:
    Train(const RunConfig& config, const ModelConfig& model, RunData data, Context& context)
        : config_(config), context_(context),
          parameters_(parameters_used(pruned_model(model, config), config)),
          data_(std::move(data)) {
        if (!config_.checkpoint.empty() && !context_.plans()) {
            checkpoints_.emplace(config_);
            from_ = checkpoints_->newest(data_.source ? data_.source->sha256 : "");
        }
        model_.emplace(model, begun(config_, from_), data_.longest(), context_, from_.has_value());
        if (data_.batches.empty())
            shapes_.emplace(std::move(data_.shapes.front()), config_, model_->config(), data_.ids);
        else
            ids_.emplace(std::move(data_.batches.front()), config_, model_->config(), data_.ids);
        validation_ = shapes_ ? shapes_->validation() : ids_->validation();
        if (context_.plans()) plan_all();
        if (from_)
            resume();
        else
            state_.provenance = model_->provenance();
    }

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t) override {
        const bool watched = over_; // it is only watched: nothing is made of this step
        since_ = Clock::now();
        if (!context_.plans()) prune_if_due(); // a plan has gone through all of it
        take(next());
        context_.synchronize();
        if (watched) return;
        keep_time();
        const bool due = checkpoints_ && state_.step % config_.checkpoint_steps == 0;
        if (config_.validation > 0 &&
            (state_.step % config_.validation_steps == 0 || due || ends()))
            validate();
        keep_time();
        over_ = ends();
        if (over_ && !config_.save.empty() && !context_.plans()) save();
        if (checkpoints_ && (due || over_)) checkpoints_->write(*model_, state_, context_);
    }

    bool done() const override { return over_; }
    int steps_before() const override { return from_ ? from_->state.step : 0; }

    std::vector<std::pair<std::string_view, double>> series() const override {
        std::vector<std::pair<std::string_view, double>> y{
            {"train_loss", loss_},
            {"gradient_norm", norm_},
            {"learning_rate", rate_},
            {"step_tokens", double(tokens_.nominal)}};
        if (state_.validation_loss && validated_at_ == state_.step)
            y.emplace_back("validation_loss", *state_.validation_loss);
        return y;
    }

    std::optional<DataSource> data() const override { return data_.source; }
    const Provenance& provenance() const override { return state_.provenance; }
    std::int64_t parameters() const override { return parameters_; }

    Outcome outcome() const override {
        Outcome y{.tokens = tokens_,
                  .scored_tokens = scored_,
                  .replaced_letters = data_.replaced_letters,
                  .data_note = data_.note,
                  .trainable_parameters = model_->trainable_parameters(),
                  .merge_error = merge_error_,
                  .saved_sha256 = saved_sha256_,
                  .weight_note = format_note(config_.weight_format, model_->config()),
                  .pruning = model_->pruning(),
                  .caveat = caveat_of(config_.as_published)};
        if (!context_.plans() && scored_) y.loss_nats = state_.validation_loss.value_or(loss_);
        if (from_)
            y.resumed = "from " + from_->folder + (from_->note.empty() ? "" : "; " + from_->note);
        return y;
    }

private:
    StepExamples next() { return shapes_ ? shapes_->next() : ids_->next(); }

    void save() {
        if (config_.save_merged && model_->adapters())
            merge_error_ = save_merged(config_.save, config_, *model_, context_);
        else
            save_trained(config_.save, config_, *model_, context_);
        if (model_->adapters() && !config_.save_merged) return;
        copy_tokenizer(config_.save, config_.model);
        saved_sha256_ = sha256_of_weights(config_.save);
    }

    void resume() {
        state_ = from_->state;
        restore_optimizer(*from_, *model_, context_);
        ids_->seek(state_.epoch, state_.next);
        if (ends())
            throw Error(Failure::bad_input,
                        from_->folder + " is where this training ended, after " +
                            to_text(state_.step) + " of " + to_text(config_.steps) +
                            " steps: there is nothing to go on with");
    }

    void prune_if_due() {
        if (const auto share = sparsity_before(config_, state_.step)) model_->prune_to(*share);
    }

    void take(const StepExamples& step) {
        rate_ = learning_rate_of(config_, state_.step);
        model_->begin_step(state_.step);
        const double weight = step.scored ? 1 / double(step.scored) : 0;
        loss_ = 0;
        for (const Example& example : step.examples)
            loss_ += model_->add(example, float(weight)) * weight;
        norm_ = model_->update(rate_);
        tokens_ = step.tokens;
        scored_ = step.scored;
        ++state_.step;
        state_.tokens += tokens_.nominal;
        if (!ids_) return;
        state_.epoch = ids_->epoch();
        state_.next = ids_->position();
    }

    void validate() {
        state_.validation_loss = mean_loss(validation_);
        validated_at_ = state_.step;
        if (state_.best_loss && !(*state_.validation_loss < *state_.best_loss)) {
            ++state_.worse;
            return;
        }
        state_.best_loss = state_.validation_loss;
        state_.best_step = state_.step;
        state_.worse = 0;
    }

    double mean_loss(const StepExamples& all) {
        double sum = 0;
        for (const Example& example : all.examples) sum += model_->score(example);
        return all.scored ? sum / double(all.scored) : 0;
    }

    /// By its steps, time, tokens, or a validation loss that falls no more.
    bool ends() const {
        return state_.step >= config_.steps ||
               (config_.train_seconds > 0 && state_.seconds >= config_.train_seconds) ||
               (config_.train_tokens > 0 && state_.tokens >= config_.train_tokens) ||
               (config_.patience > 0 && config_.validation > 0 && state_.worse >= config_.patience);
    }
    void keep_time() {
        const auto now = Clock::now();
        state_.seconds += std::chrono::duration<double>(now - since_).count();
        since_ = now;
    }

    /// Steps whose batches have the same shapes need the same memory: each is gone through once.
    void plan_all() {
        std::set<std::vector<std::int32_t>> known;
        for (int i = 0; i < config_.steps; ++i) {
            const StepExamples step = next();
            std::vector<std::int32_t> shape;
            for (const Example& example : step.examples) {
                const auto& offsets = example.input.segments.offsets;
                shape.insert(shape.end(), offsets.begin(), offsets.end());
                shape.push_back(std::int32_t(example.count));
            }
            state_.step = i;
            prune_if_due();
            if (known.insert(std::move(shape)).second) take(step);
        }
        mean_loss(validation_);
        state_ = {};
    }

    using Clock = std::chrono::steady_clock;

    RunConfig config_;
    Context& context_;
    std::int64_t parameters_;
    RunData data_;
    std::optional<Checkpoints> checkpoints_{};
    std::optional<Checkpoint> from_{};
    std::optional<TrainedModel> model_{};
    std::optional<Source<Tokens>> ids_{};
    std::optional<Source<std::int32_t>> shapes_{};
    StepExamples validation_{};
    std::vector<std::string> phases_{"train"};
    TrainingState state_{};
    bool over_ = false;
    Clock::time_point since_{}; ///< of what is not in the state's seconds yet
    double loss_ = 0, norm_ = 0, rate_ = 0;
    std::optional<double> merge_error_{};
    std::string saved_sha256_{};
    int validated_at_ = -1;
    TokenCounts tokens_{};
    std::int64_t scored_ = 0; ///< of the last step
};

} // namespace

std::unique_ptr<Workload> make_train(const RunConfig& config, const ModelConfig& model,
                                     Context& context) {
    RunData data = training_data(config, model);
    if (model.causal && data.longest() < 2)
        throw Error(Failure::bad_input, "train: the data have no sequence of two tokens");
    return std::make_unique<Train>(config, model, std::move(data), context);
}

} // namespace sweetspot
