// Errors, devices and memory.
#include "machine.h"
#include "watch.h"
#include <algorithm>
#include <cstring>
#include <vector>

namespace emulation {

Machine& machine() {
    static Machine machine;
    return machine;
}

cudaError_t Machine::state() const {
    if (settings.broken != cudaSuccess) return settings.broken;
    if (settings.driver_version < runtime_version) return cudaErrorInsufficientDriver;
    return settings.device_count ? cudaSuccess : cudaErrorNoDevice;
}

/// Dynamic shared memory that a block may have (CUDA C++ Programming Guide, "Compute
/// Capabilities").
static std::size_t shared_bytes(int capability) {
    const int major = capability / 10, minor = capability % 10;
    if (major == 9 || major == 10) return 227 * 1024;
    if (major == 8 && (minor == 0 || minor == 7)) return 163 * 1024;
    if (major == 8 || major == 12) return 99 * 1024;
    return 64 * 1024;
}

void set_device_count(int count) {
    machine().settings.device_count = count;
}
void set_driver_version(int version) {
    machine().settings.driver_version = version;
}
void set_capability(int capability) {
    machine().settings.capability = capability;
    set_shared_limit(shared_bytes(capability));
}
void set_device_memory(std::size_t bytes) {
    machine().settings.memory_bytes = bytes;
}
void fail_allocation(int after) {
    machine().settings.allocations_until_failure = after;
}
void set_sticky(bool sticky) {
    machine().settings.sticky = sticky;
}
void break_device(cudaError_t error) {
    machine().streams.drop_all();
    machine().settings.broken = error;
}
void reset_device() {
    machine().settings = {};
    set_shared_limit(shared_bytes(machine().settings.capability));
    machine().failure = nullptr;
}

namespace {

struct Words {
    cudaError_t error;
    const char *name, *text;
};
constexpr Words words[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable",
     "CUDA-capable device(s) is/are busy or unavailable"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {cudaErrorNvlinkUncorrectable, "cudaErrorNvlinkUncorrectable",
     "uncorrectable NVLink error detected during the execution"},
    {cudaErrorContained, "cudaErrorContained", "contained error"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalState, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress",
     "an illegal memory access was encountered"},
    {cudaErrorLaunchTimeout, "cudaErrorLaunchTimeout", "the launch timed out and was terminated"},
    {cudaErrorContextIsDestroyed, "cudaErrorContextIsDestroyed", "context is destroyed"},
    {cudaErrorAssert, "cudaErrorAssert", "device-side assert triggered"},
    {cudaErrorHardwareStackError, "cudaErrorHardwareStackError", "hardware stack error"},
    {cudaErrorIllegalInstruction, "cudaErrorIllegalInstruction",
     "an illegal instruction was encountered"},
    {cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    {cudaErrorInvalidAddressSpace, "cudaErrorInvalidAddressSpace",
     "operation not supported on global/shared address space"},
    {cudaErrorInvalidPc, "cudaErrorInvalidPc", "invalid program counter"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorTensorMemoryLeak, "cudaErrorTensorMemoryLeak", "tensor memory not completely freed"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorMpsClientTerminated, "cudaErrorMpsClientTerminated",
     "the client was terminated by the server"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge",
     "operation would result in a merge of separate capture sequences"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorExternalDevice, "cudaErrorExternalDevice",
     "asynchronous error in an external device"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};
const Words& words_of(cudaError_t error) {
    return *std::ranges::find(words, error, &Words::error);
}

cudaError_t allocate(MemoryKind kind, void** result, std::size_t bytes) {
    return call([&](Machine& m) {
        if (const cudaError_t refused = m.outside_capture()) return refused;
        *result = nullptr;
        if (m.settings.allocations_until_failure >= 0 && !m.settings.allocations_until_failure--)
            return cudaErrorMemoryAllocation;
        if (kind == MemoryKind::device &&
            bytes > m.settings.memory_bytes -
                        std::min(memory().device_bytes(), m.settings.memory_bytes))
            return cudaErrorMemoryAllocation;
        *result = memory().allocate(kind, bytes);
        return *result ? cudaSuccess : cudaErrorMemoryAllocation;
    });
}

cudaError_t release(std::initializer_list<MemoryKind> kinds, void* address) {
    return call_to_release([&](Machine& m, const auto& finish) {
        if (!address) return cudaSuccess;
        if (const cudaError_t refused = m.outside_capture()) return refused;
        finish();
        for (const MemoryKind kind : kinds)
            if (memory().release(kind, address)) return cudaSuccess;
        return cudaErrorInvalidValue;
    });
}

bool on_device(MemoryKind kind) {
    return kind == MemoryKind::device || kind == MemoryKind::managed;
}

/// Whether memory is where the kind of copy says that it is.
bool agrees(cudaMemcpyKind kind, MemoryKind to, MemoryKind from) {
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (kind == cudaMemcpyDefault) return true;
    return (to_device ? on_device(to) : to != MemoryKind::device) &&
           (from_device ? on_device(from) : from != MemoryKind::device);
}

struct Rows {
    std::size_t to_pitch, from_pitch, width, height;

    void copy(void* to, const void* from) const {
        for (std::size_t row = 0; row < height; ++row)
            std::memmove(static_cast<char*>(to) + row * to_pitch,
                         static_cast<const char*>(from) + row * from_pitch, width);
    }
};

cudaError_t copy(void* to, const void* from, const Rows& rows, cudaMemcpyKind kind,
                 cudaStream_t handle, bool waits) {
    return call([&](Machine& m) {
        if (!rows.width || !rows.height) return cudaSuccess;
        const auto stream = m.stream(handle);
        const std::size_t last = rows.height - 1;
        const auto target = memory().find(to, last * rows.to_pitch + rows.width);
        const auto source = memory().find(from, last * rows.from_pitch + rows.width);
        if (!target.fits || !source.fits || !agrees(kind, target.kind, source.kind) ||
            rows.to_pitch < rows.width || rows.from_pitch < rows.width)
            return cudaErrorInvalidValue;
        const bool to_pageable = target.kind == MemoryKind::pageable;
        const bool from_pageable = source.kind == MemoryKind::pageable;
        if ((to_pageable || from_pageable || waits) && stream->capture)
            if (const cudaError_t refused = m.outside_capture()) return refused;
        cudaError_t result = cudaSuccess;
        if (from_pageable) { // its bytes are out when the call returns
            std::vector<char> bytes(rows.width * rows.height);
            const Rows out{rows.width, rows.from_pitch, rows.width, rows.height};
            const Rows in{rows.to_pitch, rows.width, rows.width, rows.height};
            out.copy(bytes.data(), from);
            result = m.give(*stream, [=, bytes = std::move(bytes)] {
                note({.what = Done::copy, .bytes = bytes.size()});
                in.copy(to, bytes.data());
            });
        } else {
            result = m.give(*stream, [=] {
                note({.what = Done::copy, .bytes = rows.width * rows.height});
                rows.copy(to, from);
            });
        }
        if (result == cudaSuccess && (to_pageable || waits))
            m.streams.finish(*stream, stream->given);
        return result;
    });
}

} // namespace
} // namespace emulation

using namespace emulation;

const char* cudaGetErrorName(cudaError_t error) {
    return words_of(error).name;
}
const char* cudaGetErrorString(cudaError_t error) {
    return words_of(error).text;
}

cudaError_t cudaPeekAtLastError() {
    const auto& settings = machine().settings;
    return settings.broken != cudaSuccess ? settings.broken : settings.last;
}
cudaError_t cudaGetLastError() {
    const cudaError_t last = cudaPeekAtLastError();
    machine().settings.last = cudaSuccess;
    return last;
}

// ---- devices

cudaError_t cudaDriverGetVersion(int* version) {
    *version = machine().settings.driver_version;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = runtime_version;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
    *count = 0;
    return call([&](Machine& m) {
        *count = m.settings.device_count;
        return cudaSuccess;
    });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    return call([&](Machine& m) {
        if (device < 0 || device >= m.settings.device_count) return cudaErrorInvalidDevice;
        cudaDeviceProp all{};
        std::strcpy(all.name, "emulated on the CPU");
        all.totalGlobalMem = m.settings.memory_bytes;
        all.sharedMemPerBlock = 48 * 1024;
        all.sharedMemPerBlockOptin = shared_bytes(m.settings.capability);
        all.sharedMemPerMultiprocessor = all.sharedMemPerBlockOptin + 1024;
        all.major = m.settings.capability / 10;
        all.minor = m.settings.capability % 10;
        all.multiProcessorCount = 4;
        all.maxThreadsPerBlock = 1024;
        all.maxThreadsPerMultiProcessor = 2048;
        all.regsPerBlock = 65536;
        all.regsPerMultiprocessor = 65536;
        all.warpSize = 32;
        all.l2CacheSize = 1 << 20;
        all.memoryBusWidth = 64;
        all.asyncEngineCount = 2;
        all.unifiedAddressing = 1;
        all.managedMemory = 1;
        all.concurrentManagedAccess = 1;
        *properties = all;
        return cudaSuccess;
    });
}
cudaError_t cudaDeviceGetPCIBusId(char* text, int bytes, int device) {
    cudaDeviceProp all{};
    if (const cudaError_t error = cudaGetDeviceProperties(&all, device)) return error;
    constexpr std::string_view place = "0000:00:00.0";
    if (bytes <= int(place.size())) return cudaErrorInvalidValue;
    text[place.copy(text, place.size())] = 0;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    cudaDeviceProp all{};
    if (const cudaError_t error = cudaGetDeviceProperties(&all, device)) return error;
    switch (attribute) {
    case cudaDevAttrClockRate: *value = 1'000'000; break;
    case cudaDevAttrMultiProcessorCount: *value = all.multiProcessorCount; break;
    case cudaDevAttrMemoryClockRate: *value = 1'000'000; break;
    case cudaDevAttrGlobalMemoryBusWidth: *value = all.memoryBusWidth; break;
    case cudaDevAttrL2CacheSize: *value = all.l2CacheSize; break;
    case cudaDevAttrComputeCapabilityMajor: *value = all.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = all.minor; break;
    case cudaDevAttrConcurrentManagedAccess: *value = all.concurrentManagedAccess; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(all.sharedMemPerBlockOptin); break;
    default: return cudaErrorInvalidValue;
    }
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
    return call([&](Machine& m) {
        return device < 0 || device >= m.settings.device_count ? cudaErrorInvalidDevice
                                                               : cudaSuccess;
    });
}
cudaError_t cudaGetDevice(int* device) {
    return call([&](Machine&) {
        *device = 0;
        return cudaSuccess;
    });
}

// ---- memory

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
    return allocate(MemoryKind::device, memory, bytes);
}
cudaError_t cudaMallocManaged(void** memory, std::size_t bytes, unsigned) {
    return allocate(MemoryKind::managed, memory, bytes);
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
    return allocate(MemoryKind::pinned, memory, bytes);
}
cudaError_t cudaFree(void* memory) {
    return release({MemoryKind::device, MemoryKind::managed}, memory);
}
cudaError_t cudaFreeHost(void* memory) {
    return release({MemoryKind::pinned}, memory);
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    return call([&](Machine& m) {
        *total = m.settings.memory_bytes;
        *free = *total - std::min(*total, memory().device_bytes());
        return cudaSuccess;
    });
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    return copy(to, from, {bytes, bytes, bytes, 1}, kind, nullptr, true);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    return copy(to, from, {bytes, bytes, bytes, 1}, kind, stream, false);
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream) {
    return copy(to, from, {to_pitch, from_pitch, width, height}, kind, stream, false);
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
    return call([&](Machine& m) {
        const auto found = memory().find(to, bytes);
        if (!found.fits || found.kind == MemoryKind::pageable) return cudaErrorInvalidValue;
        return m.give(*m.stream(stream), [=] {
            note({.what = Done::fill, .bytes = bytes});
            std::memset(to, value, bytes);
        });
    });
}
cudaError_t cudaMemPrefetchAsync(const void* from, std::size_t bytes, cudaMemLocation location,
                                 unsigned, cudaStream_t stream) {
    return call([&](Machine& m) {
        const auto found = memory().find(from, bytes);
        if (!found.fits || found.kind != MemoryKind::managed) return cudaErrorInvalidValue;
        if (location.type == cudaMemLocationTypeDevice && location.id >= m.settings.device_count)
            return cudaErrorInvalidDevice;
        return m.give(*m.stream(stream), [] {});
    });
}
cudaError_t cudaMemAdvise(const void* from, std::size_t bytes, cudaMemoryAdvise, cudaMemLocation) {
    return call([&](Machine&) {
        const auto found = memory().find(from, bytes);
        return found.fits && found.kind == MemoryKind::managed ? cudaSuccess
                                                               : cudaErrorInvalidValue;
    });
}
