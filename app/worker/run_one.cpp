#include "app/worker/run_one.h"
#include "app/experiment/lines.h"
#include "app/experiment/metrics.h"
#include "app/experiment/statistics.h"
#include "app/experiment/unix_seconds.h"
#include "app/worker/environment.h"
#include "app/worker/stopping.h"
#include "engine/device.h"
#include "engine/tasks/workload.h"
#include "kernels/core/machine.h"
#include "profiler/profiler.h"
#include <chrono>
#include <cmath>
#include <new>
#include <optional>
#include <thread>
#include <utility>

namespace sweetspot {

namespace {
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string gibibytes(double bytes) {
    return to_text(std::round(bytes / (1 << 30) * 100) / 100) + " GiB";
}

/// One step, untimed; where it has several phases each is a region.
void step(Workload& work, Context& context) {
    const auto& phases = work.phases();
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
        std::optional<Region> region;
        if (phases.size() > 1) region.emplace(context, phases[phase]);
        work.run_phase(phase);
        context.synchronize(); // so that a region holds its own work
    }
}

void emit_memory(const DeviceTotals& totals, const Emit& emit) {
    emit(Metric{"peak_bytes", double(totals.memory.peak_total)});
    for (std::size_t p = 0; p < purpose_count; ++p)
        emit(Metric{peak_metric(Purpose(p)), double(totals.memory.at_peak[p])});
    if (totals.pinned_peak) emit(Metric{"peak_pinned_bytes", double(totals.pinned_peak)});
    if (!totals.pool.peak_reserved) return;
    emit(Metric{"peak_reserved_bytes", double(totals.pool.peak_reserved)});
    emit(Metric{"fragmentation", totals.pool.fragmentation()});
}

void emit_outcome(const Outcome& outcome, const Emit& emit) {
    emit(Metric{"tokens_nominal", double(outcome.tokens.nominal)});
    emit(Metric{"tokens_padded", double(outcome.tokens.padded)});
    emit(Metric{"tokens_computed", double(outcome.tokens.computed)});
    if (outcome.loss_nats) {
        emit(Metric{"loss_nats", *outcome.loss_nats});
        emit(Metric{"perplexity", std::exp(*outcome.loss_nats)});
        emit(Metric{"scored_tokens", double(outcome.scored_tokens)});
    }
    if (outcome.replaced_letters)
        emit(Metric{"replaced_letters", double(outcome.replaced_letters)});
    if (outcome.moved_bytes) emit(Metric{"moved_bytes", double(outcome.moved_bytes)});
    if (!outcome.text.empty()) emit(Text{"generated", outcome.text});
    if (!outcome.data_note.empty()) emit(Text{"data", outcome.data_note});
    if (!outcome.caveat.empty()) emit(Text{"caveat", outcome.caveat});
}

/// What the device plan knows of a run.
struct Prediction {
    DeviceTotals totals;
    Cost cost;
    Outcome outcome;
    std::int64_t parameters = 0;
    Provenance provenance;
    std::optional<DataSource> data;
};

Prediction predict(RunConfig config) {
    if (config.device != DeviceKind::plan) {
        config.plan_for = config.device == DeviceKind::cuda ? PlanFor::cuda : PlanFor::cpu;
        config.device = DeviceKind::plan;
    }
    DeviceContext device(config);
    Context& context = device.context();
    const auto work = make_workload(config, context);
    Profiler profiler(device.clock());
    context.watch(&profiler);
    step(*work, context);
    context.watch(nullptr);
    return {device.totals(),    profiler.total(),   work->outcome(),
            work->parameters(), work->provenance(), work->data()};
}

void emit_weights(const Provenance& p, std::int64_t parameters, const Emit& emit) {
    emit(WeightsUsed{p.loaded, p.path, p.sha256, p.seed, parameters});
}

void emit_data(const std::optional<DataSource>& data, const Emit& emit) {
    if (data) emit(DataUsed{data->path, data->sha256, data->sequences, data->letters});
}

void plan_run(const RunConfig& config, const Emit& emit) {
    const Prediction p = predict(config);
    emit_weights(p.provenance, p.parameters, emit);
    emit_data(p.data, emit);
    emit_memory(p.totals, emit);
    emit(Metric{"flops", p.cost.flops});
    emit(Metric{"bytes_moved", p.cost.bytes});
    emit_outcome(p.outcome, emit);
}

/// Refuses what cannot fit: before the system's out-of-memory killer would end the process without
/// a word, and before managed memory beyond the GPU's makes a machine crawl.
void check_memory(const RunConfig& config, const Prediction& prediction,
                  const DeviceContext& device) {
    device.require_room(prediction.totals);
    const Machine machine = read_machine();
    const double available = machine.available_bytes;
    const auto& totals = prediction.totals;
    const bool host_only = config.device == DeviceKind::cpu;
    const double needed = double(host_only ? totals.memory.peak_total : totals.pinned_peak) +
                          double(totals.host_peak);
    if (available > 0 && needed > available)
        throw Error(
            Failure::out_of_memory,
            "out of memory: the run needs " + gibibytes(needed) + ", this machine has " +
                gibibytes(available) + " available" +
                (machine.memory_limit.empty() ? std::string() : " under " + machine.memory_limit));
}

/// One step, each phase timed by the wall and, on a GPU, by its own clock. Emits a sample of the
/// step and, where there are several phases, of each.
double timed_step(Workload& work, DeviceContext& device, bool gpu, int index, bool warmup,
                  const Emit& emit) {
    const auto& phases = work.phases();
    std::vector<double> seconds;
    double total = 0, on_device = 0;
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
        const auto start = Clock::now();
        on_device += seconds_of(device.clock(), [&] { work.run_phase(phase); });
        device.context().synchronize();
        seconds.push_back(seconds_since(start));
        total += seconds.back();
    }
    emit(Measured{"step_seconds", index, total, warmup});
    if (gpu) emit(Measured{"device_seconds", index, on_device, warmup});
    if (phases.size() > 1)
        for (std::size_t phase = 0; phase < phases.size(); ++phase)
            emit(Measured{phases[phase] + "_seconds", int(index * phases.size() + phase),
                          seconds[phase], warmup});
    return total;
}

