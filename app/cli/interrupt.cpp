#include "app/cli/interrupt.h"
#include "app/cli/exit_code.h"
#include <cerrno>
#include <unistd.h>

namespace sweetspot {

namespace {

/// nohup's way of asking that the end of a terminal does not matter.
bool is_ignored(int signal) {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

} // namespace

InterruptWatch::InterruptWatch(std::function<void()> first) {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    if (!is_ignored(SIGHUP)) sigaddset(&watched, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &watched, &before_);
    thread_ = std::jthread([watched, first = std::move(first)](const std::stop_token& over) {
        bool again = false;
        const timespec nap{0, 50'000'000}; // how late the end of the watch is noticed at most
        while (!over.stop_requested()) {
            if (sigtimedwait(&watched, nullptr, &nap) < 0) continue;
            if (again) _exit(exit_interrupted);
            again = true;
            first();
        }
    });
}

InterruptWatch::~InterruptWatch() {
    thread_.request_stop();
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace sweetspot
