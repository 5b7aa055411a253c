#pragma once
#include "app/experiment/ceilings.h"
#include "app/experiment/devices.h"
#include "app/runner/runner.h"
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace sweetspot {

/// Where runs can go on this machine, as a worker says: always cpu, plan and at least one cuda,
/// which may not be available. Takes milliseconds without a GPU, up to seconds with one, whose
/// driver wakes up. Throws Error(file) if the worker cannot be started, or says something else.
std::vector<DeviceInfo> list_devices(const RunnerOptions& = {});

/// Why find_gpu() finds nothing, as the worker says it.
std::string why_no_gpu(const std::vector<DeviceInfo>&, std::optional<int> index = {});
/// Throws Error(device), with the reason, if a possible run asks for a GPU that this build or this
/// machine does not have. Empty `devices` are asked for when a run needs to know.
void require_devices(const std::vector<PlannedRun>&, std::vector<DeviceInfo> devices = {},
                     const RunnerOptions& = {});

/// The facts that a worker says of a run with this configuration before it loads anything. Throws
/// as list_devices().
Environment environment_for(const RunConfig&, const RunnerOptions& = {});

/// Has a worker record one step of a run with every instrument into a file, and gives on the lines
/// that it says meanwhile; `flags` are the worker's: --counters, --overhead. Throws Error(device)
/// with the worker's own words if it could not.
void trace_run(const RunConfig&, const std::filesystem::path& file,
               const std::vector<std::string>& flags, const std::function<void(const Line&)>& give,
               const RunnerOptions& = {});

/// Has a worker compute a run's quality pass again and keep its logits in a file, under the run's
/// name. As trace_run().
void keep_reference(const RunConfig&, const std::string& name, const std::filesystem::path& file,
                    const std::function<void(const Line&)>& give, const RunnerOptions& = {});

/// Has a worker write the model of a configuration into a file, and gives on what it says of it, a
/// line of JSON each (app/worker/convert.h); `flags` are the worker's. Throws Error(bad_input) with
/// the worker's own words if it could not.
void convert_model(const RunConfig&, const std::filesystem::path& to,
                   const std::vector<std::string>& flags,
                   const std::function<void(const std::string&)>& give, const RunnerOptions& = {});

/// The instruments that a worker finds for the device of a configuration: names, with why each is
/// not there, "" for those that are. Throws as trace_run().
std::map<std::string, std::string> list_instruments(const RunConfig&, const RunnerOptions& = {});

/// Has a worker measure what the device of a configuration gives at best. Throws as trace_run().
Ceilings device_ceilings(const RunConfig&, const RunnerOptions& = {});

/// What `sweetspot-worker selftest` prints, each line given on as it comes; its exit status: 0 if
/// every check holds, 1 if not, 5 if there is no such device. Throws as list_devices().
int run_selftest(const std::vector<std::string>& arguments,
                 const std::function<void(const std::string&)>& give, const RunnerOptions& = {});

/// What `sweetspot-worker products` says of the CPU's matrix products, a line each. Throws as
/// list_devices().
std::vector<std::string> describe_products(const RunnerOptions& = {});

} // namespace sweetspot
