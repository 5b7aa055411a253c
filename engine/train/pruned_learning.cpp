#include "engine/train/pruned_learning.h"
#include "engine/prune/block_inputs.h"
#include "engine/prune/masks.h"
#include "engine/prune/pruned_weights.h"
#include "engine/weights/weights.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <functional>

// Pruning of a model that learns: as it is loaded, or once more while it learns. Then its weights
// come to the host one by one, are masked as those of files are, and go back.

namespace sweetspot {

namespace {

/// The numbers of a weight, f32 of the host; a plan has them without numbers.
Matrix fetched(const Learned& learned, const ModelConfig& model, Context& context) {
    const Out value = learned.value();
    Matrix y{.rows = part_of(model, learned.part, learned.layer)->weight.rows,
             .columns = value.shape[1]};
    y.held = Tensor(context.host_allocator, value.shape, DType::f32, Purpose::workspace);
    if (value.dtype == DType::f32) {
        run(Download{.x = value, .y = y.held}, context);
    } else {
        const Tensor wide(context.allocator, value.shape, DType::f32, Purpose::workspace);
        run(Convert{.x = value, .y = wide}, context);
        run(Download{.x = wide, .y = y.held}, context);
    }
    context.synchronize();
    return y;
}

} // namespace

bool is_prunable(const Learned& learned) {
    return learned.matrix && learned.stored_as.empty() &&
           std::ranges::find(block_linears, learned.part) != block_linears.end();
}

PruneOutcome prune_learned(std::span<const Learned> all, const ModelConfig& model,
                           const Pruning& run_of, double share, Context& context) {
    PruneOutcome y;
    const int threads = threads_of(context);
    const auto each = [&](const std::function<void(Matrix&, const Learned&)>& visit) {
        for (const Learned& learned : all) {
            if (!is_prunable(learned)) continue;
            Matrix matrix = fetched(learned, model, context);
            if (!context.plans()) visit(matrix, learned);
        }
    };
    SizeCount sizes;
    const auto count = [&](Matrix& matrix, const Learned&) {
        for (const float x : std::span(matrix.row(0), std::size_t(matrix.count()))) sizes.add(x);
    };
    std::optional<Cut> global;
    if (run_of.prune_scope == PruneScope::global) {
        each(count);
        if (!context.plans()) sizes.narrow(share);
        each(count);
        if (!context.plans()) global = sizes.cut();
    }
    each([&](Matrix& matrix, const Learned& learned) {
        y.prunable += matrix.count();
        if (global)
            y.pruned += mask_by(matrix, *global);
        else if (run_of.prune_scope == PruneScope::row)
            y.pruned += mask_rows(matrix, {.share = share}, {}, threads);
        else
            y.pruned += mask_sources(matrix, share);
        run(Upload{.x = matrix.held, .y = learned.value()}, context);
        context.synchronize();
    });
    y.note = to_text(run_of.prune) + ", " + to_text(run_of.prune_pattern) + " by " +
             to_text(run_of.prune_scope) + ", growing over " + to_text(run_of.prune_steps) +
             " steps";
    if (y.prunable)
        y.note += "; " + to_text(y.pruned) + " of " + to_text(y.prunable) +
                  " weights of the blocks' linears are 0";
    return y;
}

Weights TrainedModel::load(WeightSource& source, const ModelConfig& stored, const RunConfig& run,
                           Masters& masters) {
    Weights weights = load_pruned(stored, run, source, context_, pruning_);
    if (scope::is_adapted(run)) return weights;
    const DType dtype = dtype_of(run.precision);
    if (!scope::is_pruned(run)) {
        masters = load_masters(source, dtype);
    } else { // the same once more
        PrunedWeights again(source, stored, run, context_);
        masters = load_masters(again, dtype);
    }
    return weights;
}

void TrainedModel::prune_to(double share) {
    const Region region(context_, "prune");
    pruning_ = prune_learned(learned_, config_, run_, share, context_);
    for (Learned& learned : learned_) {
        if (!is_prunable(learned)) continue;
        for (const Tensor* moment : {&learned.mean, &learned.square})
            if (moment->present()) run(HoldZeros{.x = learned.value(), .y = *moment}, context_);
        refresh(learned);
    }
}

PruneOutcome TrainedModel::pruning() const {
    PruneOutcome y = pruning_;
    if (holds_zeros_) y.note += (y.note.empty() ? "" : "; ") + std::string("what is 0 stays so");
    return y;
}

} // namespace sweetspot
