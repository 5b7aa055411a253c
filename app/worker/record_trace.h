#pragma once
#include "app/worker/emit.h"
#include "profiler/trace/trace.h"

namespace sweetspot {

/// Loads and warms up a run on a real device, then records one step of it with every instrument
/// that there is; with `counters` once more, for those of a GPU by op. Emits phases. Throws what
/// making the workload and running it does, and Error(bad_input) for the device plan, which does
/// nothing that could be recorded.
Trace record_trace(const RunConfig&, bool counters, const Emit&);

} // namespace sweetspot
