#include "app/worker/record_trace.h"
#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "app/worker/environment.h"
#include "app/worker/instruments.h"
#include "app/worker/predict.h"
#include "app/worker/trace.h"
#include "kernels/cuda/device.h"
#include "profiler/cupti/counters.h"
#include "profiler/recorder.h"
#include <algorithm>

namespace sweetspot {

Trace record_trace(const RunConfig& config, bool counters, const Emit& emit) {
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
    if (const CudaDevice* gpu = device.gpu(); gpu && counters) {
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
