// What the engine pays for being watched by nobody: one null test an op. Prints its nanoseconds,
// and with a configuration (field=value …) how many ops a step of it has and what they come to.
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "tests/bench/rounds.h"
#include <algorithm>
#include <cstdio>

namespace sweetspot::bench {
namespace {

class Ops : public Observer {
public:
    void began(const Work&) noexcept override { ++count; }
    void ended() noexcept override {}
    void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
    void freed(Purpose, MemoryKind, std::size_t) noexcept override {}

    std::int64_t count = 0;
};

/// The best of some rounds.
double nanoseconds_of_a_region() {
    constexpr int regions = 10'000'000, rounds = 5;
    HostAllocator memory;
    Context context(CpuStream{}, memory);
    double best = 1;
    for (int round = 0; round < rounds; ++round) {
        HostClock clock;
        best = std::min(best, seconds_of(clock, [&] {
                            for (int i = 0; i < regions; ++i) {
                                asm volatile("" ::"r"(&context) : "memory"); // might be watched now
                                const Region region(context, Work{.name = "matmul"});
                            }
                        }));
    }
    return 1e9 * best / regions;
}

/// By a plan, which runs nothing.
std::int64_t ops_of_a_step(RunConfig config) {
    config.device = DeviceKind::plan;
    DeviceContext device(config);
    const auto workload = make_workload(config, device.context());
    Ops ops;
    device.context().watch(&ops);
    for (std::size_t phase = 0; phase < workload->phases().size(); ++phase)
        workload->run_phase(phase);
    device.context().watch(nullptr);
    return ops.count;
}

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) try {
    using namespace sweetspot;
    RunConfig config;
    for (const auto& [name, value] : bench::named_values(count, arguments))
        if (!set_field(config, name, value))
            throw Error(Failure::bad_input, "no field takes " + name + "=" + value + ".");
    const double one = bench::nanoseconds_of_a_region();
    const std::int64_t ops = bench::ops_of_a_step(config);
    std::printf("%.2f ns a region that nobody watches; %ld in a step: %.3g s\n", one, long(ops),
                1e-9 * one * double(ops));
} catch (const std::exception& error) {
    std::fprintf(stderr, "region_bench: %s\n", error.what());
    return 2;
}
