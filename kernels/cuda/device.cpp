#include "kernels/cuda/device.h"
#include "kernels/cuda/check.h"
#include <algorithm>
#include <cstdlib>

namespace sweetspot {

namespace {

constexpr int oldest_capability = 80;

std::string version_name(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string capability_name(int capability) {
    return std::to_string(capability / 10) + "." + std::to_string(capability % 10);
}

struct Versions {
    int driver = 0, runtime = 0;
};

/// Throws a sentence if the driver is missing or too old.
Versions find_versions() {
    Versions versions;
    check_cuda(cudaDriverGetVersion(&versions.driver), "cudaDriverGetVersion");
    check_cuda(cudaRuntimeGetVersion(&versions.runtime), "cudaRuntimeGetVersion");
    if (versions.driver == 0)
        throw Error(Failure::device,
                    "there is no NVIDIA driver: libcuda.so.1 was not found. Install the driver, or "
                    "give the container access to the GPU; device cpu and planning need none");
    // Within one major version newer programs run on older drivers.
    if (versions.driver / 1000 < versions.runtime / 1000)
        throw Error(Failure::device,
                    "the NVIDIA driver is too old: it knows CUDA " + version_name(versions.driver) +
                        ", and this program was built with CUDA " + version_name(versions.runtime) +
                        ". Install a driver that knows CUDA " +
                        std::to_string(versions.runtime / 1000) + ".0 or newer");
    return versions;
}

int count_devices() {
    int count = 0;
    const cudaError_t result = cudaGetDeviceCount(&count);
    if (result == cudaErrorNoDevice || (result == cudaSuccess && count == 0)) {
        cudaGetLastError();
        const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
        throw Error(
            Failure::device,
            std::string("there is an NVIDIA driver, but no GPU that it can use") +
                (visible ? std::string(": CUDA_VISIBLE_DEVICES is \"") + visible + "\"" : ""));
    }
    check_cuda(result, "cudaGetDeviceCount");
    return count;
}

std::string bus_id(int index) {
    std::array<char, 32> text{};
    check_cuda(cudaDeviceGetPCIBusId(text.data(), int(text.size()), index),
               "cudaDeviceGetPCIBusId");
    return text.data();
}

CudaDeviceInfo describe(int index, const Versions& versions) {
    cudaDeviceProp found{};
    check_cuda(cudaGetDeviceProperties(&found, index), "cudaGetDeviceProperties");
    return {.index = index,
            .name = found.name,
            .pci = bus_id(index),
            .capability = 10 * found.major + found.minor,
            .memory_bytes = found.totalGlobalMem,
            .l2_bytes = std::size_t(found.l2CacheSize),
            .shared_bytes_per_block = found.sharedMemPerBlockOptin,
            .multiprocessors = found.multiProcessorCount,
            .driver_version = versions.driver,
            .runtime_version = versions.runtime,
            .managed_on_demand = found.concurrentManagedAccess != 0};
}

int chosen_capability(int capability) {
    const char* text = std::getenv("SWEETSPOT_CUDA_ARCH");
    if (!text || !*text) return capability;
    char* end = nullptr;
    const long asked = std::strtol(text, &end, 10);
    require(*end == 0 && asked >= oldest_capability && asked < 1000, Failure::bad_input,
            "SWEETSPOT_CUDA_ARCH is a compute capability without its point, from 80, e.g. 90");
    return std::min(capability, int(asked));
}

} // namespace

std::vector<CudaDeviceInfo> cuda_devices() {
    const Versions versions = find_versions();
    std::vector<CudaDeviceInfo> devices;
    for (int i = 0, count = count_devices(); i < count; ++i)
        devices.push_back(describe(i, versions));
    return devices;
}

struct CudaDevice::Implementation {
    CudaDeviceInfo info;
    int capability = 0;
    cudaStream_t stream = nullptr;
    std::vector<std::pair<std::string, std::string>> facts{};

    ~Implementation() {
        if (stream) cudaStreamDestroy(stream);
    }
};

CudaDevice::CudaDevice(int index) : own_(std::make_unique<Implementation>()) {
    const Versions versions = find_versions();
    const int count = count_devices();
    if (index < 0 || index >= count)
        throw Error(Failure::device, "there is no GPU " + std::to_string(index) +
                                         ": this machine "
                                         "has " +
                                         std::to_string(count) + ", counted from 0");
    own_->info = describe(index, versions);
    if (own_->info.capability < oldest_capability)
        throw Error(Failure::unsupported, own_->info.name + " has compute capability " +
                                              capability_name(own_->info.capability) +
                                              "; the device cuda needs 8.0 (Ampere) or newer");
    own_->capability = chosen_capability(own_->info.capability);
    check_cuda(cudaSetDevice(index), "cudaSetDevice");
    check_cuda(cudaStreamCreateWithFlags(&own_->stream, cudaStreamNonBlocking),
               "cudaStreamCreateWithFlags");
    note("gpu", own_->info.name);
    note("gpu capability", capability_name(own_->info.capability) +
                               (own_->capability < own_->info.capability
                                    ? ", kernels of " + capability_name(own_->capability)
                                    : ""));
    note("gpu memory", std::to_string(own_->info.memory_bytes));
    note("cuda driver", version_name(versions.driver));
    note("cuda runtime", version_name(versions.runtime));
}

CudaDevice::~CudaDevice() = default;

const CudaDeviceInfo& CudaDevice::info() const {
    return own_->info;
}

int CudaDevice::capability() const {
    return own_->capability;
}

CudaStream CudaDevice::stream() {
    return {.handle = own_->stream, .device = this};
}

bool CudaDevice::is_lost() const {
    return is_sticky(cudaFree(nullptr)); // which does nothing but report
}

std::size_t CudaDevice::free_bytes() const {
    std::size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free;
}

std::vector<std::pair<std::string, std::string>> CudaDevice::facts() const {
    return own_->facts;
}

void CudaDevice::note(const std::string& name, const std::string& value) {
    for (auto& fact : own_->facts)
        if (fact.first == name) {
            fact.second = value;
            return;
        }
    own_->facts.emplace_back(name, value);
}

void CudaStream::synchronize() const {
    check_cuda(cudaStreamSynchronize(handle), "cudaStreamSynchronize");
}

} // namespace sweetspot
