#include "app/worker/run_one.h"
#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "app/experiment/statistics.h"
#include "app/experiment/unix_seconds.h"
#include "app/worker/disturbance.h"
#include "app/worker/environment.h"
#include "app/worker/measure.h"
#include "app/worker/predict.h"
#include "app/worker/quality.h"
#include "app/worker/trace.h"
#include "app/worker/wishes.h"
#include "profiler/nvtx/nvtx.h"
#include <cstdlib>
#include <filesystem>
#include <new>

// One run from its configuration to its last line; every failure becomes a line here.

namespace sweetspot {

namespace {

/// Tells of data that are read, at most a hundred times.
Progress loading(const Emit& emit) {
    return [&emit, told = 0.0](double share) mutable {
        if (share >= told + 0.01) emit(Phase{"load", told = share});
    };
}

void plan_run(const RunConfig& config, const Emit& emit) {
    const Prediction p = predict(config, loading(emit));
    emit_sources(p.provenance, p.parameters, p.data, emit);
    emit_memory(p.totals, emit);
    emit(Metric{"flops", p.cost.flops});
    emit(Metric{"bytes_moved", p.cost.bytes});
    emit_outcome(p.outcome, emit);
    if (scope::is_assessed(config)) emit(quality_memory(predict(quality_pass_of(config)).totals));
}

/// Null where nothing counts it; `sweetspot doctor` says why.
std::unique_ptr<EnergyCounter> energy_of(DeviceContext& device) {
    try {
        return open_energy(device);
    } catch (const Error&) {
        return {};
    }
}

void measured_run(const RunConfig& config, const Emit& emit, ModelKeeper& keeper) {
    const auto begun = machine_use();
    check_quality(config);
    const Prediction prediction = predict(config, loading(emit));
    emit(Metric{"predicted_peak_bytes", double(prediction.totals.memory.peak_total)});
    emit(Metric{"flops", prediction.cost.flops});
    emit(Metric{"bytes_moved", prediction.cost.bytes});

    emit(Phase{"load", 0});
    HostClock clock;
    const auto start = clock.mark();
    DeviceContext& device = keeper.open(config);
    emit(environment_of(config, device));
    std::unique_ptr<Observer> ranges;
    if (std::getenv("SWEETSPOT_NVTX")) ranges = open_nvtx_ranges(device.context());
    require_memory(config, prediction, device);
    if (scope::is_assessed(config)) {
        const RunConfig pass = quality_pass_of(config);
        require_memory(pass, predict(pass), device);
    }
    const auto work = keeper.load(config, nullptr, loading(emit));
    emit(Metric{"load_seconds", keeper.seconds_before() + clock.seconds(start, clock.mark())});
    emit_sources(work->provenance(), work->parameters(), work->data(), emit);

    const auto ready = machine_use();
    const auto energy = energy_of(device);
    if (energy) emit(Text{"energy", energy->what()});
    const double step_seconds = median(measure(config, *work, device, energy.get(), emit));
    const auto over = machine_use();
    // Steps may be over before others' busy time shows: then what came before them tells.
    emit(Measured{"disturbance", 0, std::max(disturbance(begun, over), disturbance(ready, over)),
                  false});
    if (keeper.had_model()) emit(Measured{"kept_rounds", 0, 1, false});
    if (config.device == DeviceKind::cuda)
        emit(environment_of(config, device)); // libraries have chosen their algorithms by now
    emit_memory(device.totals(), emit);
    emit_outcome(work->outcome(), emit);
    if (config.task == Task::train && !config.save.empty()) // wherever a record is read
        emit(Text{"saved", std::filesystem::absolute(config.save).lexically_normal().string()});
    if (const auto bytes = work->outcome().offload_bytes; bytes && step_seconds > 0)
        emit(Metric{"offload_rate", double(bytes) / step_seconds});
    if (const auto scored = work->scored())
        emit_scored(scored_line(*scored, work->data()), scored->losses, emit);
    if (const auto predicted = work->predicted()) emit_predicted(*predicted, emit);
    emit(Metric{"rss_bytes", std::max(peak_rss_bytes(), keeper.peak_rss_before())});
    if (config.launch == LaunchMode::graph)
        emit(Metric{"graphs_recorded", double(device.totals().graphs_recorded)});
    if (config.trace) trace(device, *work, step_seconds, emit);
}

} // namespace

void run_one(const RunConfig& config, const Emit& emit, ModelKeeper& keeper) {
    const auto fail = [&](Failure kind, const std::string& reason) {
        keeper.close(); // nobody knows what state it is in
        emit(Failed{kind, reason, unix_seconds()});
    };
    emit(Started{hash_of(config), config, unix_seconds()});
    forget_wishes();
    try {
        keeper.make_way_for(config);
        forget_peak_rss();
        emit(environment(thread_count(config)));
        if (config.device == DeviceKind::plan) {
            plan_run(config, emit);
        } else {
            measured_run(config, emit, keeper);
            keeper.make_way_for(config); // what nobody shares is given back
            assess(config, emit, keeper);
        }
        emit(Finished{unix_seconds()});
    } catch (const Error& e) {
        fail(e.kind, e.what());
    } catch (const std::bad_alloc&) {
        fail(Failure::out_of_memory, "out of memory: the system refused an allocation");
    } catch (const std::exception& e) {
        fail(Failure::bug, std::string("unexpected: ") + e.what());
    }
}

void run_one(const RunConfig& config, const Emit& emit) {
    ModelKeeper none;
    run_one(config, emit, none);
}

} // namespace sweetspot
