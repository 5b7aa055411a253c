#pragma once
#include "profiler/trace/trace.h"
#include <algorithm>

namespace sweetspot {

/// Two layers of two ops on a GPU: a product and a norm, which leaves a gap of 100 ns in each.
inline Trace small_trace() {
    Trace trace{.names = {"layer 0", "layer 1", "matmul", "norm", "product_kernel", "norm_kernel",
                          "cudaLaunchKernel", "fill"},
                .shapes = {{.grid = {64, 1, 1},
                            .block = {256, 1, 1},
                            .registers = 64,
                            .shared_bytes = 32 << 10},
                           {.grid = {128, 1, 1}, .block = {128, 1, 1}, .registers = 32}},
                .series = {{"power", "W"}},
                .readings = {{0, 0, 400.5}, {0, 5000, 512.25}},
                .memory = {{10, Purpose::activations, 1, 1 << 20},
                           {3000, Purpose::activations, 2, -(1 << 20)}},
                .facts = {{"gpu capability", "9.0"}, {"tokens", "128"}},
                .absent = {{"processor counters", "no PMU"}},
                .end = 6000};
    trace.live_at_begin[std::size_t(Purpose::weights)] = 5 << 20;
    Nanoseconds time = 0;
    for (Index layer = 0; layer < 2; ++layer) {
        const auto parent = Index(trace.regions.size());
        trace.regions.push_back({.name = layer, .begin = time, .end = time + 500});
        for (Index op = 0; op < 2; ++op) {
            const auto region = Index(trace.regions.size());
            trace.regions.push_back({.name = 2 + op,
                                     .parent = parent,
                                     .begin = time + 10 + 200 * op,
                                     .end = time + 200 + 200 * op,
                                     .cost = {op ? 1e3 : 2e6, 1e4},
                                     .op = true,
                                     .dtype = op ? DType::f32 : DType::bf16});
            const std::uint32_t call = 1 + 2 * layer + op;
            trace.activities.push_back({.kind = ActivityKind::runtime_call,
                                        .name = 6,
                                        .region = region,
                                        .track = 42,
                                        .correlation = call,
                                        .begin = time + 20 + 200 * op,
                                        .end = time + 60 + 200 * op});
            trace.activities.push_back({.kind = ActivityKind::kernel,
                                        .name = 4 + op,
                                        .region = region,
                                        .shape = op,
                                        .track = 7,
                                        .correlation = call,
                                        .begin = time + 1000 + 900 * op,
                                        .end = time + 1800 + 500 * op});
        }
        time += 3000;
    }
    std::stable_sort(trace.activities.begin(), trace.activities.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    return trace;
}

} // namespace sweetspot
