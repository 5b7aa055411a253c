#pragma once
#include "kernels/core/shared_library.h"
#include "kernels/cuda/device.h"
#include <memory>

/// The vendor's libraries, opened when they are first needed: a program links none of them.
namespace sweetspot {

class Cublas;
class Cudnn;
class CusparseLt;

struct CudaDevice::Libraries {
    explicit Libraries(CudaDevice& device) : device_(device) {}

    Cublas& cublas();
    Cudnn& cudnn();
    CusparseLt& cusparselt();

private:
    CudaDevice& device_;
    // Shared, because only their makers know the types: not every build has all of them.
    std::shared_ptr<Cublas> cublas_{};
    std::shared_ptr<Cudnn> cudnn_{};
    std::shared_ptr<CusparseLt> cusparselt_{};
};

} // namespace sweetspot
