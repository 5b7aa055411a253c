#include "engine/config/as_published.h"
#include "engine/config/pruned_model.h"
#include "engine/tasks/tasks.h"
#include "engine/tasks/training_source.h"
#include "engine/train/checkpoints.h"
#include "engine/train/schedule.h"
#include "engine/train/trained_files.h"
#include "engine/train/trained_model.h"
#include "engine/weights/open_model.h"
#include <algorithm>
#include <array>
#include <chrono>
#include <set>

// A step of training: `accumulation` batches are drawn, all their scored tokens are counted, each
// batch adds its gradient with one weight a token, and the optimizer takes its step. On a plan all
// steps are gone through at once when the workload is made, by the shapes of their batches, so that
// the memory of the largest is known; then one stands for all.
//
// Where a target is learned, not tokens, the rows of a table's train are drawn, those of validation
// are scored as what is held out is, and at the end the head is asked about those of test.
//
// With a checkpoint folder the workload goes on where its newest checkpoint ends, if there is one:
// weights and moments are read from it, the data are sought to their place, and what else decides a
// step follows from its number and the seed.

namespace sweetspot {

namespace {

/// The run that a training begins as: with the weights, or adapters, of the checkpoint that it goes
/// on from.
RunConfig begun(RunConfig run, const std::optional<Checkpoint>& from) {
    if (from) (scope::is_adapted(run) ? run.adapter : run.weights) = from->folder;
    return run;
}

/// Keeps a plan's peaks, which are those of all steps, while one goes through what has grown since
/// it was first there.
class KnownPeaks {
public:
    explicit KnownPeaks(Context& context)
        : uses_{&context.allocator.use(), &context.weight_allocator.use(),
                &context.host_allocator.use()} {
        for (const MemoryUse* use : uses_) known_.push_back(*use);
    }
    ~KnownPeaks() {
        for (std::size_t i = 0; i < uses_.size(); ++i) {
            uses_[i]->peak = known_[i].peak, uses_[i]->peak_total = known_[i].peak_total;
            uses_[i]->at_peak = known_[i].at_peak;
        }
    }
    KnownPeaks(const KnownPeaks&) = delete;
    KnownPeaks& operator=(const KnownPeaks&) = delete;

private:
    std::array<MemoryUse*, 3> uses_;
    std::vector<MemoryUse> known_{};
};

class Train : public Workload {
public:
    Train(const RunConfig& config, const ModelConfig& model, RunData data, Context& context)
        : config_(config), context_(context),
          parameters_(parameters_used(pruned_model(model, config), config)),
          data_(std::move(data)) {
        if (!config_.save.empty() && !context_.plans())
            make_folder(config_.save); // one that cannot be is known before anything is learned
        if (!config_.checkpoint.empty() && !context_.plans()) {
            checkpoints_.emplace(config_);
            from_ = checkpoints_->newest(data_.source ? data_.source->sha256 : "");
        }
        Classes classes;
        if (scope::is_labelled(config_)) {
            labels_ = labels_of(data_, config_);
            classes = int(labels_->names.size());
        }
        model_.emplace(model, begun(config_, from_), data_.longest(), context_, from_.has_value(),
                       classes);
        const Labels* labels = labels_ ? &*labels_ : nullptr;
        if (data_.rows.rows.empty())
            shapes_.emplace(std::move(data_.shapes.front()), config_, model_->config(), data_,
                            labels);
        else
            ids_.emplace(std::move(data_.rows), config_, model_->config(), data_, labels);
        if (!config_.adapter.empty() && !context_.plans())
            adapter_sha256_ = sha256_of_adapter(config_.adapter);
        begin();
        if (context_.plans()) plan_all();
        if (from_) resume();
    }

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t) override {
        over_ = over_ || ends(); // it is only watched then: nothing is made of this step
        since_ = Clock::now();
        std::optional<KnownPeaks> known;
        if (context_.plans())
            known.emplace(context_); // it has gone through all of it
        else
            prune_if_due();
        const auto asked = Clock::now();
        const StepExamples step = next();
        data_seconds_ = std::chrono::duration<double>(Clock::now() - asked).count();
        take(step);
        context_.synchronize();
        validation_seconds_.reset(), checkpoint_seconds_.reset();
        if (!over_) keep_time();
    }

    bool after_step() override {
        if (over_) return false;
        std::optional<KnownPeaks> known;
        if (context_.plans()) known.emplace(context_);
        since_ = Clock::now();
        if (is_validated(state_.step) || (validates() && ends()))
            add_time(validation_seconds_, [&] { validate(); });
        keep_time();
        over_ = ends();
        if (over_ && labels_ && !context_.plans())
            add_time(validation_seconds_, [&] { predict(); });
        if (over_ && !config_.save.empty() && !context_.plans())
            add_time(checkpoint_seconds_, [&] { save(); });
        if (checkpoints_ && (is_kept(state_.step) || over_))
            add_time(checkpoint_seconds_, [&] { checkpoints_->write(*model_, state_, context_); });
        return validation_seconds_ || checkpoint_seconds_;
    }

