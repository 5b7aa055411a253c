#pragma once
#include "app/worker/emit.h"
#include "profiler/trace/trace.h"

namespace sweetspot {

/// Beside the step that is recorded.
struct MorePasses {
    bool counters = false; ///< steps for a GPU's counters by op
    bool overhead = false; ///< pairs of steps, of which one is recorded: what recording costs
};

/// Loads and warms up a run on a real device, then records one step of it with every instrument
/// that there is. Emits phases. What recording costs is in the facts `tracing costs`, `tracing
/// costs at least` and `tracing costs at most`: the median of the pairs' ratios less one, and its
/// interval. Throws what making the workload and running it does, and Error(bad_input) for the
/// device plan, which does nothing that could be recorded.
Trace record_trace(const RunConfig&, const MorePasses&, const Emit&);

} // namespace sweetspot
