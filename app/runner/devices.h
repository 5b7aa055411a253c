#pragma once
#include "app/experiment/devices.h"
#include "app/runner/runner.h"
#include <functional>
#include <vector>

namespace sweetspot {

/// Where runs can go on this machine, as a worker says: always cpu, plan and at least one cuda,
/// which may not be available. Takes milliseconds without a GPU, up to seconds with one, whose
/// driver wakes up. Throws Error(file) if the worker cannot be started, or says something else.
std::vector<DeviceInfo> list_devices(const RunnerOptions& = {});

/// What `sweetspot-worker selftest` prints, each line given on as it comes; its exit status: 0 if
/// every check holds, 1 if not, 5 if there is no such device. Throws as above.
int run_selftest(const std::vector<std::string>& arguments,
                 const std::function<void(const std::string&)>& give, const RunnerOptions& = {});

} // namespace sweetspot
