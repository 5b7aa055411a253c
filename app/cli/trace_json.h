#pragma once
#include "app/experiment/record.h"
#include <iosfwd>
#include <span>

namespace sweetspot {

/// The traced passes of runs, a process each, as Chrome trace JSON: regions where they first began,
/// with calls, FLOPs and bytes, and memory by purpose as a counter. Runs without details are empty.
void write_trace(std::ostream&, std::span<const RunRecord>);

} // namespace sweetspot
