#include "engine/weights/residency.h"
#include "engine/weights/managed.h"
#include "engine/weights/streamed.h"
#include <algorithm>

namespace sweetspot {

namespace {

class ResidentWeights : public WeightAccess {
public:
    explicit ResidentWeights(const Weights& weights) : weights_(weights) {}
    const BlockWeights& block(int layer) override { return weights_.blocks.at(std::size_t(layer)); }
    void done(int) override {}
    int staying_blocks() const override { return int(weights_.blocks.size()); }

private:
    const Weights& weights_;
};

constexpr double most_bytes = 1e18; // more than there is, and still an integer

static_assert(names_of(Advice{}) == names_of(MemoryAdvice{}));

} // namespace

std::unique_ptr<WeightAccess> weight_access(const Optimizations& run, const Weights& weights,
                                            Context& context) {
    switch (run.weight_memory) {
    case WeightMemory::managed:
        return std::make_unique<ManagedWeights>(weights, run.prefetch, run.prefetch_depth,
                                                Advice(run.memory_advice), context);
    case WeightMemory::streamed:
        return std::make_unique<StreamedWeights>(
            weights, std::size_t(std::min(run.weight_budget_bytes, most_bytes)), run.prefetch_depth,
            context);
    default: return std::make_unique<ResidentWeights>(weights);
    }
}

WeightPlaces weight_places(const Optimizations& run, Context& context) {
    // Where weights are on the device, the other memory may be what a training leaves aside.
    const auto where = run.weight_memory;
    return {.blocks = where == WeightMemory::device ? context.allocator : context.weight_allocator,
            .others =
                where == WeightMemory::managed ? context.weight_allocator : context.allocator};
}

} // namespace sweetspot
