#include "kernels/core/shared_library.h"
#include <cstdlib>
#include <dlfcn.h>

namespace sweetspot {

namespace {

std::string toolkit_folder() {
    const char* home = std::getenv("CUDA_HOME");
    return std::string(home ? home : "/usr/local/cuda") + "/lib64";
}

} // namespace

SharedLibrary::SharedLibrary(std::vector<std::string> files, const std::string& lost) {
    const std::string folder = toolkit_folder();
    std::string why;
    for (const std::string& prefix : {std::string(), folder + "/"})
        for (const std::string& file : files) {
            if (handle_) break;
            handle_ = dlopen((prefix + file).c_str(), RTLD_NOW | RTLD_LOCAL);
            if (handle_) file_ = file;
            if (!handle_ && why.empty()) why = dlerror();
        }
    if (!handle_)
        throw Error(Failure::unsupported,
                    files.front() + " could not be opened, neither by the system's loader (" + why +
                        ") nor in " + folder + ": without it " + lost +
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

} // namespace sweetspot
