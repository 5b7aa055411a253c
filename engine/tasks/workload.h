#pragma once
#include "engine/config/run_config.h"
#include "engine/weights/provenance.h"
#include "kernels/core/context.h"
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sweetspot {

/// How many tokens a step stands for.
struct TokenCounts {
    std::int64_t nominal = 0;  ///< asked for: real tokens of the sequences, special ones included
    std::int64_t padded = 0;   ///< sequences times the longest of each batch
    std::int64_t computed = 0; ///< rows that went through the layers
};

/// The file that tokens came from.
struct DataSource {
    std::string path{};
    std::string sha256{};                    ///< as it lies on disk
    std::int64_t sequences = 0, letters = 0; ///< that were read: no more than is needed
};

/// What pruning did to a model.
struct PruneOutcome {
    std::int64_t prunable = 0; ///< weights that were up for it; on a plan only where shapes say so
    std::int64_t pruned = 0;   ///< those of them that went
    std::int64_t calibration_bytes = 0; ///< most that looking at a text took, while loading
    std::string note{};                 ///< how, by what, and what it gains; "" if nothing was
                                        ///< pruned
};

/// What a step found out, beside its time.
struct Outcome {
    TokenCounts tokens{};
    std::optional<double> loss_nats{}; ///< mean negative log-likelihood of the scored tokens
    std::int64_t scored_tokens = 0;
    /// The mean over batches of exp of the mean loss of each: no perplexity, but what some call so.
    std::optional<double> mean_exponential{};
    std::string text{};        ///< what was generated
    std::string text_tokens{}; ///< its tokens, a line a sequence: "id:bytes", by blanks
    /// Likewise of each prompt that its data go on behind, and how they do, as far as that is long.
    std::vector<std::string> continuations{}, expected{};
    std::int64_t replaced_letters = 0;     ///< letters the alphabet lacks, as the policy has it
    std::string data_note{};               ///< what else was done to the data; "" if nothing
    std::int64_t trainable_parameters = 0; ///< that a training changes
    int skipped_steps = 0;                 ///< whose gradients left f16's range
    std::optional<double> merge_error{};   ///< of save_merged()
    std::int64_t moved_bytes = 0; ///< of weights, to the device: copied, or asked for ahead of use
    std::int64_t offload_bytes = 0; ///< of a step of training: to pinned memory, and from it
    std::string saved_sha256{};     ///< of the weights that a training saved, as provenance has it
    std::string saved_adapter_sha256{}; ///< or of the adapter
    std::string adapter_sha256{};       ///< of the one that it goes on with
    std::string resumed{};              ///< what a training goes on from; "" if it began here
    std::string weight_note{};          ///< which format which weights have; "" if all are dense
    PruneOutcome pruning{};             ///< what became of the model's weights
    std::string caveat{};               ///< why the numbers are not the model's own; "" if they are
};

/// What a loss is over, token by token, and what it depends on beside the model.
struct ScoredTokens {
    std::vector<float> losses{}; ///< in nats, in the order of the data, whatever the layout
    std::string sha256{};        ///< of the ids and of which are scored; equal for the same work
    std::string tokenizer{};     ///< its kind; "" for random tokens
    std::string marks{};         ///< what begins and ends a sequence, a phrase
    int vocabulary = 0;          ///< the model's
    int window = 0;              ///< most tokens of a sequence
};

/// What a head says of the rows that it is tested on, which it was neither fitted to nor chosen by.
struct Predicted {
    std::vector<double> numbers{}, expected_numbers{};
    std::vector<std::string> classes{}, expected_classes{}; ///< these, where classes are predicted
    std::string head{};                                     ///< which it is, and how it was chosen
    std::string split{};                                    ///< how many rows were for what
};

/// Is shown what a model computes for scored tokens, which are counted in the order of the data;
/// they come in another.
class Witness {
public:
    virtual ~Witness() = default;
    /// Before anything is computed: so many tokens there will be.
    virtual void expect(std::int64_t tokens) = 0;
    /// What follows is of the next batch.
    virtual void begin_batch() {}
    /// Whether it is to be shown the logits of a token, or what the blocks give for it.
    virtual bool wants_logits(std::int64_t token) const = 0;
    virtual bool wants_blocks(std::int64_t token) const = 0;
    virtual void logits(std::int64_t token, std::span<const float> values) = 0;
    virtual void block(std::int64_t token, int layer, BlockPlace,
                       std::span<const float> values) = 0;
};

struct LoadedModel;

/// One run's work, ready to be repeated: model, weights and data are loaded. A step is a list of
/// phases that the caller times one by one: forward has one, generate has a prefill and one a
/// token.
class Workload {
public:
    virtual ~Workload() = default;

    /// Names of a step's phases in order, e.g. {"prefill", "decode", "decode", …}.
    virtual const std::vector<std::string>& phases() const = 0;
    /// Does one phase; phases of a step go in order, phase 0 starts a new step.
    virtual void run_phase(std::size_t phase) = 0;
    /// Does what comes behind a whole step and takes none of its time: a training scores what is
    /// held out, writes checkpoints and, at its end, what it saves. Not behind a step that is only
    /// watched. Whether there was something.
    virtual bool after_step() { return false; }
    /// Of the last whole step. On the device plan: what is known without computing.
    virtual Outcome outcome() const = 0;

    /// What a step said of its progress, by metric, e.g. {"loss_nats", 2.3}: a sample each.
    virtual std::vector<std::pair<std::string_view, double>> series() const { return {}; }
    /// Of the last whole step of task perplexity; nothing of others, and of a plan.
    virtual std::optional<ScoredTokens> scored() const { return {}; }
    /// Of the last whole step of task probe; nothing of others, and of a plan.
    virtual std::optional<Predicted> predicted() const { return {}; }
    /// Whether the workload has an end of its own, as a schedule of training has, and is there;
    /// otherwise its steps repeat for as long as somebody measures them.
    virtual bool done() const { return false; }
    /// Steps of it that were taken before, by another run that this one goes on with.
    virtual int steps_before() const { return 0; }
    /// Ends such a workload after the steps that it took, so that another run can go on from there.
    /// False where nothing is kept for one.
    virtual bool end_here() { return false; }

    virtual const Provenance& provenance() const = 0;
    /// Nothing where the tokens are random, or a prompt's.
    virtual std::optional<DataSource> data() const = 0;
    virtual std::int64_t parameters() const = 0;
};

/// Is told which share of the data has been read, now and then.
using Progress = std::function<void(double share)>;

/// Loads what the configuration asks for through the context, whose stream says the device.
/// Throws Error: bad_input with a sentence for what people get wrong, file, out_of_memory.
/// A witness, which must outlive the workload, is for task perplexity. So must a model that is lent
/// instead of being loaded, for forward, generate and perplexity (loaded_model.h): it has its
/// weights back when the workload goes, and lost them if this throws. Only a training, which reads
/// all of its data, tells of its progress.
std::unique_ptr<Workload> make_workload(const RunConfig&, Context&, Witness* = nullptr,
                                        LoadedModel* lent = nullptr, const Progress& = {});

} // namespace sweetspot
