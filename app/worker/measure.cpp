#include "app/worker/measure.h"
#include "app/worker/stopping.h"

namespace sweetspot {

namespace {

/// One step, each phase timed by the wall and, on a GPU, by its own clock. Emits its samples.
double timed_step(Workload& work, DeviceContext& device, bool gpu, int index, bool warmup,
                  const Emit& emit) {
    HostClock host;
    const auto& phases = work.phases();
    std::vector<double> seconds;
    double total = 0, on_device = 0;
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
        const auto start = host.mark();
        on_device += seconds_of(device.clock(), [&] { work.run_phase(phase); });
        device.context().synchronize();
        seconds.push_back(host.seconds(start, host.mark()));
        total += seconds.back();
    }
    emit(Measured{"step_seconds", index, total, warmup});
    if (gpu) emit(Measured{"device_seconds", index, on_device, warmup});
    if (phases.size() > 1)
        for (std::size_t phase = 0; phase < phases.size(); ++phase)
            emit(Measured{phases[phase] + "_seconds", int(index * phases.size() + phase),
                          seconds[phase], warmup});
    for (const auto& [metric, value] : work.series())
        emit(Measured{std::string(metric), index, value, warmup});
    return total;
}

} // namespace

std::vector<double> measure(const RunConfig& config, Workload& work, DeviceContext& device,
                            const Emit& emit) {
    const bool gpu = config.device == DeviceKind::cuda;
    std::vector<double> seconds;
    if (config.task == Task::train) { // its steps are all there are
        for (int step = work.steps_before(); !work.done(); ++step) {
            emit(Phase{"train", double(step) / config.steps});
            seconds.push_back(timed_step(work, device, gpu, step, false, emit));
        }
        return seconds;
    }
    double warming = 0;
    for (int i = 0; !warm(config, i, warming); ++i) {
        emit(Phase{"warmup", double(i) / config.warmup});
        warming += timed_step(work, device, gpu, i, true, emit);
    }
    while (!work.done() && !enough(config, seconds)) {
        emit(Phase{"measure", double(seconds.size()) / config.max_repeats});
        seconds.push_back(timed_step(work, device, gpu, int(seconds.size()), false, emit));
    }
    return seconds;
}

} // namespace sweetspot