    bool done() const override { return over_; }
    bool end_here() override {
        if (!checkpoints_ || state_.step == 0) return false;
        if (state_.step > steps_before() && !is_kept(state_.step))
            checkpoints_->write(*model_, state_, context_);
        over_ = true;
        return true;
    }
    int steps_before() const override { return from_ ? from_->state.step : 0; }

    std::vector<std::pair<std::string_view, double>> series() const override {
        std::vector<std::pair<std::string_view, double>> y{
            {"train_loss", found_.loss},
            {"learning_rate", settings_.learning_rate},
            {"step_tokens", double(tokens_.nominal)},
            {"data_seconds", data_seconds_}};
        if (found_.norm) y.emplace_back("gradient_norm", *found_.norm);
        if (scope::is_half_training(config_)) y.emplace_back("loss_scale", settings_.loss_scale);
        if (state_.validation_loss && validated_at_ == state_.step)
            y.emplace_back("validation_loss", *state_.validation_loss);
        if (validation_seconds_) y.emplace_back("validation_seconds", *validation_seconds_);
        if (checkpoint_seconds_) y.emplace_back("checkpoint_seconds", *checkpoint_seconds_);
        return y;
    }

    std::optional<Predicted> predicted() const override { return predicted_; }
    std::optional<DataSource> data() const override { return data_.source; }
    const Provenance& provenance() const override { return state_.provenance; }
    std::int64_t parameters() const override { return parameters_; }

    Outcome outcome() const override {
        Outcome y{.tokens = tokens_,
                  .scored_tokens = scored_,
                  .replaced_letters = data_.replaced_letters,
                  .data_note = data_.note,
                  .trainable_parameters = model_->trainable_parameters(),
                  .skipped_steps = state_.loss_scale.skipped,
                  .merge_error = merge_error_,
                  .offload_bytes = offload_bytes_,
                  .saved_sha256 = saved_sha256_,
                  .saved_adapter_sha256 = saved_adapter_sha256_,
                  .adapter_sha256 = adapter_sha256_,
                  .weight_note = format_note(config_.weight_format, model_->config()),
                  .pruning = model_->pruning(),
                  .caveat = caveat_of(config_.as_published)};
        if (!context_.plans() && scored_ && !labels_)
            y.loss_nats = state_.validation_loss.value_or(found_.loss);
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
        if (model_->adapters() && !config_.save_merged) {
            saved_adapter_sha256_ = sha256_of_adapter(config_.save);
            return;
        }
        copy_tokenizer(config_.save, config_.model);
        saved_sha256_ = sha256_of_weights(config_.save);
    }

    void begin() {
        state_ = {.provenance = model_->provenance(),
                  .data_sha256 = data_.source ? data_.source->sha256 : ""};
        if (scope::is_half_training(config_)) state_.loss_scale.scale = config_.loss_scale;
    }

    /// Of the rows of test.
    void predict() {
        predicted_ = {.head = "linear, on the mean of the last outputs, learned with what is "
                              "trained below it",
                      .split = labels_->note};
        ids_->each_tested([&](const Example& example) {
            model_->score(example);
            take_answers(model_->answers(), *example.sequences);
        });
    }

    void take_answers(std::span<const float> answers, const SequenceTargets& expected) {
        const Examples& examples = shapes_ ? shapes_->examples() : ids_->examples();
        for (const float number : expected.numbers)
            predicted_->expected_numbers.push_back(examples.in_full(double(number)));
        if (!expected.numbers.empty()) {
            for (const float number : answers)
                predicted_->numbers.push_back(examples.in_full(double(number)));
            return;
        }
        const std::size_t outputs = labels_->names.size();
        for (std::size_t s = 0; s < expected.classes.size(); ++s) {
            const auto logits = answers.subspan(s * outputs, outputs);
            const auto best = std::ranges::max_element(logits) - logits.begin();
            predicted_->classes.push_back(labels_->names[std::size_t(best)]);
            predicted_->expected_classes.push_back(
                labels_->names[std::size_t(expected.classes[s])]);
        }
    }

    bool validates() const { return config_.validation > 0 || labels_; }

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
        settings_ = {.step = state_.step,
                     .updates = state_.step - state_.loss_scale.skipped,
                     .scored = step.scored,
                     .learning_rate = learning_rate_of(config_, state_.step),
                     .loss_scale = state_.loss_scale.scale};
        const std::size_t moved = model_->moved_bytes();
        found_ = model_->take(step.examples, settings_);
        offload_bytes_ = std::int64_t(model_->moved_bytes() - moved);
        if (scope::is_half_training(config_))
            state_.loss_scale.follow(found_.norm.has_value(), config_.loss_scale_steps);
        tokens_ = step.tokens;
        scored_ = step.scored;
        ++state_.step;
        state_.tokens += tokens_.nominal;
        if (!ids_) return;
        state_.epoch = ids_->epoch();
        state_.next = ids_->position();
    }

