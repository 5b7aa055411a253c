#pragma once
#include "app/experiment/record.h"
#include "app/runner/runner.h"
#include "app/runner/worker_process.h"
#include <functional>
#include <optional>

namespace sweetspot {

/// What is wished of a training that is under way, which heeds it between two of its steps.
enum class Wish { go_on, wait, end };

/// Has a worker do one run and gives on each line it says. When the run did not come to its end
/// (the worker crashed, was killed, said something else, took too long, or `stop` said so), the
/// worker is ended and a Failed line that says why is given on. The first line is always Started,
/// the last Finished or Failed. False if the worker is of no use any more. `wish` is asked all the
/// time.
bool converse(
    WorkerProcess&, const PlannedRun&, const RunnerOptions&,
    const std::function<void(const Line&)>& give, const std::function<bool()>& stop,
    const std::function<Wish()>& wish = [] { return Wish::go_on; });

} // namespace sweetspot
