#pragma once
#include "profiler/trace/trace.h"
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace sweetspot {

/// Reads something every `period` on a thread of its own, and once at both ends: what is read
/// between start() and stop() is never fewer than two readings.
class Sampler {
public:
    Sampler(Nanoseconds period, std::function<void()> read);
    ~Sampler() { stop(); }
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    void start();
    void stop(); ///< when it returns nothing is read any more

private:
    Nanoseconds period_;
    std::function<void()> read_;
    std::mutex mutex_{};
    std::condition_variable wake_{};
    bool stopping_ = false;
    std::thread thread_{};
};

} // namespace sweetspot
