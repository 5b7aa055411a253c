#pragma once
#include "kernels/core/shared_library.h"
#include "kernels/cuda/device.h"
#include <memory>

/// The vendor's libraries, opened when they are first needed: a program links none of them.
namespace sweetspot {

class Cublas;
class Cudnn;

struct CudaDevice::Libraries {
    explicit Libraries(CudaDevice&);
    ~Libraries();

    Cublas& cublas();
    Cudnn& cudnn();

private:
    CudaDevice& device_;
    std::unique_ptr<Cublas> cublas_;
    std::shared_ptr<Cudnn> cudnn_; ///< shared: builds without its headers do not know it
};

} // namespace sweetspot
