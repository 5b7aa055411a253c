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
/// threads, or for a GPU.
struct PlanStream {
    int threads = 1;
    bool gpu = false;
    void synchronize() const {}
};

class CudaDevice;

/// In-order work on one GPU: launch() only queues, so errors may surface at synchronize(). Every
/// build can name it; a build without CUDA has none (kernels/cuda/device.h).
struct CudaStream {
    CUstream_st* handle = nullptr;
    CudaDevice* device = nullptr; ///< not owned
    void* workspace = nullptr; ///< not owned; at least the op's gpu_workspace_bytes(), on the GPU
    void synchronize() const;  ///< throws Error(device) if work since the last one failed
};

using Stream = std::variant<CpuStream, PlanStream, CudaStream>;

} // namespace sweetspot
