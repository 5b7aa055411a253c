// The device cuda in builds without it: every use is refused with a sentence.
#include "kernels/cuda/device.h"
#include "kernels/ops/activation.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/attention_backward.h"
#include "kernels/ops/dropout.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/fused.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/norm.h"
#include "kernels/ops/rotary.h"
#include "kernels/ops/transfer.h"

namespace sweetspot {

namespace {
[[noreturn]] void refuse() {
    throw Error(Failure::unsupported,
                "this build has no device cuda: it was built without the CUDA "
                "Toolkit; use device cpu, or plan to predict");
}
} // namespace

void launch(const Activate&, CudaStream&) {
    refuse();
}
void launch(const SwiGlu&, CudaStream&) {
    refuse();
}
void launch(const Attention&, CudaStream&) {
    refuse();
}
void launch(const AppendKeyValue&, CudaStream&) {
    refuse();
}
void launch(const CachedAttention&, CudaStream&) {
    refuse();
}
void launch(const AttentionBackward&, CudaStream&) {
    refuse();
}
void launch(const Drop&, CudaStream&) {
    refuse();
}
void launch(const AddBias&, CudaStream&) {
    refuse();
}
void launch(const Add&, CudaStream&) {
    refuse();
}
void launch(const Convert&, CudaStream&) {
    refuse();
}
void launch(const GatherRows&, CudaStream&) {
    refuse();
}
void launch(const ScatterRows&, CudaStream&) {
    refuse();
}
void launch(const Embedding&, CudaStream&) {
    refuse();
}
void launch(const RaggedPositions&, CudaStream&) {
    refuse();
}
void launch(const NormMatMul&, CudaStream&) {
    refuse();
}
void launch(const AttentionProjection&, CudaStream&) {
    refuse();
}
void launch(const CrossEntropy&, CudaStream&) {
    refuse();
}
void launch(const Sample&, CudaStream&) {
    refuse();
}
void launch(const PackWeight&, CudaStream&) {
    refuse();
}
void launch(const MatMul&, CudaStream&) {
    refuse();
}
void launch(const Norm&, CudaStream&) {
    refuse();
}
void launch(const RotaryTable&, CudaStream&) {
    refuse();
}
void launch(const Rotary&, CudaStream&) {
    refuse();
}
void launch(const Upload&, CudaStream&) {
    refuse();
}
void launch(const Download&, CudaStream&) {
    refuse();
}

void CudaStream::synchronize() const {
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
