#pragma once
#include <chrono>
#include <cstdint>

namespace sweetspot {

/// Seconds as the device counts them. A mark is a place in the work that a stream has been given:
/// on a GPU, where launches only queue, the time at which the work before it is done.
class DeviceClock {
public:
    using Mark = std::uint64_t;

    virtual ~DeviceClock() = default;
    virtual Mark mark() = 0; ///< throws Error(device)
    /// From one mark to a later one; waits until the later has been passed. Throws Error(device).
    virtual double seconds(Mark from, Mark to) = 0;
    /// The mark is not asked for again.
    virtual void release(Mark) noexcept {}
};

/// The device's seconds for what `launch` gives it.
template <class Launch>
double seconds_of(DeviceClock& clock, Launch&& launch) {
    const auto from = clock.mark();
    launch();
    const auto to = clock.mark();
    const double seconds = clock.seconds(from, to);
    clock.release(from);
    clock.release(to);
    return seconds;
}

/// A CPU's: an op is done when its launch returns. A mark is a number of nanoseconds.
class HostClock : public DeviceClock {
public:
    Mark mark() override {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        return Mark(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    }
    double seconds(Mark from, Mark to) override { return double(to - from) * 1e-9; }
};

} // namespace sweetspot