std::vector<double> measure(const RunConfig& config, Workload& work, DeviceContext& device,
                            const Emit& emit) {
    const bool gpu = config.device == DeviceKind::cuda;
    for (int i = 0; i < config.warmup; ++i) {
        emit(Phase{"warmup", double(i) / config.warmup});
        timed_step(work, device, gpu, i, true, emit);
    }
    std::vector<double> seconds;
    while (!enough(config, seconds)) {
        emit(Phase{"measure", double(seconds.size()) / config.max_repeats});
        seconds.push_back(timed_step(work, device, gpu, int(seconds.size()), false, emit));
    }
    return seconds;
}

void emit_memory_over_time(const Profiler& profiler, const Emit& emit) {
    constexpr std::size_t most_moments = 400; // more than a plot is wide
    std::array<std::size_t, purpose_count> last{};
    for (const auto& moment : profiler.memory(most_moments))
        for (std::size_t p = 0; p < purpose_count; ++p)
            if (moment.bytes[p] != std::exchange(last[p], moment.bytes[p]))
                emit(MemoryPoint{moment.seconds, Purpose(p), double(moment.bytes[p])});
}

/// A pass of its own, so that watching does not disturb the number of record; what watching costs
/// is recorded.
void trace(DeviceContext& device, Workload& work, double untraced_seconds, const Emit& emit) {
    emit(Phase{"trace", 0});
    Context& context = device.context();
    Profiler profiler(device.clock(), context.allocator.use().live);
    context.watch(&profiler);
    const auto start = Clock::now();
    step(work, context);
    const double seconds = seconds_since(start);
    context.watch(nullptr);
    emit(Metric{"trace_overhead", seconds / untraced_seconds - 1});
    for (const auto& r : profiler.regions())
        emit(RegionSum{r.path, r.calls, r.start_seconds, r.seconds, r.cost.flops, r.cost.bytes});
    emit_memory_over_time(profiler, emit);
}

void measured_run(const RunConfig& config, const Emit& emit) {
    const Prediction prediction = predict(config);
    emit(Metric{"predicted_peak_bytes", double(prediction.totals.memory.peak_total)});
    emit(Metric{"flops", prediction.cost.flops});
    emit(Metric{"bytes_moved", prediction.cost.bytes});

    emit(Phase{"load", 0});
    const auto start = Clock::now();
    DeviceContext device(config);
    emit(environment_of(config, device));
    check_memory(config, prediction, device);
    const auto work = make_workload(config, device.context());
    emit(Metric{"load_seconds", seconds_since(start)});
    emit_weights(work->provenance(), work->parameters(), emit);
    emit_data(work->data(), emit);

    const double step_seconds = median(measure(config, *work, device, emit));
    if (config.device == DeviceKind::cuda)
        emit(environment_of(config, device)); // libraries have chosen their algorithms by now
    emit_memory(device.totals(), emit);
    emit_outcome(work->outcome(), emit);
    emit(Metric{"rss_bytes", peak_rss_bytes()});
    if (config.launch == LaunchMode::graph)
        emit(Metric{"graphs_recorded", double(device.totals().graphs_recorded)});
    if (config.trace) trace(device, *work, step_seconds, emit);
}
} // namespace

void run_one(const RunConfig& config, const Emit& emit) {
    emit(Started{hash_of(config), config, unix_seconds()});
    try {
        forget_peak_rss();
        emit(environment(thread_count(config)));
        if (config.device == DeviceKind::plan)
            plan_run(config, emit);
        else
            measured_run(config, emit);
        emit(Finished{unix_seconds()});
    } catch (const Error& e) {
        emit(Failed{e.kind, e.what(), unix_seconds()});
    } catch (const std::bad_alloc&) {
        emit(Failed{Failure::out_of_memory, "out of memory: the system refused an allocation",
                    unix_seconds()});
    } catch (const std::exception& e) {
        emit(Failed{Failure::bug, std::string("unexpected: ") + e.what(), unix_seconds()});
    }
}

} // namespace sweetspot
