#include "kernels/cuda/cudnn.h"
#include "kernels/cuda/cudnn_attention.h"
#include "kernels/cuda/recording.h"
#include <utility>

/// cuDNN, opened when attention of a vendor is first asked for: its functions by its own
/// declarations, and what describes a graph of operations to it (cudnn_attention.cpp builds one).
namespace sweetspot {

CudnnFunctions::CudnnFunctions()
    : library({"libcudnn.so." + std::to_string(CUDNN_MAJOR)},
              "the device cuda has no attention of kind vendor") {
    library.find(version, "cudnnGetVersion");
    library.find(status_text, "cudnnGetErrorString");
    library.find(last_error, "cudnnGetLastErrorString");
    library.find(create, "cudnnCreate");
    library.find(destroy, "cudnnDestroy");
    library.find(set_stream, "cudnnSetStream");
    library.find(create_descriptor, "cudnnBackendCreateDescriptor");
    library.find(destroy_descriptor, "cudnnBackendDestroyDescriptor");
    library.find(set_attribute, "cudnnBackendSetAttribute");
    library.find(get_attribute, "cudnnBackendGetAttribute");
    library.find(finalize, "cudnnBackendFinalize");
    library.find(execute, "cudnnBackendExecute");
}

std::string CudnnFunctions::why() const {
    char text[1024] = "";
    last_error(text, sizeof text);
    // A stack of conditions, each with its reason; the first is where it happened.
    std::string words = text;
    const std::string mark = "Reason: ";
    if (const auto at = words.find(mark); at != words.npos) words.erase(0, at + mark.size());
    return words.substr(0, words.find('\n'));
}

void CudnnFunctions::check(cudnnStatus_t status, const char* what) const {
    if (status == CUDNN_STATUS_SUCCESS) return;
    throw Error(Failure::device,
                std::string("cuDNN: ") + what + ": " + status_text(status) + ": " + why());
}

CudnnDescriptor::CudnnDescriptor(const CudnnFunctions& call, cudnnBackendDescriptorType_t type)
    : call_(&call) {
    call.check(call.create_descriptor(type, &handle_), "cudnnBackendCreateDescriptor");
}

CudnnDescriptor::~CudnnDescriptor() {
    if (handle_) call_->destroy_descriptor(handle_);
}

CudnnDescriptor::CudnnDescriptor(CudnnDescriptor&& other) noexcept
    : call_(other.call_), handle_(std::exchange(other.handle_, nullptr)) {}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                          std::int64_t count, const void* values) {
    call_->check(call_->set_attribute(handle_, name, type, count, values),
                 "cudnnBackendSetAttribute");
}

CudnnDescriptor& CudnnDescriptor::finish() {
    call_->check(call_->finalize(handle_), "cudnnBackendFinalize");
    return *this;
}

bool CudnnDescriptor::try_finish() {
    return call_->finalize(handle_) == CUDNN_STATUS_SUCCESS;
}

Cudnn::Cudnn(CudaDevice& device) : device_(device) {
    call_.check(call_.create(&handle_), "cudnnCreate");
    device.note("cudnn", std::to_string(call_.version()));
}

Cudnn::~Cudnn() {
    plans_.clear();
    if (handle_) call_.destroy(handle_);
}

cudnnHandle_t Cudnn::on(const CudaStream& stream) {
    call_.check(call_.set_stream(handle_, stream.handle), "cudnnSetStream");
    return handle_;
}

AttentionPlan& Cudnn::plan(const AttentionShape& shape) {
    std::unique_ptr<AttentionPlan>& plan = plans_[shape];
    if (!plan) {
        const OutsideRecording outside;
        CudnnDescriptor properties(call_, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
        properties.set(CUDNN_ATTR_DEVICEPROP_HANDLE, handle_).finish();
        plan = std::make_unique<AttentionPlan>(properties, shape);
        device_.note("attention vendor, " + describe(shape), plan->description());
    }
    return *plan;
}

Cudnn& CudaDevice::Libraries::cudnn() {
    if (!cudnn_) cudnn_ = std::make_shared<Cudnn>(device_);
    return *cudnn_;
}

} // namespace sweetspot
