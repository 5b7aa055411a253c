#include "app/analysis/fit.h"
#include <algorithm>

namespace sweetspot {

double memory_limit(const RunConfig& config, const FreeMemory& memory) {
    const double own = config.memory_limit_bytes;
    double free = memory.host_bytes;
    if (config.on_gpu()) {
        const DeviceInfo* gpu = find_gpu(memory.devices, config.gpu);
        free = gpu ? gpu->free_bytes : 0;
    }
    return own > 0 && free > 0 ? std::min(own, free) : std::max(own, free);
}

bool fits(double peak_bytes, const RunConfig& config, const FreeMemory& memory) {
    const double limit = memory_limit(config, memory);
    return limit <= 0 || peak_bytes <= limit;
}

} // namespace sweetspot
