#include "kernels/cuda/device.h"
#include "kernels/cuda/check.h"

namespace sweetspot {

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
