#include "app/worker/wishes.h"
#include <atomic>
#include <csignal>

namespace sweetspot {

namespace {

std::atomic<bool> waits = false, ends = false;
static_assert(std::atomic<bool>::is_always_lock_free); // handlers may touch nothing else

void take(int signal) {
    if (signal == SIGUSR1)
        ends = true;
    else
        waits = signal == SIGTSTP;
}

} // namespace

void heed_wishes() {
    struct sigaction action {};
    action.sa_handler = take;
    action.sa_flags = SA_RESTART;
    for (const int signal : {SIGTSTP, SIGCONT, SIGUSR1}) sigaction(signal, &action, nullptr);
}

bool is_to_wait() {
    return waits;
}

bool is_to_end() {
    return ends;
}

void forget_wishes() {
    waits = ends = false;
}

} // namespace sweetspot
