#pragma once
#include "engine/config/run_config.h"
#include "engine/weights/weights.h"
#include <memory>

namespace sweetspot {

/// What a model asks for its weights, in the order in which it uses them. Three places:
///
/// device: all weights lie on the device. Nothing has to be done.
/// managed: all weights lie in managed memory, whose pages the driver moves to whoever reads them.
///     use() may ask for the pages before they are read (ManagedWeights).
/// streamed: blocks lie in pinned host memory and pass through a few slots on the device; tables,
///     head and final norm lie on the device (StreamedWeights). block() and done() order the
///     copies with what is computed. The slot of a block is another one from step to step, so a
///     recorded graph cannot be repeated.
///
/// On a plan the same allocations are made, and nothing is moved.
class WeightAccess {
public:
    virtual ~WeightAccess() = default;

    /// The block's weights on the device, for ops that are launched from now on until done(layer).
    /// Blocks are asked for in the order of the forward pass, again and again from 0, or in the one
    /// that it was made for.
    virtual const BlockWeights& block(int layer) = 0;
    virtual void done(int layer) = 0;
    /// The next op reads the linear or norm of this weight or gain, or this table.
    virtual void use(const Tensor&) {}

    /// Blocks that lie on the device all the time; of managed weights nobody knows: 0.
    virtual int staying_blocks() const = 0;
    /// Bytes that the device has been given, or asked to move to itself, so far. Those of one step
    /// are the difference to those before it.
    virtual std::size_t moved_bytes() const { return 0; }
};

/// As the run asks. Both must outlive it, and the weights must stay where they are.
/// Throws Error(bad_input) if the budget is too small for streamed weights.
std::unique_ptr<WeightAccess> weight_access(const Optimizations&, const Weights&, Context&);

/// Where weights are loaded to, so that weight_access() finds them.
struct WeightPlaces {
    Allocator& blocks;
    Allocator& others; ///< tables, head and the norms next to it
};
WeightPlaces weight_places(const Optimizations&, Context&);

} // namespace sweetspot
