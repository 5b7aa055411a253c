#include "kernels/cpu/libraries.h"
#include <oneapi/dnnl/dnnl.hpp>

namespace sweetspot {

std::string onednn_version() {
    const auto* v = dnnl_version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
           std::to_string(v->patch);
}

} // namespace sweetspot
