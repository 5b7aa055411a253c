#pragma once
#include "app/experiment/devices.h"
#include "engine/config/run_config.h"
#include <span>

namespace sweetspot {

/// Memory that is free now, where runs may go.
struct FreeMemory {
    double host_bytes = 0;               ///< 0 = not known
    std::span<const DeviceInfo> devices; ///< as the worker says them; empty = not known
};

/// What a run may take in bytes: its own limit, or what is free where it computes, whichever is
/// less; 0 = not known. A run on the device plan is held against the device that it stands for.
double memory_limit(const RunConfig&, const FreeMemory&);

/// Whether a peak, predicted or measured, is within memory_limit(). A limit that is not known
/// excludes nothing.
bool fits(double peak_bytes, const RunConfig&, const FreeMemory&);

} // namespace sweetspot
