#pragma once
#include "memory.h"
#include "runtime.h"
#include "streams.h"
#include <exception>
#include <mutex>
#include <utility>

namespace emulation {

constexpr int runtime_version = 13000;

/// All that the calls share.
struct Machine {
    struct Settings {
        int device_count = 1, driver_version = runtime_version, capability = 80;
        std::size_t memory_bytes = std::size_t(2) << 30;
        int allocations_until_failure = -1; ///< negative: none fails
        bool sticky = false;
        cudaError_t broken = cudaSuccess;
        cudaError_t last = cudaSuccess;
    } settings{};
    std::recursive_mutex mutex{};
    std::exception_ptr failure{}; ///< to be thrown by the next call that may throw
    Streams streams{};
    CUstream_st default_stream{std::make_shared<Stream>()};
    std::vector<std::weak_ptr<Capture>> captures{};
    cudaStreamCaptureMode capture_mode = cudaStreamCaptureModeGlobal;

    Machine() { streams.all.push_back(default_stream.state); }
    cudaError_t state() const;

    std::shared_ptr<Stream> stream(cudaStream_t handle) const {
        return (handle ? handle : &default_stream)->state;
    }
    /// Refuses what must not be called during a capture, and spoils the capture.
    cudaError_t outside_capture();
    cudaError_t give(Stream& stream, std::function<void()> work);
};

Machine& machine();

/// What all calls do around their own work.
template <class Work>
cudaError_t call(Work&& work) {
    Machine& m = machine();
    const std::lock_guard lock(m.mutex);
    if (m.failure) std::rethrow_exception(std::exchange(m.failure, nullptr));
    if (const cudaError_t broken = m.state(); broken != cudaSuccess) return broken;
    cudaError_t result = cudaSuccess;
    try {
        result = work(m);
    } catch (...) {
        m.streams.drop_all();
        if (!m.settings.sticky) throw;
        result = m.settings.broken = cudaErrorIllegalAddress;
    }
    if (result != cudaSuccess) m.settings.last = result;
    return result;
}

/// The same for calls that give something back, which destructors make: they always do, and throw
/// nothing; the next call does.
template <class Work>
cudaError_t call_to_release(Work&& work) {
    Machine& m = machine();
    const std::lock_guard lock(m.mutex);
    const auto finish = [&] {
        try {
            m.streams.finish_all();
        } catch (...) {
            m.streams.drop_all();
            if (m.settings.sticky)
                m.settings.broken = cudaErrorIllegalAddress;
            else if (!m.failure)
                m.failure = std::current_exception();
        }
    };
    const cudaError_t result = work(m, finish);
    return m.state() != cudaSuccess ? m.state() : result;
}

} // namespace emulation
