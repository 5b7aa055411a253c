#pragma once
#include "engine/device/device.h"
#include "profiler/instrument.h"

namespace sweetspot {

/// Those that there are for a run's device.
struct Instruments {
    std::vector<std::unique_ptr<Instrument>> all{};
    std::map<std::string, std::string> absent{}; ///< the others by name, and why they are not there

    std::vector<Instrument*> pointers() const;
};

/// Opens all that the machine has. The context must be there already, and outlive them.
Instruments open_instruments(const RunConfig&, DeviceContext&);

/// Each of them, what of it is missing, by a pass of nothing, and the count of energy: names, with
/// why each is not there, "" for those that are.
std::map<std::string, std::string> try_instruments(const RunConfig&);

} // namespace sweetspot
