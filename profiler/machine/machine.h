#pragma once
#include "profiler/instrument.h"

namespace sweetspot {

/// The host as Linux tells of it, read by a thread of its own every `period`: "cpu clock" in Hz,
/// the mean of the processors that we may use; "others' load" and "stolen", the shares of them that
/// other processes, and other guests of the same host, had since the reading before; "page faults",
/// "major page faults" and "context switches" of this process since it began. What the machine does
/// not tell has no readings. Sources: proc(5), getrusage(2), cpufreq's documentation.
std::unique_ptr<Instrument> open_machine(Nanoseconds period = 20'000'000);

} // namespace sweetspot
