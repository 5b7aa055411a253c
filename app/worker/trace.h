#pragma once
#include "app/worker/emit.h"

namespace sweetspot {

/// One step, untimed; where it has several phases each is a region.
void run_step(Workload&, Context&);

/// A pass of its own, so that watching does not disturb the number of record; what watching costs
/// is recorded. Emits regions and memory over time.
void trace(DeviceContext&, Workload&, double untraced_seconds, const Emit&);

} // namespace sweetspot
