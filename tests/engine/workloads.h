#pragma once
#include "engine/tasks/workload.h"

namespace sweetspot {

/// A workload on the CPU, with the memory it needs to live.
struct CpuRun {
    explicit CpuRun(const RunConfig& config)
        : context(CpuStream{.threads = config.threads ? config.threads : 1}, allocator),
          work(make_workload(config, context)) {}

    Outcome step() {
        for (std::size_t phase = 0; phase < work->phases().size(); ++phase) work->run_phase(phase);
        return work->outcome();
    }

    HostAllocator allocator;
    Context context;
    std::unique_ptr<Workload> work;
};

inline Outcome outcome_of(const RunConfig& config) {
    return CpuRun(config).step();
}

} // namespace sweetspot
