#pragma once
#include <QString>

namespace sweetspot::gui {

/// This machine as its system tells, without the engine.
struct Host {
    QString cpu{};              ///< "Intel Xeon Platinum 8481C"; empty if not told
    int threads = 0;            ///< that may run at once: read_machine()
    QString isa{};              ///< widest vectors that the engine has kernels for
    double mhz = 0;             ///< now; 0 = not told
    QString governor{};         ///< of the clock; empty = not told, as in virtual machines
    double memory_bytes = 0;    ///< in all, within its group's limit
    double available_bytes = 0; ///< for new programs: what a run may take
    double load = 0;            ///< programs that wanted to run, mean of the last minute
    int counters_forbidden = 4; ///< perf_event_paranoid: above 2, programs may count nothing
    bool has_counters = false;  ///< the processor's own; a virtual machine often has none
};

/// Reads the host from /proc and /sys, or from copies of them below another root; what is missing
/// stays unknown. Takes about a millisecond.
Host readHost(const QString& root = {});

/// "Xeon Platinum 8481C": without what makers add to every name.
QString shortCpuName(const QString& cpu);

} // namespace sweetspot::gui
