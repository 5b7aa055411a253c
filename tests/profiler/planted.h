#pragma once
#include "kernels/core/memory.h"
#include "profiler/recorder.h"
#include <algorithm>

/// Faults planted in traces, which the Timeline page is to explain in one look.
namespace sweetspot {

/// A pass of layers, each with a buffer that is freed at its end, or by mistake at the pass's.
inline Trace pass_of_layers(bool keeps_by_mistake) {
    HostAllocator memory;
    Context context(CpuStream{}, memory);
    Recorder recorder(context, {});
    return recorder.record([&] {
        std::vector<Buffer> kept;
        for (int layer = 0; layer < 8; ++layer) {
            const Region region(context, "layer " + std::to_string(layer));
            const Region op(context, Work{.name = "mlp", .dtype = DType::f32});
            Buffer inner(memory, 1 << 20, Purpose::activations);
            Buffer stream(memory, 1 << 16, Purpose::activations);
            if (keeps_by_mistake) kept.push_back(std::move(inner));
        }
    });
}

/// The trace, if the host waited for the device so long behind every layer: all that came later
/// comes later by that.
inline Trace with_waits(Trace trace, Nanoseconds each) {
    std::vector<Nanoseconds> ends;
    for (const TraceRegion& region : trace.regions)
        if (trace.names[region.name].starts_with("layer ")) ends.push_back(region.end);
    std::sort(ends.begin(), ends.end());
    const auto later = [&](Nanoseconds& time) {
        time += each * (std::lower_bound(ends.begin(), ends.end(), time) - ends.begin());
    };
    const auto all_later = [&](auto& list) {
        for (auto& one : list) later(one.begin), later(one.end);
    };
    all_later(trace.regions);
    all_later(trace.activities);
    all_later(trace.threads);
    for (Reading& one : trace.readings) later(one.time);
    for (MemoryChange& one : trace.memory) later(one.time);
    later(trace.end);
    trace.names.push_back("wait for the device");
    for (std::size_t i = 0; i < ends.size(); ++i) {
        const Nanoseconds begin = ends[i] + each * Nanoseconds(i);
        trace.activities.push_back({.kind = ActivityKind::sync,
                                    .name = Index(trace.names.size() - 1),
                                    .begin = begin,
                                    .end = begin + each});
    }
    std::stable_sort(trace.activities.begin(), trace.activities.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    return trace;
}

} // namespace sweetspot
