#pragma once
#include "app/experiment/record.h"
#include "engine/device/device.h"

namespace sweetspot {

/// The facts of this machine and build that numbers depend on; see Environment.
Environment environment(int threads);
/// Those that a run depends on: of the machine, and of the GPU that it asks for. Throws what
/// opening that does.
Environment environment_of(const RunConfig&);
Environment environment_of(const RunConfig&, const DeviceContext&);

/// Largest resident set of this process since the last call of forget_peak_rss, in bytes.
double peak_rss_bytes();
/// Gives freed memory back to the system and starts peak_rss_bytes anew, so that one run's memory
/// does not count for the next in the same process.
void forget_peak_rss();

} // namespace sweetspot
