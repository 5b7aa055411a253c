#include "kernels/cuda/check.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/recording.h"
#include <unistd.h>

namespace sweetspot {

namespace {

std::size_t free_host_bytes() {
    return std::size_t(sysconf(_SC_AVPHYS_PAGES)) * std::size_t(sysconf(_SC_PAGESIZE));
}

class CudaMemory : public MemorySource {
public:
    CudaMemory(const CudaDevice& device, MemoryKind kind) : device_(device), kind_(kind) {}

    MemoryKind kind() const override { return kind_; }

    void* reserve(std::size_t bytes) override {
        const OutsideRecording outside;
        void* memory = nullptr;
        const cudaError_t result = take(&memory, bytes);
        if (result == cudaErrorMemoryAllocation) {
            cudaGetLastError(); // forget it, so that the next call does not report it again
            return nullptr;
        }
        check_cuda(result, "reserving memory");
        return memory;
    }

    void release(void* memory, std::size_t) noexcept override {
        const OutsideRecording outside;
        if (kind_ == MemoryKind::pinned)
            cudaFreeHost(memory);
        else
            cudaFree(memory);
    }

    std::size_t free_bytes() const override {
        if (kind_ == MemoryKind::pinned) return free_host_bytes();
        const bool pages_to_host = kind_ == MemoryKind::managed && device_.info().managed_on_demand;
        return device_.free_bytes() + (pages_to_host ? free_host_bytes() : 0);
    }

private:
    cudaError_t take(void** memory, std::size_t bytes) const {
        switch (kind_) {
        case MemoryKind::managed: return cudaMallocManaged(memory, bytes, cudaMemAttachGlobal);
        case MemoryKind::pinned: return cudaHostAlloc(memory, bytes, cudaHostAllocDefault);
        default: return cudaMalloc(memory, bytes);
        }
    }

    const CudaDevice& device_;
    MemoryKind kind_;
};

} // namespace

std::unique_ptr<MemorySource> CudaDevice::memory(MemoryKind kind) {
    require(kind != MemoryKind::host, Failure::bug,
            "a GPU's memory is device, managed or pinned memory");
    return std::make_unique<CudaMemory>(*this, kind);
}

} // namespace sweetspot
