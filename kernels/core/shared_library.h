#pragma once
#include "kernels/core/error.h"
#include <vector>

namespace sweetspot {

/// A library file of functions, opened when it is first needed. Stays open until the process ends,
/// as its threads may.
class SharedLibrary {
public:
    /// The first of these files that can be opened. Looks where the system's loader looks
    /// (LD_LIBRARY_PATH among others), then in the CUDA Toolkit's folder: $CUDA_HOME/lib64 or
    /// /usr/local/cuda/lib64. Throws Error(unsupported) that names the first file, the places, and
    /// `lost`: what there is not without it, e.g. "the device cuda has no matrix products".
    SharedLibrary(std::vector<std::string> files, const std::string& lost);

    /// Throws Error(unsupported) if the library has no such function.
    template <class Function>
    void find(Function*& function, const char* name) const {
        function = reinterpret_cast<Function*>(address(name));
    }
    const std::string& file() const { return file_; }

private:
    void* address(const char* name) const;

    std::string file_{};
    void* handle_ = nullptr;
};

} // namespace sweetspot
