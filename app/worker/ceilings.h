#pragma once
#include "app/experiment/ceilings.h"
#include "engine/config/run_config.h"

namespace sweetspot {

/// Measures what the device of a configuration gives at best, with its threads: bandwidth of reads
/// and copies, of a CPU for each level of memory, and matrix products of each type that it has.
/// Takes some seconds. Throws what opening the device does; Error(bad_input) for the device plan.
Ceilings measure_ceilings(const RunConfig&);

} // namespace sweetspot
