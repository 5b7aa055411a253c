#include "kernels/cuda/libraries.h"
#include "kernels/cuda/cublas.h"

namespace sweetspot {

CudaDevice::Libraries::Libraries(CudaDevice& device) : device_(device) {}
CudaDevice::Libraries::~Libraries() = default;

Cublas& CudaDevice::Libraries::cublas() {
    if (!cublas_) cublas_ = std::make_unique<Cublas>(device_);
    return *cublas_;
}

CudaDevice::Libraries& CudaDevice::libraries() {
    if (!libraries_) libraries_ = std::make_shared<Libraries>(*this);
    return *libraries_;
}

} // namespace sweetspot
