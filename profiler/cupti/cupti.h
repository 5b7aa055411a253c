#pragma once
#include "profiler/instrument.h"

namespace sweetspot {

struct CuptiOptions {
    bool unified_memory = false; ///< pages of managed memory that move, and faults
};

/// What a GPU did, by NVIDIA's CUPTI (the activity API of CUDA 13): kernels, copies, fills, waits
/// and calls, each with the region that launched it. Found at run time; one in a process, which
/// must be there before the graphs are recorded whose work it is to name.
///
/// Throws Error(unsupported), a sentence: the library is missing or too old, another tool has it,
/// this GPU cannot be traced, or the build has no CUPTI headers.
std::unique_ptr<Instrument> open_cupti(const CuptiOptions& = {});

} // namespace sweetspot
