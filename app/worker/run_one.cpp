#include "app/worker/run_one.h"
#include "app/experiment/lines.h"
#include "app/worker/environment.h"
#include "app/worker/stopping.h"
#include "engine/tasks/workload.h"
#include "profiler/profiler.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <optional>
#include <thread>

namespace sweetspot {

namespace {
using Clock = std::chrono::steady_clock;

double unix_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

std::string gibibytes(double bytes) {
    return to_text(std::round(bytes / (1 << 30) * 100) / 100) + " GiB";
}

int thread_count(const RunConfig& config) {
    return config.threads > 0 ? config.threads : int(std::thread::hardware_concurrency());
}

/// One step, untimed; where it has several phases each is a region.
void step(Workload& work, Context& context) {
    const auto& phases = work.phases();
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
        std::optional<Region> region;
        if (phases.size() > 1) region.emplace(context, phases[phase]);
        work.run_phase(phase);
    }
}

void emit_memory(const MemoryUse& use, const Emit& emit) {
    emit(Metric{"peak_bytes", double(use.peak_total)});
    const auto names = names_of(Purpose{});
    for (std::size_t p = 0; p < purpose_count; ++p)
        emit(Metric{"peak_" + std::string(names[p]) + "_bytes", double(use.at_peak[p])});
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
    if (!outcome.text.empty()) emit(Text{"generated", outcome.text});
}

/// What the device plan knows of a run.
struct Prediction {
    MemoryUse memory;
    Cost cost;
    Outcome outcome;
    std::int64_t parameters = 0;
    Provenance provenance;
};

Prediction predict(const RunConfig& config) {
    PlanAllocator allocator;
    Context context(PlanStream{thread_count(config)}, allocator);
    const auto work = make_workload(config, context);
    Profiler profiler;
    context.watch(&profiler);
    step(*work, context);
    context.watch(nullptr);
    return {allocator.use(), profiler.total(), work->outcome(), work->parameters(),
            work->provenance()};
}

void emit_weights(const Provenance& p, std::int64_t parameters, const Emit& emit) {
    emit(Weights{p.loaded, p.path, p.sha256, p.seed, parameters});
}

void plan_run(const RunConfig& config, const Emit& emit) {
    const Prediction p = predict(config);
    emit_weights(p.provenance, p.parameters, emit);
    emit_memory(p.memory, emit);
    emit(Metric{"flops", p.cost.flops});
    emit(Metric{"bytes_moved", p.cost.bytes});
    emit_outcome(p.outcome, emit);
}

/// Refuses what cannot fit before the system's out-of-memory killer would end the process without a
/// word.
void check_memory(const Prediction& prediction) {
    const double available = available_memory_bytes();
    const double needed = double(prediction.memory.peak_total);
    if (available > 0 && needed > available)
        throw Error(Failure::out_of_memory, "out of memory: the run needs " + gibibytes(needed) +
                                                ", this machine has " + gibibytes(available) +
                                                " available");
}

/// One step, each phase timed. Emits a sample of the step and, where there are several phases, of
/// each.
double timed_step(Workload& work, int index, bool warmup, const Emit& emit) {
    const auto& phases = work.phases();
    std::vector<double> seconds;
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
        const auto start = Clock::now();
        work.run_phase(phase);
        seconds.push_back(seconds_since(start));
    }
    double total = 0;
    for (const double s : seconds) total += s;
    emit(Sample{"step_seconds", index, total, warmup});
    if (phases.size() > 1)
        for (std::size_t phase = 0; phase < phases.size(); ++phase)
            emit(Sample{phases[phase] + "_seconds", int(index * phases.size() + phase),
                        seconds[phase], warmup});
    return total;
}

std::vector<double> measure(const RunConfig& config, Workload& work, const Emit& emit) {
    for (int i = 0; i < config.warmup; ++i) {
        emit(Phase{"warmup", double(i) / config.warmup});
        timed_step(work, i, true, emit);
    }
    std::vector<double> seconds;
    while (!enough(config, seconds)) {
        emit(Phase{"measure", double(seconds.size()) / config.max_repeats});
        seconds.push_back(timed_step(work, int(seconds.size()), false, emit));
    }
    return seconds;
}

/// A pass of its own, so that watching does not disturb the number of record; what watching costs
/// is recorded.
void trace(Context& context, Workload& work, double untraced_seconds, const Emit& emit) {
    emit(Phase{"trace", 0});
    Profiler profiler(context.allocator.use().live);
    context.watch(&profiler);
    const auto start = Clock::now();
    step(work, context);
    const double seconds = seconds_since(start);
    context.watch(nullptr);
    emit(Metric{"trace_overhead", seconds / untraced_seconds - 1});
    for (const auto& r : profiler.regions())
        emit(RegionSum{r.path, r.calls, r.start_seconds, r.seconds, r.cost.flops, r.cost.bytes});
    for (const auto& m : profiler.memory(400)) {
        MemoryPoint point{m.seconds, {}};
        std::copy(m.bytes.begin(), m.bytes.end(), point.bytes.begin());
        emit(point);
    }
}

void cpu_run(const RunConfig& config, const Emit& emit) {
    const Prediction prediction = predict(config);
    emit(Metric{"predicted_peak_bytes", double(prediction.memory.peak_total)});
    emit(Metric{"flops", prediction.cost.flops});
    emit(Metric{"bytes_moved", prediction.cost.bytes});
    check_memory(prediction);

    HostAllocator allocator;
    allocator.limit_bytes = std::size_t(config.memory_limit_bytes);
    Context context(CpuStream{.threads = thread_count(config)}, allocator);
    emit(Phase{"load", 0});
    const auto start = Clock::now();
    const auto work = make_workload(config, context);
    emit(Metric{"load_seconds", seconds_since(start)});
    emit_weights(work->provenance(), work->parameters(), emit);

    const double step_seconds = median(measure(config, *work, emit));
    emit_memory(allocator.use(), emit);
    emit_outcome(work->outcome(), emit);
    emit(Metric{"rss_bytes", peak_rss_bytes()});
    if (config.trace) trace(context, *work, step_seconds, emit);
}
} // namespace

void run_one(const RunConfig& config, const Emit& emit) {
    emit(Started{hash_of(config), config, unix_seconds()});
    try {
        forget_peak_rss();
        emit(environment(thread_count(config)));
        switch (config.device) {
        case DeviceKind::cpu: cpu_run(config, emit); break;
        case DeviceKind::plan: plan_run(config, emit); break;
        case DeviceKind::cuda:
            throw Error(Failure::unsupported, "this build has no device cuda; use device cpu");
        }
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
