// Stands in for check.cpp, device.cpp, memory.cpp, transfers.cpp and graph.cpp until the emulation
// has the runtime calls that they make.
#include "kernels/cuda/check.h"
#include "kernels/cuda/device.h"

namespace sweetspot {

void check_cuda(cudaError_t result, const char* what, std::source_location where) {
    if (result == cudaSuccess) return;
    const bool memory = result == cudaErrorMemoryAllocation;
    throw Error(memory ? Failure::out_of_memory : Failure::device,
                std::string("CUDA: ") + what + ": " + cudaGetErrorString(result), where);
}
namespace {
class DeviceMemory : public MemorySource {
public:
    MemoryKind kind() const override { return MemoryKind::device; }
    void* reserve(std::size_t bytes) override {
        void* memory = nullptr;
        return cudaMalloc(&memory, bytes) == cudaSuccess ? memory : nullptr;
    }
    void release(void* memory, std::size_t) noexcept override { cudaFree(memory); }
    std::size_t free_bytes() const override { return 0; }
};
} // namespace

struct CudaDevice::Implementation {};

void CudaStream::synchronize() const {
    check_cuda(cudaStreamSynchronize(handle), "cudaStreamSynchronize");
}

CudaDevice::CudaDevice(int) {}
CudaDevice::~CudaDevice() = default;
CudaStream CudaDevice::stream() {
    return {.device = this};
}
std::unique_ptr<MemorySource> CudaDevice::memory(MemoryKind) {
    return std::make_unique<DeviceMemory>();
}

} // namespace sweetspot
