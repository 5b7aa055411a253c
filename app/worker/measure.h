#pragma once
#include "app/worker/emit.h"
#include "profiler/energy/energy.h"
#include <vector>

namespace sweetspot {

/// What counts the energy that a run's device takes. Throws Error(unsupported) where nothing does.
std::unique_ptr<EnergyCounter> open_energy(DeviceContext&);

/// Warms up, then repeats the workload's step until the stopping rule holds, or until the workload
/// says that it is done. Emits a sample of each step's wall time, on a GPU of its own time, of each
/// of several phases, and of what the workload says of a step; of a training also its memory; of
/// all steps that are measured together the energy of one, if it is counted and they took long
/// enough. Gives the wall times. A training waits between steps while that is wished (wishes.h), or
/// ends there as interrupted; of one that waited no energy is told.
std::vector<double> measure(const RunConfig&, Workload&, DeviceContext&, EnergyCounter*,
                            const Emit&);

} // namespace sweetspot
