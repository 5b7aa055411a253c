#pragma once
#include "kernels/core/shared_library.h"
#include <cstdint>

/// What is used of libnvidia-ml, whose header does not come with every toolkit: declarations after
/// NVIDIA's NVML reference, whose binary interface is kept from version to version.
namespace sweetspot {

using NvmlDevice = struct NvmlDeviceHandle*;
enum class NvmlResult : int { success = 0, not_supported = 3, insufficient_size = 7 };
enum class NvmlClock : int { sm = 1, memory = 2 };
struct NvmlMemory {
    unsigned long long total, free, used; ///< bytes
};
struct NvmlProcess {
    unsigned pid;
    unsigned long long used_bytes;
    unsigned gpu_instance, compute_instance;
};

/// X(member, name in the library, result, parameters)
#define SWEETSPOT_NVML_FUNCTIONS(X)                                                                \
    X(init, nvmlInit_v2, NvmlResult, ())                                                           \
    X(shutdown, nvmlShutdown, NvmlResult, ())                                                      \
    X(text, nvmlErrorString, const char*, (NvmlResult))                                            \
    X(device, nvmlDeviceGetHandleByPciBusId_v2, NvmlResult, (const char*, NvmlDevice*))            \
    X(driver_version, nvmlSystemGetDriverVersion, NvmlResult, (char*, unsigned))                   \
    X(clock, nvmlDeviceGetClockInfo, NvmlResult, (NvmlDevice, NvmlClock, unsigned* mhz))           \
    X(power, nvmlDeviceGetPowerUsage, NvmlResult, (NvmlDevice, unsigned* milliwatts))              \
    X(power_limit, nvmlDeviceGetEnforcedPowerLimit, NvmlResult, (NvmlDevice, unsigned*))           \
    X(energy, nvmlDeviceGetTotalEnergyConsumption, NvmlResult,                                     \
      (NvmlDevice, unsigned long long* millijoules))                                               \
    X(temperature, nvmlDeviceGetTemperature, NvmlResult, (NvmlDevice, int sensor, unsigned*))      \
    X(reasons, nvmlDeviceGetCurrentClocksThrottleReasons, NvmlResult,                              \
      (NvmlDevice, unsigned long long*))                                                           \
    X(memory, nvmlDeviceGetMemoryInfo, NvmlResult, (NvmlDevice, NvmlMemory*))                      \
    X(processes, nvmlDeviceGetComputeRunningProcesses_v3, NvmlResult,                              \
      (NvmlDevice, unsigned* count, NvmlProcess*))                                                 \
    X(ecc, nvmlDeviceGetEccMode, NvmlResult, (NvmlDevice, unsigned* now, unsigned* pending))       \
    X(mig, nvmlDeviceGetMigMode, NvmlResult, (NvmlDevice, unsigned* now, unsigned* pending))

struct NvmlFunctions {
    /// Throws Error(unsupported) if there is no such library, or it lacks a function.
    NvmlFunctions() : library({"libnvidia-ml.so.1"}, "a GPU's clocks and power are not known") {
#define FIND(member, name, result, parameters) library.find(member, #name);
        SWEETSPOT_NVML_FUNCTIONS(FIND)
#undef FIND
    }

    SharedLibrary library;
#define DECLARE(member, name, result, parameters) result(*member) parameters = nullptr;
    SWEETSPOT_NVML_FUNCTIONS(DECLARE)
#undef DECLARE
};

} // namespace sweetspot
