#include "app/worker/trace.h"
#include "profiler/profiler.h"
#include <algorithm>
#include <map>
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

/// Of a pass of several batches: what the ops of each name took in each, whatever layer they are
/// of.
static void emit_batches(const std::vector<RegionTotals>& regions, const Emit& emit) {
    std::map<std::string, std::vector<double>> ops;
    for (std::size_t i = 0; i < regions.size(); ++i) {
        const auto& path = regions[i].path;
        if (i + 1 < regions.size() && regions[i + 1].path.starts_with(path + "/")) continue;
        auto& sums = ops[path.substr(path.rfind('/') + 1)];
        const auto& turns = regions[i].turns;
        sums.resize(std::max(sums.size(), turns.size()));
        for (std::size_t turn = 0; turn < turns.size(); ++turn) sums[turn] += turns[turn];
    }
    const bool several =
        std::any_of(ops.begin(), ops.end(), [](const auto& op) { return op.second.size() > 1; });
    for (const auto& [name, turns] : ops)
        for (std::size_t turn = 0; several && turn < turns.size(); ++turn)
            emit(BatchRegion{name, int(turn), turns[turn]});
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
    const auto regions = profiler.regions();
    for (const auto& r : regions) {
        emit(RegionSum{r.path, r.calls, r.start_seconds, r.seconds, r.cost.flops, r.cost.bytes});
        for (int nth = 0; const auto& one : r.occurrences)
            emit(RegionOccurrence{r.path, nth++, one.calls, one.seconds, one.cost.flops,
                                  one.cost.bytes});
    }
    emit_batches(regions, emit);
    emit_memory_over_time(profiler, emit);
}

} // namespace sweetspot
