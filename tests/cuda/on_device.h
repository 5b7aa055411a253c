#pragma once
#include "kernels/cuda/check.h"
#include <vector>

namespace sweetspot {

/// Memory of the device, full of NaNs.
template <class T>
class OnDevice {
public:
    explicit OnDevice(std::size_t count) : count_(count) {
        check_cuda(cudaMalloc(&data_, count * sizeof(T)), "cudaMalloc");
    }
    explicit OnDevice(const std::vector<T>& from) : OnDevice(from.size()) {
        check_cuda(cudaMemcpy(data_, from.data(), count_ * sizeof(T), cudaMemcpyDefault), "copy");
    }
    ~OnDevice() { cudaFree(data_); }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;
    T* data() const { return data_; }
    std::vector<T> read() const {
        std::vector<T> to(count_);
        check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
        check_cuda(cudaMemcpy(to.data(), data_, count_ * sizeof(T), cudaMemcpyDefault), "copy");
        return to;
    }

private:
    T* data_ = nullptr;
    std::size_t count_;
};

} // namespace sweetspot