    void validate() {
        state_.validation_loss = held_out_loss();
        validated_at_ = state_.step;
        if (state_.best_loss && !(*state_.validation_loss < *state_.best_loss)) {
            ++state_.worse;
            return;
        }
        state_.best_loss = state_.validation_loss;
        state_.best_step = state_.step;
        state_.worse = 0;
    }

    double held_out_loss() {
        double sum = 0;
        std::int64_t scored = 0;
        const auto score = [&](const Example& example) {
            sum += model_->score(example);
            scored += example.count;
        };
        shapes_ ? shapes_->each_held_out(score) : ids_->each_held_out(score);
        return scored ? sum / double(scored) : 0;
    }

    /// By its steps, time, tokens, or a validation loss that falls no more.
    bool ends() const {
        return state_.step >= config_.steps ||
               (config_.train_seconds > 0 && state_.seconds >= config_.train_seconds) ||
               (config_.train_tokens > 0 && state_.tokens >= config_.train_tokens) ||
               (config_.patience > 0 && validates() && state_.worse >= config_.patience);
    }
    void keep_time() {
        const auto now = Clock::now();
        state_.seconds += std::chrono::duration<double>(now - since_).count();
        since_ = now;
    }

    template <class Work>
    void add_time(std::optional<double>& seconds, const Work& work) {
        const auto begun = Clock::now();
        work();
        context_.synchronize();
        const double took = std::chrono::duration<double>(Clock::now() - begun).count();
        seconds = seconds.value_or(0) + took;
    }

    /// What decides a step's memory: the shapes of its batches.
    static std::vector<std::int32_t> shape_of(const StepExamples& step) {
        std::vector<std::int32_t> shape;
        for (const Example& example : step.examples) {
            const auto& offsets = example.input.segments.offsets;
            shape.insert(shape.end(), offsets.begin(), offsets.end());
            shape.push_back(std::int32_t(example.count));
        }
        return shape;
    }

    /// Goes through all steps and validations. What has been gone through needs the same memory
    /// again, unless something that stays has grown since: room for batches, or scratch.
    void plan_all() {
        std::set<std::vector<std::int32_t>> known;
        const auto go_through = [&](const std::vector<std::int32_t>& shape, auto&& work) {
            if (known.contains(shape)) return;
            const std::size_t stays = context_.allocator.use().live_total;
            work();
            if (context_.allocator.use().live_total != stays)
                known.clear(); // perhaps after what it takes most
            else
                known.insert(shape);
        };
        for (int i = 1; i <= config_.steps; ++i) {
            const StepExamples step = next();
            state_.step = i - 1;
            prune_if_due();
            go_through(shape_of(step), [&] { take(step); });
            if (is_validated(i) || i == config_.steps) go_through({}, [&] { held_out_loss(); });
        }
        shapes_->each_tested([&](const Example& example) { model_->score(example); });
        begin();
        const auto again = [](auto& source) {
            if (source) source->seek(0, 0);
        };
        again(ids_), again(shapes_);
    }

    /// Whether a validation follows the step of this number, from 1.
    bool is_validated(int step) const {
        return validates() && (step % config_.validation_steps == 0 || is_kept(step));
    }
    bool is_kept(int step) const {
        return !config_.checkpoint.empty() && step % config_.checkpoint_steps == 0;
    }

    using Clock = std::chrono::steady_clock;

    RunConfig config_;
    Context& context_;
    std::int64_t parameters_;
    RunData data_;
    std::optional<Checkpoints> checkpoints_{};
    std::optional<Checkpoint> from_{};
    std::optional<TrainedModel> model_{};
    std::optional<Source<TokenRow>> ids_{};
    std::optional<Source<std::int32_t>> shapes_{};
    std::optional<Labels> labels_{}; ///< where a target is learned, not tokens
    std::optional<Predicted> predicted_{};
    std::vector<std::string> phases_{"train"};
    TrainingState state_{};
    bool over_ = false;
    Clock::time_point since_{}; ///< of what is not in the state's seconds yet
    StepSettings settings_{};   ///< of the last step
    StepResult found_{};        ///< likewise
    std::optional<double> merge_error_{};
    std::string saved_sha256_{}, saved_adapter_sha256_{}, adapter_sha256_{};
    int validated_at_ = -1;
    TokenCounts tokens_{};
    std::int64_t scored_ = 0, offload_bytes_ = 0; ///< of the last step
    double data_seconds_ = 0;                     ///< that it waited for its batches
    std::optional<double> validation_seconds_{}, checkpoint_seconds_{}; ///< behind the last step
};

} // namespace

std::unique_ptr<Workload> make_train(const RunConfig& config, const ModelConfig& model,
                                     Context& context, const Progress& progress) {
    RunData data = training_data(config, model, progress);
    if (model.causal && data.longest() < 2)
        throw Error(Failure::bad_input, "train: the data have no sequence of two tokens");
    return std::make_unique<Train>(config, model, std::move(data), context);
}

} // namespace sweetspot
