#include "kernels/cuda/libraries.h"

namespace sweetspot {

CudaDevice::Libraries& CudaDevice::libraries() {
    if (!libraries_) libraries_ = std::make_shared<Libraries>(*this);
    return *libraries_;
}

} // namespace sweetspot
