#include "app/worker/record_trace.h"
#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "app/experiment/statistics.h"
#include "app/worker/environment.h"
#include "app/worker/instruments.h"
#include "app/worker/predict.h"
#include "app/worker/trace.h"
#include "kernels/cuda/device.h"
#include "profiler/cupti/counters.h"
#include "profiler/recorder.h"
#include <algorithm>

namespace sweetspot {

namespace {

template <class Step>
void add_overhead(Trace& trace, Recorder& recorder, const Step& step, const Emit& emit) {
    constexpr int pairs = 10;
    std::vector<double> costs;
    for (int pair = 0; pair < pairs; ++pair) {
        emit(Phase{"overhead", double(pair) / pairs});
        HostClock clock;
        double recorded = 0, plain = 0;
        for (const bool now : {pair % 2 == 0, pair % 2 != 0}) // the first of them in turn
            if (now)
                recorded = 1e-9 * double(recorder.record(step).end);
            else
                plain = seconds_of(clock, step);
        costs.push_back(recorded / plain - 1);
    }
    const Summary summary = summarize(costs);
    trace.facts["tracing costs"] = to_text(summary.median);
    trace.facts["tracing costs at least"] = to_text(summary.interval_low);
    trace.facts["tracing costs at most"] = to_text(summary.interval_high);
}

} // namespace

Trace record_trace(const RunConfig& config, const MorePasses& more, const Emit& emit) {
    require(config.device != DeviceKind::plan, Failure::bad_input,
            "the device plan computes nothing: there is nothing to trace; choose cpu or cuda");
    emit(Phase{"load", 0});
    DeviceContext device(config);
    Context& context = device.context();
    require_memory(config, predict(config), device);
    const auto work = make_workload(config, context);
    const int warmup = std::max(1, config.warmup);
    for (int i = 0; i < warmup; ++i) {
        emit(Phase{"warmup", double(i) / warmup});
        run_step(*work, context);
    }
    const Instruments instruments = open_instruments(config, device);
    emit(Phase{"trace", 0});
    Recorder recorder(context, instruments.pointers());
    const auto step = [&] { run_step(*work, context); };
    recorder.prepare(step);
    Trace trace = recorder.record(step);
    if (more.overhead) add_overhead(trace, recorder, step, emit);
    if (const CudaDevice* gpu = device.gpu(); gpu && more.counters) {
        emit(Phase{"counters", 0});
        add_gpu_counters(trace, context, gpu->info().index, step);
    }
    trace.absent.insert(instruments.absent.begin(), instruments.absent.end());
    trace.facts["run"] = to_json_line(config);
    trace.facts["hash"] = hash_of(config);
    trace.facts["tokens"] = std::to_string(work->outcome().tokens.nominal);
    for (const auto& [name, value] : environment_of(config, device).facts)
        trace.facts.try_emplace(name, value);
    return trace;
}

} // namespace sweetspot
