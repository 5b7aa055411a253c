#pragma once
#include "profiler/instrument.h"

namespace sweetspot {

/// Which thread of the CPU's team (kernels/core/team.h) worked when, and for which op. The engine's
/// thread is number 0: it works wherever it is in an op, but for the time that it waits for the
/// others.
std::unique_ptr<Instrument> open_team();

} // namespace sweetspot
