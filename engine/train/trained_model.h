#pragma once
#include "engine/models/input.h"
#include "engine/models/rotary_tables.h"
#include "engine/models/staging.h"
#include "engine/tasks/workload.h"
#include "engine/train/adapter_plan.h"
#include "engine/train/block.h"
#include "engine/weights/provenance.h"
#include <map>
#include <optional>

namespace sweetspot {

/// Rows that go through the model, and which of them are scored by which token. On a plan ids and
/// targets are missing.
struct Example {
    InputRows input{};
    std::vector<std::int32_t> scored{};  ///< [count]: rows, in order
    std::vector<std::int32_t> targets{}; ///< [count]: tokens
    std::int64_t count = 0;
};

/// One tensor that a model learns, with what its optimizer keeps of it.
struct Learned {
    Part part = Part::tokens;
    int layer = 0;
    bool bias = false, matrix = false; ///< matrix: or table
    std::string stored_as{};           ///< of an adapter's matrix: its name in peft's files
    int products = 1;                  ///< as LinearWeights has them
    Tensor* weight = nullptr;          ///< not owned: what the model computes with
    Tensor* gradient = nullptr;        ///< not owned: f32, row by row
    Tensor master{}; ///< what the optimizer steps, row by row, if that is not weight itself: in
                     ///< f32, or in weight's type where a training goes without master weights
    Tensor mean{}, square{}; ///< as AdamW or Sgd keep them, or absent

    Out value() const { return master.present() ? master.out() : weight->out(); }
    std::string name() const; ///< "layer 3 up bias"
};

/// A transformer that learns: weights, gradients, the optimizer's state, and a step in three parts:
/// begin_step(), add() for each batch, update(). Sums go in one order whatever the threads, so that
/// a run can be repeated to the bit.
class TrainedModel {
public:
    /// Of sequences of up to `longest` tokens. The context must outlive it. `goes_on`: the run's
    /// weights are a checkpoint's, of which nothing is pruned once more.
    TrainedModel(const ModelConfig&, const RunConfig&, int longest, Context&, bool goes_on = false);
    TrainedModel(const TrainedModel&) = delete;
    TrainedModel& operator=(const TrainedModel&) = delete;

    /// Gradients are 0; step counts from 0.
    void begin_step(int step);
    /// The sum of the losses of an example, in nats, and the gradient of `scale` times it, added.
    double add(const Example&, float scale);
    /// The sum of the losses alone.
    double score(const Example&);
    /// What the optimizer makes of the gradients; their norm, before it was clipped. Throws
    /// Error(bad_input) that names the first weight or gradient which is not finite.
    double update(double learning_rate);

    /// So large a share of the weights is 0 from now on, moments and all.
    void prune_to(double share);
    /// What became of the weights.
    PruneOutcome pruning() const;

    /// What is left of the model.
    const ModelConfig& config() const { return config_; }
    const Provenance& provenance() const { return provenance_; }
    /// In the order of use; tables come row by row, too. Where adapters are trained, these alone.
    const std::vector<Learned>& learned() const { return learned_; }
    /// The adapters that are trained, without their numbers; nothing where the weights are.
    const std::optional<AdapterPlan>& adapters() const { return plan_; }
    std::int64_t trainable_parameters() const;

private:
    struct Staged {
        Segments segments{};
        In ids{}, scale{}, positions{}, scored{}, targets{};
    };
    using Masters = std::map<std::pair<Part, int>, Tensor>;
    /// As the run prunes the model that the files, or draws, are of.
    Weights load(WeightSource&, const ModelConfig& stored, const RunConfig&, Masters&);
    Masters load_masters(WeightSource&, DType type);
    void add_adapters(AdapterPlan, DType);
    void begin_adapter(const Tensor& master, const std::vector<float>& numbers, double bound,
                       int number);
    void enroll(const ModelPart&, Tensor master);
    void enroll(Learned);
    void stage(const Example&);
    bool tied() const { return !weights_.tokens.present(); }
    /// What the blocks make of what was staged: the stream's last x is the last block's, and the
    /// branch that is still to be added is given.
    Tensor encode(std::vector<SavedBlock>& saved, Recompute);
    /// What the head makes of it: the losses' sum, and the gradient by the stream, if asked for.
    double score_rows(const SavedBlock& last, const Tensor& branch, float scale, Tensor* d_stream);
    void backward(std::vector<SavedBlock>& saved, Out d_stream);
    double sum_of(const Tensor& losses);
    void step_of_optimizer(const Learned&, const Out& value, double learning_rate);
    void step_at_random(const Learned&, double learning_rate);
    void spread(Learned&);
    double require_finite();
    [[noreturn]] void blame(const std::vector<float>& squares);

    ModelConfig config_;
    Training training_;
    Pruning pruned_by_;
    bool holds_zeros_; ///< what is 0 of the blocks' linears stays so
    PruneOutcome pruning_{};
    Context& context_;
    int step_ = 0;
    Weights weights_{}, gradients_{};
    ModelAdapters adapters_{};
    std::optional<AdapterPlan> plan_{};
    Provenance provenance_{};
    std::vector<Learned> learned_{};
    std::unique_ptr<WeightAccess> access_{};
    RotaryTables rotary_{};
    Tensor squares_{}, norm_{}, scale_{}; ///< of gradients: [learned], [1], [1] f32
    std::optional<LayerContext> layer_{};
    std::uint64_t seed_ = 0;
    Staging integers_{}, scales_{};
    Staged staged_{};
};

} // namespace sweetspot
