#pragma once
#include "engine/prune/calibration.h"
#include "engine/prune/masks.h"
#include "engine/tasks/workload.h"
#include "engine/weights/weights.h"
#include <optional>

namespace sweetspot {

/// A source that prunes what another has: the numbers of pruned_model(), made of the model's. Masks
/// are found matrix by matrix; where the matrices of a block hang together, because heads or
/// channels are taken out or a text is looked at, block by block, for which these must come in
/// order. What it changes is f32, in workspace of the host.
class PrunedWeights : public WeightSource {
public:
    /// All must outlive it. Reads all weights if they are compared with each other, and the text if
    /// there is one.
    PrunedWeights(WeightSource& dense, const ModelConfig&, const RunConfig&, Context&);

    std::vector<In> find(const Parameter& parameter) override {
        return find_blocks(parameter, WeightFormat::dense);
    }
    std::vector<In> find_blocks(const Parameter&, WeightFormat) override;
    bool transposed(Part) const override;
    bool interleaved_rotary() const override { return dense_.interleaved_rotary(); }
    void finish() override { dense_.finish(); }

    PruneOutcome outcome() const;

private:
    bool is_changed(Part, bool bias) const;
    Parameter in_model(Parameter) const;
    void find_cut();
    void mask(Matrix&);
    void prune_block(int layer);
    void remove(const BlockInputs*);
    void prune_by_inputs(Matrix&, LinearInputs&);
    std::vector<std::int64_t> kept_rows(Part) const;
    std::string what_it_gains() const;

    WeightSource& dense_;
    const ModelConfig& model_;
    const RunConfig& run_;
    Context& context_;
    ModelConfig left_;  ///< what is left of the model
    bool study_;        ///< does as a study did, which masks only
    bool removes_;      ///< takes out heads or channels
    Sparsity sparsity_; ///< of what is masked
    std::optional<Cut> global_{};
    std::optional<Calibration> calibration_{};
    Matrix masked_{};                                 ///< what the last call gave
    int block_ = -1;                                  ///< whose linears are held
    std::array<Matrix, 4> linears_;                   ///< by place in block_linears
    std::vector<std::int64_t> groups_{}, channels_{}; ///< that stay of that block, if any go
    std::int64_t prunable_ = 0, pruned_ = 0;
};

/// load_weights() of what is left of a model, and what was done to it.
Weights load_pruned(const ModelConfig&, const RunConfig&, WeightSource& dense, Context&,
                    PruneOutcome&);

} // namespace sweetspot
