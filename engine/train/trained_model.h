#pragma once
#include "engine/models/input.h"
#include "engine/models/rotary_tables.h"
#include "engine/models/staging.h"
#include "engine/tasks/workload.h"
#include "engine/train/adapter_plan.h"
#include "engine/train/block.h"
#include "engine/train/offload.h"
#include "engine/train/sequence_head.h"
#include "engine/weights/provenance.h"
#include "kernels/ops/optimizer.h"
#include <deque>
#include <map>
#include <optional>
#include <span>

namespace sweetspot {

/// What is said of the sequences of an example; on a plan it is missing.
struct SequenceTargets {
    int before = 0, marks = 0; ///< tokens that are no letters: before the first, and in all
    std::vector<std::int32_t> classes{}; ///< [sequences], or
    std::vector<float> numbers{};
};

/// What a head is for: so many classes, or 0 for a number.
using Classes = std::optional<int>;

/// Rows that go through the model, and which of them are scored by which token, or what is learned
/// of each sequence. On a plan ids and targets are missing.
struct Example {
    InputRows input{};
    std::vector<std::int32_t> scored{};  ///< [count]: rows, in order
    std::vector<std::int32_t> targets{}; ///< [count]: tokens
    std::int64_t count = 0;              ///< of these, or of sequences
    std::optional<SequenceTargets> sequences{};
};

/// One tensor that a model learns, with what its optimizer keeps of it.
struct Learned {
    Part part = Part::tokens;
    int layer = 0;
    bool bias = false, matrix = false; ///< matrix: or table
    std::string stored_as{};           ///< of an adapter's matrix or the head: its name in files
    bool of_head = false;              ///< that says something of sequences
    int products = 1;                  ///< as LinearWeights has them
    Tensor* weight = nullptr;          ///< not owned: what the model computes with
    Tensor* gradient = nullptr;        ///< not owned: f32, row by row
    Tensor master{}; ///< what the optimizer steps, row by row, if that is not weight itself: in
                     ///< f32, or in weight's type where a training goes without master weights
    Tensor mean{}, square{}; ///< as AdamW or Sgd keep them, or absent
    /// Of a matrix that has no master and is stepped as products read it: its rows and columns.
    std::optional<Shape> packed{};

    /// What is stepped; of a packed matrix not row by row.
    Out value() const { return master.present() ? master.out() : weight->out(); }
    Shape shape() const { return packed ? *packed : value().shape; }
    /// What products read of rows of a matrix, which are of one product.
    Out packed_rows(std::int64_t first, std::int64_t count) const;
    std::string name() const; ///< "layer 3 up bias"
};

/// What a step is told.
struct StepSettings {
    int step = 0;            ///< from 0: its dropout and rounding draw by it
    int updates = 0;         ///< that the optimizer made before it
    std::int64_t scored = 0; ///< tokens of all its examples, whose mean loss is learned from
    double learning_rate = 0;
    double loss_scale = 1; ///< what losses are multiplied by on their way back, and gradients
                           ///< divided by at the end (Micikevicius et al., 2018)
};

/// What a step came to.
struct StepResult {
    double loss = 0;              ///< mean of its tokens, in nats
    std::optional<double> norm{}; ///< of all gradients, before it was clipped; nothing where the
                                  ///< loss scale took them out of f16's range: nothing was learned
};

/// A transformer that learns: weights, gradients, the optimizer's state, and a step. Sums go in one
/// order whatever the threads, so that a run can be repeated to the bit.
///
/// On a GPU a step is queued as a whole, and leaves weights alone by itself where gradients are not
/// finite. All that differs from step to step is then in the GPU's memory, so that launch graph
/// records a step for each shape of batches and repeats it.
class TrainedModel {
public:
    /// Of sequences of up to `longest` tokens. The context must outlive it. `goes_on`: the run's
    /// weights are a checkpoint's, of which nothing is pruned once more. With `classes` it has a
    /// head on sequences, drawn by the seed.
    TrainedModel(const ModelConfig&, const RunConfig&, int longest, Context&, bool goes_on = false,
                 Classes classes = {});
    TrainedModel(const TrainedModel&) = delete;
    TrainedModel& operator=(const TrainedModel&) = delete;

    /// Gradients of all examples together, and what the optimizer makes of them. Throws
    /// Error(bad_input) that names the first weight or gradient which is not finite, unless it is
    /// the loss scale's fault.
    StepResult take(std::span<const Example>, const StepSettings&);
    /// Its two halves: the mean loss, with the gradients in learned(); then their norm.
    double gradients_of(std::span<const Example>, const StepSettings&);
    std::optional<double> update(const StepSettings&);
    /// The sum of the losses alone, in nats.
    double score(const Example&);
    /// What the head says of the sequences that were scored last: [sequences, outputs].
    const std::vector<float>& answers() const { return answers_; }
    /// Makes what products read of masters that were changed from outside.
    void refresh(const Learned&);

    /// So large a share of the weights is 0 from now on, moments and all.
    void prune_to(double share);
    /// What became of the weights.
    PruneOutcome pruning() const;

