#pragma once
#include "engine/models/model.h"
#include "engine/prune/block_inputs.h"
#include "engine/tasks/run_data.h"
#include "engine/weights/source.h"

namespace sweetspot {

/// What a model's linears see of a text, block by block: the inputs of a block come from blocks
/// that are pruned already, as Wanda and SparseGPT have it. Computes on the CPU in f32, whatever
/// the run does, in memory of its own, which is gone before the run's steps begin. On a plan it is
/// gone through by shapes, so that this memory is known.
class Calibration {
public:
    /// Embeds the text that the run names. `grams`: inputsᵀ · inputs are kept, not their squares
    /// alone. The source, of the model as it is, must outlive it.
    /// Throws Error as scored_data() does.
    Calibration(const ModelConfig&, const RunConfig&, WeightSource& dense, bool grams, bool plans);

    /// What the linears of block `layer`, as it is, see.
    const BlockInputs& observe(int layer);
    /// Goes on to the next block, through this one as `pruned` has it.
    void advance(int layer, WeightSource& pruned);

    std::int64_t sequences() const { return sequences_; }
    std::int64_t tokens() const { return tokens_; }
    /// The most that was allocated at one moment, and what sums of all linears' inputs take.
    std::int64_t peak_bytes() const;

private:
    /// One block of a model, through which all batches go.
    struct Stage {
        ModelConfig config;
        RunConfig run;
        Model model;
        Stage(const ModelConfig&, Weights, int longest, Context&);
    };
    void embed(InputRows, std::int64_t sequences);
    void look(const LinearWeights&, In x);

    bool wants_gram_;
    HostAllocator memory_{};
    PlanAllocator planned_{};
    Context context_;
    RunData data_;
    ModelConfig dense_config_, pruned_config_;
    WeightSource& dense_source_;
    std::optional<Stage> dense_{}, pruned_{};
    std::vector<InputRows> inputs_{}; ///< of each batch
    std::vector<Tensor> streams_{};   ///< of each batch: [rows, width], behind the last block
    BlockInputs seen_{};
    std::int64_t sequences_ = 0, tokens_ = 0;
};

} // namespace sweetspot
