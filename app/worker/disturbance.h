#pragma once

namespace sweetspot {

/// What a machine's processors had done by a moment, in seconds.
struct MachineUse {
    double wall = 0;
    double busy = 0;   ///< of all processors together, time taken by a hypervisor included
    double own = 0;    ///< of this process, all threads
    double waited = 0; ///< of this process's threads: ready to run, and no processor was free
    int processors = 1;
};

/// As the system tells it (proc(5)); 0 for what it does not.
MachineUse machine_use();

/// How far others were in a measurement's way between two moments, in [0, 1]: the greater of the
/// share of all processors that they took and the share of the time that our threads waited. Busy
/// time comes in ticks, of which one a processor may be anybody's and does not count.
double disturbance(const MachineUse& before, const MachineUse& after);

} // namespace sweetspot
