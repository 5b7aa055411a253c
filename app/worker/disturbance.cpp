#include "app/worker/disturbance.h"
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace sweetspot {

namespace {

double tick_seconds() {
    return 1.0 / double(sysconf(_SC_CLK_TCK));
}

double seconds_of(const timeval& time) {
    return double(time.tv_sec) + 1e-6 * double(time.tv_usec);
}

/// user, nice, system, irq, softirq and steal of the first line; idle and iowait are nobody's.
double busy_seconds() {
    std::ifstream file("/proc/stat");
    std::string cpu;
    double ticks[8] = {};
    file >> cpu;
    for (double& t : ticks) file >> t;
    return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) * tick_seconds();
}

/// The second number of each thread's schedstat, in nanoseconds.
double waited_seconds() {
    double sum = 0;
    std::error_code none;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none)) {
        std::ifstream file(task.path() / "schedstat");
        double ran = 0, waited = 0;
        if (file >> ran >> waited) sum += 1e-9 * waited;
    }
    return sum;
}

} // namespace

MachineUse machine_use() {
    rusage own{};
    getrusage(RUSAGE_SELF, &own);
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return {.wall = std::chrono::duration<double>(now).count(),
            .busy = busy_seconds(),
            .own = seconds_of(own.ru_utime) + seconds_of(own.ru_stime),
            .waited = waited_seconds(),
            .processors = std::max(1, int(sysconf(_SC_NPROCESSORS_ONLN)))};
}

double disturbance(const MachineUse& before, const MachineUse& after) {
    const double wall = after.wall - before.wall;
    if (wall <= 0) return 0;
    const double own = after.own - before.own;
    const double others = after.busy - before.busy - own - after.processors * tick_seconds();
    const double taken = others / (wall * after.processors);
    const double waited = (after.waited - before.waited) / wall;
    return std::clamp(std::max(taken, waited), 0.0, 1.0);
}

} // namespace sweetspot
