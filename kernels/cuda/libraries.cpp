#include "kernels/cuda/libraries.h"
#include "kernels/cuda/cublas.h"
#include <cstdlib>
#include <dlfcn.h>

namespace sweetspot {

namespace {

std::string toolkit_folder() {
    const char* home = std::getenv("CUDA_HOME");
    return std::string(home ? home : "/usr/local/cuda") + "/lib64";
}

} // namespace

SharedLibrary::SharedLibrary(std::string file, const std::string& lost) : file_(std::move(file)) {
    const std::string folder = toolkit_folder();
    handle_ = dlopen(file_.c_str(), RTLD_NOW | RTLD_LOCAL);
    const std::string why = handle_ ? "" : dlerror();
    if (!handle_) handle_ = dlopen((folder + "/" + file_).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle_)
        throw Error(Failure::unsupported,
                    file_ + " could not be opened, neither by the system's loader (" + why +
                        ") nor in " + folder + ": without it the device cuda has no " + lost +
                        ". Install it, or name its folder in LD_LIBRARY_PATH");
}

void* SharedLibrary::address(const char* name) const {
    void* found = dlsym(handle_, name);
    if (!found)
        throw Error(Failure::unsupported,
                    file_ + " has no function " + name +
                        ": it is not of the version that this program was built for");
    return found;
}

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
