#pragma once
#include "kernels/cuda/check.h"

namespace sweetspot {

/// Memory of the device for a moment, which no ledger counts.
class DeviceScratch {
public:
    explicit DeviceScratch(std::size_t bytes) {
        check_cuda(cudaMalloc(&memory_, bytes), "cudaMalloc");
    }
    ~DeviceScratch() { cudaFree(memory_); }
    DeviceScratch(const DeviceScratch&) = delete;
    DeviceScratch& operator=(const DeviceScratch&) = delete;

    char* memory() const { return memory_; }

private:
    char* memory_ = nullptr;
};

/// A stream beside the one that computes.
struct OwnStream {
    OwnStream() {
        check_cuda(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking),
                   "cudaStreamCreateWithFlags");
    }
    ~OwnStream() { cudaStreamDestroy(handle); }
    OwnStream(const OwnStream&) = delete;
    OwnStream& operator=(const OwnStream&) = delete;

    cudaStream_t handle = nullptr;
};

} // namespace sweetspot
