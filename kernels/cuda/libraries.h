#pragma once
#include "kernels/cuda/device.h"
#include <memory>
#include <string>

/// The vendor's libraries, opened when they are first needed: a program links none of them.
namespace sweetspot {

class Cublas;
class Cudnn;

/// A library file of functions. Stays open until the process ends, as its threads may.
class SharedLibrary {
public:
    /// Looks where the system's loader looks (LD_LIBRARY_PATH among others), then in the toolkit's
    /// folder: $CUDA_HOME/lib64 or /usr/local/cuda/lib64. Throws Error(unsupported) that names the
    /// file, the places, and `lost`: what cannot be done without it, e.g. "matrix products".
    SharedLibrary(std::string file, const std::string& lost);

    /// Throws Error(unsupported) if the library has no such function.
    template <class Function>
    void find(Function*& function, const char* name) const {
        function = reinterpret_cast<Function*>(address(name));
    }

private:
    void* address(const char* name) const;

    std::string file_;
    void* handle_ = nullptr;
};

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
