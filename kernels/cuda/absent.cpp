// The device cuda in builds without it: every use is refused with a sentence.
#include "kernels/cuda/device.h"
#include "kernels/cuda/two_of_four.h"
#include "kernels/ops/list.h"

namespace sweetspot {

namespace {
[[noreturn]] void refuse() {
    throw Error(Failure::unsupported,
                "this build has no device cuda: it was built without the CUDA "
                "Toolkit; use device cpu, or plan to predict");
}
} // namespace

#define REFUSE(Op, family, compiled)                                                               \
    void launch(const Op&, CudaStream&) {                                                          \
        refuse();                                                                                  \
    }
SWEETSPOT_OPS(REFUSE)
#undef REFUSE

void CudaStream::synchronize() const {
    refuse();
}

ProductTimes time_products(const LinearShape&, Context&) {
    refuse();
}

struct CudaDevice::Implementation {};
std::vector<CudaDeviceInfo> cuda_devices() {
    refuse();
}
CudaDevice::CudaDevice(int) {
    refuse();
}
CudaDevice::~CudaDevice() = default;
const CudaDeviceInfo& CudaDevice::info() const {
    refuse();
}
int CudaDevice::capability() const {
    refuse();
}
CudaStream CudaDevice::stream() {
    refuse();
}
std::unique_ptr<MemorySource> CudaDevice::memory(MemoryKind) {
    refuse();
}
std::unique_ptr<Transfers> CudaDevice::transfers(int) {
    refuse();
}
std::unique_ptr<GraphRecorder> CudaDevice::graph_recorder() {
    refuse();
}
bool CudaDevice::is_lost() const {
    refuse();
}
std::size_t CudaDevice::free_bytes() const {
    refuse();
}
std::unique_ptr<DeviceClock> CudaDevice::clock() {
    refuse();
}
std::vector<std::pair<std::string, std::string>> CudaDevice::facts() const {
    refuse();
}
void CudaDevice::note(const std::string&, const std::string&) {
    refuse();
}

} // namespace sweetspot
