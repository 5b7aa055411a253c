#include "app/worker/trace.h"
#include "profiler/profiler.h"
#include <utility>

namespace sweetspot {

void run_step(Workload& work, Context& context) {
    const auto& phases = work.phases();
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
        std::optional<Region> region;
        if (phases.size() > 1) region.emplace(context, phases[phase]);
        work.run_phase(phase);
        context.synchronize(); // so that a region holds its own work
    }
}

static void emit_memory_over_time(const Profiler& profiler, const Emit& emit) {
    constexpr std::size_t most_moments = 400; // more than a plot is wide
    std::array<std::size_t, purpose_count> last{};
    for (const auto& moment : profiler.memory(most_moments))
        for (std::size_t p = 0; p < purpose_count; ++p)
            if (moment.bytes[p] != std::exchange(last[p], moment.bytes[p]))
                emit(MemoryPoint{moment.seconds, Purpose(p), double(moment.bytes[p])});
}

void trace(DeviceContext& device, Workload& work, double untraced_seconds, const Emit& emit) {
    emit(Phase{"trace", 0});
    Context& context = device.context();
    Profiler profiler(device.clock(), context.allocator.use().live);
    HostClock clock;
    const double seconds = seconds_of(clock, [&] {
        const Watching watching(context, profiler);
        run_step(work, context);
    });
    emit(Metric{"trace_overhead", seconds / untraced_seconds - 1});
    for (const auto& r : profiler.regions())
        emit(RegionSum{r.path, r.calls, r.start_seconds, r.seconds, r.cost.flops, r.cost.bytes});
    emit_memory_over_time(profiler, emit);
}

} // namespace sweetspot
