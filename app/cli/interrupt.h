#pragma once
#include <csignal>
#include <functional>
#include <thread>

namespace sweetspot {

/// Turns Ctrl-C (SIGINT), SIGTERM and a terminal that goes (SIGHUP, unless it is ignored, as under
/// nohup) into calls for as long as it lives: `first` from a thread of its own; a second signal
/// ends the process at once with exit_interrupted. Make it before other threads, so that none of
/// them takes the signal.
class InterruptWatch {
public:
    explicit InterruptWatch(std::function<void()> first);
    ~InterruptWatch();
    InterruptWatch(const InterruptWatch&) = delete;
    InterruptWatch& operator=(const InterruptWatch&) = delete;

private:
    sigset_t before_{};
    std::jthread thread_;
};

} // namespace sweetspot
