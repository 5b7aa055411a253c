#include "app/worker/selftest.h"
#include "app/experiment/record.h"
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "kernels/cuda/device.h"
#include "kernels/selftest/bench.h"
#include <cmath>
#include <map>

// `sweetspot-worker selftest`: the GPU against the CPU, op by op (kernels/selftest), then whole
// models.

namespace sweetspot {

namespace {

using Say = std::function<void(const std::string&)>;

/// "norm" of "norm, rms, width 65, bf16".
std::string family_of(const std::string& name) {
    return name.substr(0, name.find(','));
}

int test_ops(const SelftestOptions& options, const Say& say) {
    CudaDevice device(options.gpu);
    const auto memory = device.memory(MemoryKind::device);
    PoolAllocator pool(device.memory(MemoryKind::device));
    Context context(device.stream(), pool);
    std::map<std::string, int> checked;
    int failed = 0;
    for (const selftest::Case& test : selftest::all_cases()) {
        if (test.name.find(options.only) == std::string::npos) continue;
        ++checked[family_of(test.name)];
        for (const auto& failure : selftest::run_case(test, context, *memory, options.seed)) {
            say("FAILED " + failure);
            ++failed;
        }
        if (failed && device.is_lost())
            throw Error(Failure::device, "the device is lost: no further case can be compared");
    }
    if (checked.empty())
        throw Error(Failure::bad_input, "no case has a name with \"" + options.only + "\" in it");
    for (const auto& [family, count] : checked)
        say(family + ": " + std::to_string(count) + " cases compared");
    return failed;
}

/// Mean loss of a model with random weights on random tokens.
double loss_of(const RunConfig& config) {
    DeviceContext device(config);
    const auto work = make_workload(config, device.context());
    for (int step = 0; step < 3; ++step) // a graph is recorded the second time, and repeated
        work->run_phase(0);
    return work->outcome().loss_nats.value_or(NAN);
}

RunConfig model_run(const char* model) {
    RunConfig config;
    config.model = model;
    config.task = Task::perplexity;
    config.batch = 3;
    config.sequence = 97;
    config.lengths = "uniform:20:97";
    return config;
}

/// How far a loss may be from the CPU's in f32, relative. The loss of random weights is a mean over
/// hundreds of tokens, so the roundings of a type nearly cancel in it.
double limit_of(Precision precision) {
    switch (precision) {
    case Precision::f32: return 1e-5;
    case Precision::tf32: return 1e-3;
    case Precision::f16: return 1e-3;
    case Precision::bf16: return 5e-3;
    }
    return 0;
}

int test_models(const SelftestOptions& options, const Say& say) {
    int failed = 0;
    for (const char* model : {"esm2-8m", "gpt2-small", "llama-110m"}) {
        RunConfig config = model_run(model);
        config.seed = options.seed % 1000 + 1;
        const double expected = loss_of(config);
        config.device = DeviceKind::cuda;
        config.gpu = options.gpu;
        for (const Precision precision :
             {Precision::f32, Precision::tf32, Precision::bf16, Precision::f16})
            for (const Layout layout : {Layout::padded, Layout::ragged})
                for (const LaunchMode launch : {LaunchMode::eager, LaunchMode::graph}) {
                    config.precision = precision;
                    config.layout = layout;
                    config.launch = launch;
                    const double actual = loss_of(config);
                    const bool close =
                        std::abs(actual - expected) <= limit_of(precision) * expected;
                    say((close ? "" : "FAILED ") + std::string(model) + ", " + to_text(precision) +
                        ", " + to_text(layout) + ", " + to_text(launch) + ": loss " +
                        to_text(actual) + " nats, on the CPU in f32 " + to_text(expected));
                    if (!close) ++failed;
                }
    }
    return failed;
}

} // namespace

int run_selftest(const SelftestOptions& options, const Say& say) {
    const CudaDeviceInfo info = CudaDevice(options.gpu).info();
    say(info.name + ", compute capability " + std::to_string(info.capability / 10) + "." +
        std::to_string(info.capability % 10) + ", seed " + std::to_string(options.seed));
    int failed = test_ops(options, say);
    if (options.models) failed += test_models(options, say);
    say(failed ? std::to_string(failed) + " checks failed" : "every check holds");
    return failed;
}

} // namespace sweetspot
