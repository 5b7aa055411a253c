#pragma once
#include "kernels/core/context.h"
#include "profiler/trace/trace.h"
#include <functional>

namespace sweetspot {

/// Adds to a trace what the GPU's own counters say of each op: bytes of DRAM and of the second
/// cache, how busy both, the multiprocessors and their tensor cores were, achieved occupancy
/// (Trace::counts; their names, in Trace::counters, end in % where they are shares).
///
/// By CUPTI's Range Profiler and Profiler Host (CUDA 13): each op is a range, and `step`, which is
/// what the trace recorded, is run again as often as so many counters need passes, without graphs.
/// CUPTI makes kernels wait for each other meanwhile, so no time is taken here.
///
/// Where there are none the trace says why: Trace::absent by "gpu counters"; and by "gpu counter
/// NAME" for one that this GPU does not have. Throws what `step` throws. `gpu` is CUDA's index; its
/// context must be the thread's.
void add_gpu_counters(Trace&, Context&, int gpu, const std::function<void()>& step);

} // namespace sweetspot
