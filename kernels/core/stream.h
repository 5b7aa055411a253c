#pragma once
#include "kernels/core/memory.h"
#include <variant>

struct CUstream_st; // what cudaStream_t points to

namespace sweetspot {

/// In-order work on the host: each op is done when launch() returns.
struct CpuStream {
    int threads = 1; ///< how many an op may use
    void* workspace =
        nullptr; ///< not owned; at least the op's workspace_bytes(threads) during a launch
    void synchronize() const {}
};

/// Work that is never done: launch() on it computes nothing. It stands for a CPU of `threads`
/// threads.
struct PlanStream {
    int threads = 1;
    void synchronize() const {}
};

/// In-order work on one GPU: launch() only queues, so errors may surface at synchronize().
struct CudaStream {
    CUstream_st* handle = nullptr;
    void synchronize() const;
};

#ifdef SWEETSPOT_CUDA
using Stream = std::variant<CpuStream, PlanStream, CudaStream>;
#else
using Stream = std::variant<CpuStream, PlanStream>;
#endif

} // namespace sweetspot
