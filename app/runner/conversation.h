#pragma once
#include "app/experiment/record.h"
#include "app/runner/runner.h"
#include "app/runner/worker_process.h"
#include <functional>
#include <optional>

namespace sweetspot {

/// Has a worker do one run and gives on each line it says. When the run did not come to its end
/// (the worker crashed, was killed, said something else, took too long, or `stop` said so), the
/// worker is ended and a Failed line that says why is given on. The first line is always Started,
/// the last Finished or Failed. False if the worker is of no use any more.
bool converse(WorkerProcess&, const PlannedRun&, const RunnerOptions&,
              const std::function<void(const Line&)>& give, const std::function<bool()>& stop);

} // namespace sweetspot
