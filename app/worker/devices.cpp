#include "app/worker/devices.h"
#include "kernels/core/error.h"
#include "kernels/core/machine.h"
#include "kernels/cpu/isa.h"
#include "kernels/cuda/device.h"

namespace sweetspot {

namespace {

std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

DeviceInfo gpu(const CudaDeviceInfo& found) {
    DeviceInfo y{.name = "cuda",
                 .available = true,
                 .gpu = found.index,
                 .memory_bytes = double(found.memory_bytes)};
    y.meaning = found.name + ", compute capability " + std::to_string(found.capability / 10) + "." +
                std::to_string(found.capability % 10) + ", driver for CUDA " +
                version_text(found.driver_version);
    try {
        y.free_bytes = double(CudaDevice(found.index).free_bytes());
    } catch (const Error& e) { // a GPU that cannot be opened is a finding
        y.available = false;
        y.meaning += ": " + std::string(e.what());
    }
    return y;
}

} // namespace

std::vector<DeviceInfo> worker_devices() {
    const Machine machine = read_machine();
    std::vector<DeviceInfo> devices{{.name = "cpu",
                                     .available = true,
                                     .meaning = isa_description(),
                                     .memory_bytes = machine.memory_bytes,
                                     .free_bytes = machine.available_bytes},
                                    {.name = "plan",
                                     .available = true,
                                     .meaning = "computes nothing and predicts memory and work"}};
    try {
        for (const CudaDeviceInfo& found : cuda_devices()) devices.push_back(gpu(found));
    } catch (const Error& e) { // likewise
        devices.push_back({.name = "cuda", .meaning = e.what()});
    }
    return devices;
}

} // namespace sweetspot
