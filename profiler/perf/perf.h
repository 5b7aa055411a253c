#pragma once
#include "profiler/instrument.h"

namespace sweetspot {

/// The processor's counters by region, of all threads that the process has when the pass begins, by
/// perf_event_open(2): cycles, instructions, cache and TLB misses of the program itself, where the
/// machine has such counters and lets us; page faults and context switches, which Linux counts.
/// Where counters take turns, counts are scaled up and say for what share they were counted.
///
/// Throws Error(unsupported), a sentence that says what would allow it, where not even Linux's own
/// counters can be opened. Where only the processor's are missing the trace says why: in
/// Trace::absent by "processor counters".
std::unique_ptr<Instrument> open_perf();

/// Why perf_event_open() failed with this errno, and what would help; `paranoid` is what
/// /proc/sys/kernel/perf_event_paranoid says.
std::string perf_refusal(int error, int paranoid);

} // namespace sweetspot
