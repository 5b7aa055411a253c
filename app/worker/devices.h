#pragma once
#include "app/experiment/devices.h"
#include <vector>

namespace sweetspot {

/// Where this worker can run: cpu, plan, and each GPU; one unavailable cuda with the reason if
/// there is none. Throws nothing: what is missing is an answer.
std::vector<DeviceInfo> worker_devices();

} // namespace sweetspot
