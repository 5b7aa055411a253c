#pragma once
#include "app/worker/emit.h"
#include <vector>

namespace sweetspot {

/// Warms up, then repeats the workload's step until the stopping rule holds, or until the workload
/// says that it is done. Emits a sample of each step's wall time, on a GPU of its own time, of each
/// of several phases, and of what the workload says of a step. Gives the wall times.
std::vector<double> measure(const RunConfig&, Workload&, DeviceContext&, const Emit&);

} // namespace sweetspot
