#include "profiler/sampler.h"
#include <chrono>

namespace sweetspot {

Sampler::Sampler(Nanoseconds period, std::function<void()> read)
    : period_(period), read_(std::move(read)) {}

void Sampler::start() {
    stopping_ = false;
    read_();
    thread_ = std::thread([this] {
        std::unique_lock lock(mutex_);
        while (!wake_.wait_for(lock, std::chrono::nanoseconds(period_), [&] { return stopping_; }))
            read_();
    });
}

void Sampler::stop() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    read_();
}

} // namespace sweetspot
