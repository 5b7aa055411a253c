#include "engine/data/masking.h"
#include "engine/data/random.h"
#include "engine/data/shuffled_batches.h"
#include "engine/tasks/tasks.h"
#include "engine/train/checkpoint.h"
#include "engine/train/schedule.h"
#include "engine/train/trained_model.h"
#include <chrono>
#include <set>

// A step of training: `accumulation` batches are drawn, all their scored tokens are counted, each
// batch adds its gradient with one weight a token, and the optimizer takes its step. On a plan all
// steps are gone through at once when the workload is made, by the shapes of their batches, so that
// the memory of the largest is known; then one stands for all.

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

/// How a model's batches become examples, of ids or of shapes.
class Examples {
public:
    /// `ids` are the data's.
    Examples(const RunConfig& run, const ModelConfig& model, const SpecialIds& ids)
        : run_(run), model_(model), ids_(ids) {}

    /// Causal: each token is predicted from those before it. Masked: masks are new in each epoch.
    Example of(const Batch& batch, int epoch) const {
        if (model_.causal) {
            std::vector<Tokens> next;
            for (const Tokens& row : batch.rows) next.emplace_back(row.begin() + 1, row.end());
            return example_of(lay_out(batch, run_.layout, ids_.mask), next);
        }
        const std::uint64_t seed =
            Random(std::uint64_t(run_.seed) ^ Random(std::uint64_t(epoch + 1)).next()).next();
        const MaskedBatch masked = mask(batch, ids_,
                                        {.fraction = run_.mask_fraction,
                                         .style = MaskStyle::study,
                                         .seed = std::int64_t(seed)});
        return example_of(lay_out(masked.batch, run_.layout, ids_.mask), masked.labels);
    }
    Example of(const BatchShape& shape, int) const {
        Example y{.input = lay_out(shape, run_.layout)};
        for (const auto length : shape.rows)
            y.count += model_.causal
                           ? length - 1
                           : chosen_of(length - shape.specials_per_row, run_.mask_fraction);
        return y;
    }

private:
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
            add(batch, batches_.epoch(), y);
        }
        return y;
    }
    /// What is held out, masked alike each time.
    StepExamples validation() const {
        StepExamples y;
        constexpr int no_epoch = -1;
        for (const auto& batch : split_by_rows(held_out_, std::size_t(run_.batch)))
            add(batch, no_epoch, y);
        return y;
    }

private:
    void add(const BatchOf<Row>& batch, int epoch, StepExamples& y) const {
        y.examples.push_back(examples_.of(batch, epoch));
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

class Train : public Workload {
public:
    Train(const RunConfig& config, const ModelConfig& model, RunData data, Context& context)
        : config_(config), context_(context), parameters_(parameters_used(model, config)),
          data_(std::move(data)), model_(model, config, data_.longest(), context) {
        if (data_.batches.empty())
            shapes_.emplace(std::move(data_.shapes.front()), config_, model_.config(), data_.ids);
        else
            ids_.emplace(std::move(data_.batches.front()), config_, model_.config(), data_.ids);
        validation_ = shapes_ ? shapes_->validation() : ids_->validation();
        if (context_.plans()) plan_all();
    }

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t) override {
        const auto begun = std::chrono::steady_clock::now();
        const bool over = done(); // it is only watched: nothing is made of this step
        take(next());
        if (!over && config_.validation > 0 && (step_ % config_.validation_steps == 0 || done()))
            validation_loss_ = mean_loss(validation_);
        context_.synchronize();
        if (!over && !config_.save.empty() && done() && !context_.plans())
            save_weights(config_.save, config_.model, model_, context_);
        seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    }

    bool done() const override {
        return step_ >= config_.steps ||
               (config_.train_seconds > 0 && seconds_ >= config_.train_seconds);
    }

    std::vector<std::pair<std::string_view, double>> series() const override {
        std::vector<std::pair<std::string_view, double>> y{
            {"train_loss", loss_}, {"gradient_norm", norm_}, {"learning_rate", rate_}};
        if (validation_loss_ && validated_at_ == step_)
            y.emplace_back("validation_loss", *validation_loss_);
        return y;
    }

    std::optional<DataSource> data() const override { return data_.source; }
    const Provenance& provenance() const override { return model_.provenance(); }
    std::int64_t parameters() const override { return parameters_; }

    Outcome outcome() const override {
        Outcome y{.tokens = tokens_,
                  .scored_tokens = scored_,
                  .replaced_letters = data_.replaced_letters,
                  .data_note = data_.note};
        if (!context_.plans() && scored_) y.loss_nats = validation_loss_.value_or(loss_);
        return y;
    }

private:
    StepExamples next() { return shapes_ ? shapes_->next() : ids_->next(); }

    void take(const StepExamples& step) {
        rate_ = learning_rate_of(config_, step_);
        model_.begin_step(step_);
        const double weight = step.scored ? 1 / double(step.scored) : 0;
        loss_ = 0;
        for (const Example& example : step.examples)
            loss_ += model_.add(example, float(weight)) * weight;
        norm_ = model_.update(rate_);
        tokens_ = step.tokens;
        scored_ = step.scored;
        ++step_;
    }

    double mean_loss(const StepExamples& all) {
        double sum = 0;
        for (const Example& example : all.examples) sum += model_.score(example);
        validated_at_ = step_;
        return all.scored ? sum / double(all.scored) : 0;
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
            if (known.insert(std::move(shape)).second) take(step);
        }
        mean_loss(validation_);
        step_ = 0;
    }

    RunConfig config_;
    Context& context_;
    std::int64_t parameters_;
    RunData data_;
    TrainedModel model_;
    std::optional<Source<Tokens>> ids_{};
    std::optional<Source<std::int32_t>> shapes_{};
    StepExamples validation_{};
    std::vector<std::string> phases_{"train"};
    int step_ = 0; ///< steps that were taken
    double seconds_ = 0, loss_ = 0, norm_ = 0, rate_ = 0;
    std::optional<double> validation_loss_{};
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