    /// What is left of the model.
    const ModelConfig& config() const { return config_; }
    const Provenance& provenance() const { return provenance_; }
    /// In the order of use; tables come row by row, too. Where adapters are trained, these alone.
    const std::vector<Learned>& learned() const { return learned_; }
    /// What stays as it was though the model's weights are learned, without gradients and moments:
    /// the head that says tokens, where none are said.
    const std::vector<Learned>& kept() const { return kept_; }
    /// The adapters that are trained, without their numbers; nothing where the weights are.
    const std::optional<AdapterPlan>& adapters() const { return plan_; }
    std::int64_t trainable_parameters() const;
    /// To and from pinned memory, so far.
    std::size_t moved_bytes() const { return moved_; }

private:
    /// An example as the device finds it, at the same place in each step.
    struct Staged {
        Staging integers{}, scales{}, all_losses{};
        Segments segments{};
        std::uint64_t dropout = 0; ///< its seed
        In ids{}, scale{}, positions{}, scored{}, targets{}, seeds{};
        Out losses{}; ///< [scored] f32
        Staging all_shares{}, all_numbers{}, all_answers{};
        In shares{}, numbers{}; ///< of SequenceRows, or absent
        Out answers{};          ///< likewise
        SequenceTargets said{}; ///< of its sequences
    };
    using Masters = std::map<std::pair<Part, int>, Tensor>;
    /// As the run prunes the model that the files, or draws, are of.
    Weights load(WeightSource&, const ModelConfig& stored, const RunConfig&, Masters&);
    Masters load_masters(WeightSource&, DType type);
    void add_adapters(AdapterPlan, DType);
    void add_head();
    bool is_idle(const Learned&) const;
    void begin_adapter(const Tensor& master, const std::vector<float>& numbers, double bound,
                       int number);
    void enroll(const ModelPart&, Tensor master);
    Tensor at_home(Tensor) const;
    Allocator& state_memory() const;
    WeightAccess& pass_blocks(bool there_and_back);
    void enroll(Learned);
    void stage(std::span<const Example>, const StepSettings&);
    void stage(const Example&, Staged&);
    void stage_numbers(const StepSettings&);
    void stage_sequences(const Example&, Staged&);
    std::vector<std::int32_t> seeds_of(const Staged&) const;
    std::int64_t rows_scored(const Example&) const;
    /// Names a step's work on what was staged: equal keys are equal work.
    std::string staged_key(const StepSettings&) const;
    /// Gradients of what was staged; then their norm; then a step of the optimizer.
    void accumulate(const StepSettings&);
    void measure(const StepSettings&);
    void measure(std::size_t number);
    void measure_block(int layer);
    void apply(const StepSettings&);
    double staged_loss(const StepSettings&);
    bool tied() const { return !weights_.tokens.present(); }
    /// What the blocks make of what was staged: the stream's last x is the last block's, and the
    /// branch that is still to be added is given.
    Tensor encode(const Staged&, WeightAccess&, ActivationsAside&, std::vector<SavedBlock>& saved,
                  Recompute);
    void leave_behind(SavedBlock&, int block, ActivationsAside&, Recompute) const;
    /// What the head makes of it: losses, and the gradient by the stream, if asked for.
    void score_rows(const Staged&, const SavedBlock& last, const Tensor& branch, float scale,
                    Tensor* d_stream);
    /// `gradients` where they are offloaded; the first example's are not added to others, the last
    /// one's are measured.
    struct Place {
        GradientsAside* gradients = nullptr;
        bool first = false, last = false;
    };
    void backward(const Staged&, WeightAccess&, ActivationsAside&, const Place&,
                  std::vector<SavedBlock>& saved, Out d_stream);
    void say_sequences(const Staged&, const SavedBlock& last, const Tensor& branch, float scale,
                       Tensor* d_stream);
    double sum_of_losses(const Staged&);
    double sum_of_answers(const Staged&);
    DeviceStep on_device(bool decays) const;
    /// Rows of what is learned, where the device finds them.
    struct Piece {
        const Learned* learned = nullptr;
        std::int64_t first = 0, count = 0; ///< those rows
        Out value{}, mean{}, square{};     ///< value: absent of what is packed
        In gradient{};
    };
    std::vector<Piece> pieces_of(const Learned&, std::int64_t most) const;
    void apply(const Piece&, const StepSettings&);
    void apply_through_room(const StepSettings&);
    void step_of_optimizer(const Piece&, const Out& value, const StepSettings&);
    void step_at_random(const Piece&, const StepSettings&);
    std::uint64_t rounding_seed(int step, std::size_t number) const;
    void step_packed(const Piece&, const StepSettings&);
    void spread(const Piece&);
    bool is_aside(const Learned&) const;
    std::optional<double> finite_norm(const StepSettings&);
    [[noreturn]] void blame(const std::vector<float>& squares, int step);

    ModelConfig config_;
    RunConfig run_;
    bool holds_zeros_;  ///< what is 0 of the blocks' linears stays so
    bool steps_packed_; ///< matrices are stepped as products read them: no copy row by row
    PruneOutcome pruning_{};
    Context& context_;
    Weights weights_{}, gradients_{};
    ModelAdapters adapters_{};
    std::optional<AdapterPlan> plan_{};
    int first_learned_ = 0; ///< the lowest block of which something is learned
    std::optional<SequenceHead> head_{};
    std::vector<float> answers_{};
    Provenance provenance_{};
    std::vector<Learned> learned_{}, kept_{};
    std::unique_ptr<WeightAccess> access_{}, passing_{}; ///< on the device; through it
    std::size_t moved_ = 0;
    RotaryTables rotary_{};
    Tensor squares_{}, norm_{}, scale_{}; ///< of gradients: [learned], [1], [1] f32
    std::optional<LayerContext> layer_{};
    std::uint64_t seed_ = 0;
    std::deque<Staged> staged_{}; ///< of a step; room is kept from step to step
    std::size_t examples_ = 0;    ///< of those that were staged for this one
    Staging numbers_{}, rounding_{};
    In step_numbers_{}, rounding_seeds_{}; ///< where a GPU reads them, or absent
};

} // namespace sweetspot
