#include "app/worker/predict.h"
#include "app/worker/trace.h"
#include "engine/tasks/published_memory.h"
#include "kernels/core/error.h"
#include "kernels/core/machine.h"
#include "profiler/profiler.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

Prediction predict(RunConfig config, const Progress& progress) {
    if (config.device != DeviceKind::plan) {
        config.plan_for = config.device == DeviceKind::cuda ? PlanFor::cuda : PlanFor::cpu;
        config.device = DeviceKind::plan;
    }
    DeviceContext device(config);
    Context& context = device.context();
    const auto work = make_workload(config, context, nullptr, nullptr, progress);
    Profiler profiler(device.clock());
    {
        const Watching watching(context, profiler);
        run_step(*work, context);
    }
    Prediction y{device.totals(),    profiler.total(),   work->outcome(),
                 work->parameters(), work->provenance(), work->data()};
    if (config.memory_model != MemoryModel::ledger) {
        auto [use, caveat] = memory_by_study(config);
        y.totals = {.memory = std::move(use)};
        y.outcome.caveat = std::move(caveat);
    }
    return y;
}

static std::string gibibytes(double bytes) {
    return to_text(std::round(bytes / (1 << 30) * 100) / 100) + " GiB";
}

void require_memory(const RunConfig& config, const Prediction& prediction,
                    const DeviceContext& device) {
    device.require_room(prediction.totals);
    const Machine machine = read_machine();
    const double available = machine.available_bytes;
    const auto& totals = prediction.totals;
    const bool host_only = config.device == DeviceKind::cpu;
    // A text that weights are pruned by is looked at while they are loaded, before there is more.
    const auto& load = totals.memory.at_peak[std::size_t(Purpose::weights)];
    const double loading =
        double(host_only ? load : 0) + double(prediction.outcome.pruning.calibration_bytes);
    const double needed =
        std::max(loading, double(host_only ? totals.memory.peak_total : totals.pinned_peak)) +
        double(totals.host_peak);
    // A model that is kept is in memory already.
    if (available > 0 && needed > available + double(device.totals().memory.live_total))
        throw Error(
            Failure::out_of_memory,
            "out of memory: the run needs " + gibibytes(needed) + ", this machine has " +
                gibibytes(available) + " available" +
                (machine.memory_limit.empty() ? std::string() : " under " + machine.memory_limit));
}

} // namespace sweetspot
