#pragma once
#include "engine/models/model.h"
#include "engine/tasks/workload.h"

namespace sweetspot {

/// A row that goes through the model, and the scored token that it predicts.
struct ScoredRow {
    std::int64_t row = 0, token = 0;
};

/// Shows a witness what it wants to see of a model's passes, as it is computed. It takes no memory
/// of the device, so that a pass with a witness is the one that was planned.
class Witnessed {
public:
    /// All three must outlive it.
    Witnessed(Witness& witness, Model& model, Context& context);
    Witnessed(const Witnessed&) = delete; // the model refers to it
    Witnessed& operator=(const Witnessed&) = delete;

    /// A pass with these rows, which are in order, is about to begin.
    void begin(std::span<const ScoredRow> rows) {
        witness_.begin_batch();
        rows_ = rows;
        layer_ = 0;
    }
    /// Logits of rows from `first` on: [rows, vocabulary] f32, on the device.
    void see_logits(std::int64_t first, In logits);

private:
    void see_block(BlockPlace place, const Residual& residual);
    /// One row of a matrix on the device, as f32.
    std::vector<float> row_of(In matrix, std::int64_t row);

    Witness& witness_;
    Context& context_;
    std::span<const ScoredRow> rows_{};
    int layer_ = 0; ///< that is computed now
};

} // namespace sweetspot
