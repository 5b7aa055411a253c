#pragma once
#include "engine/models/model.h"
#include "engine/prune/pruned_weights.h"
#include "engine/tasks/loaded_model.h"
#include "engine/tasks/run_data.h"

namespace sweetspot {

/// What the workloads of all tasks share: a model with its weights, and where they came from.
class ModelWorkload : public Workload {
public:
    /// `longest` is the most tokens a sequence will have. `lent` as make_workload() has it.
    ModelWorkload(const RunConfig&, const ModelConfig&, int longest, Context&,
                  LoadedModel* lent = nullptr);
    ~ModelWorkload() override;

    const Provenance& provenance() const override { return provenance_; }
    std::int64_t parameters() const override { return parameters_; }

protected:
    /// Called as a step begins.
    void begin_step() { moved_before_ = model_->access().moved_bytes(); }
    /// Fills in what all tasks can say of a step.
    Outcome completed(Outcome) const;

    RunConfig config_;
    Context& context_;
    Provenance provenance_{};
    PruneOutcome pruning_{};
    std::string rounding_{}; ///< what weight_format cost the weights, and what products take
    std::int64_t parameters_ = 0;
    std::optional<Model> model_{};

private:
    LoadedModel* lent_;
    std::size_t moved_before_ = 0;
};

/// What is scored of data that scored_data() gave for a run with ids, without the losses.
ScoredTokens scored_tokens(const RunData&, const RunConfig&, const ModelConfig&);

std::unique_ptr<Workload> make_forward(const RunConfig&, const ModelConfig&, Context&,
                                       LoadedModel*);
std::unique_ptr<Workload> make_perplexity(const RunConfig&, const ModelConfig&, Context&, Witness*,
                                          LoadedModel*);
std::unique_ptr<Workload> make_generate(const RunConfig&, const ModelConfig&, Context&,
                                        LoadedModel*);
std::unique_ptr<Workload> make_probe(const RunConfig&, const ModelConfig&, Context&);
std::unique_ptr<Workload> make_train(const RunConfig&, const ModelConfig&, Context&,
                                     const Progress&);

} // namespace sweetspot
