#pragma once
#include <filesystem>
#include <string>

namespace sweetspot {

/// What this process may use of the machine, and what says so. Of groups of processes (cgroup v1
/// and v2, as containers and schedulers make them) each on the way to the top counts: the smallest
/// share holds.
struct Machine {
    int cores = 0;               ///< logical processors that are online; 0 = not told
    int threads = 0;             ///< that can run at once; 0 likewise
    std::string threads_limit{}; ///< what holds threads below cores, in words; "" = nothing
    double memory_bytes = 0;     ///< in all; 0 = not told
    double available_bytes = 0;  ///< that could be taken now without swapping; 0 = not told
    std::string memory_limit{};  ///< what holds memory_bytes below the machine's; "" = nothing
};

/// Reads /proc and the control groups it names, or copies of them below another root. Threads are
/// the least of the cores online, the affinity that this process was started with, which taskset
/// and cpusets set, and the CPU quota, rounded up. Memory is the least of RAM and each group's
/// limit; what a group has left counts its page cache that can be dropped. Takes less than a
/// millisecond; what is missing stays unknown. proc(5), cgroups(7); Linux' admin-guide: cgroup-v1,
/// cgroup-v2.
Machine read_machine(const std::filesystem::path& root = "/");

/// The threads of read_machine(), or what the standard library thinks if it does not know; at least
/// 1.
int usable_threads();

} // namespace sweetspot
