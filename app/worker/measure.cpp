#include "app/worker/measure.h"
#include "app/worker/stopping.h"
#include "kernels/cuda/device.h"
#include "profiler/nvml/nvml.h"

namespace sweetspot {

namespace {

/// The energy of steps that follow each other, with what lies between them.
class StepEnergy {
public:
    explicit StepEnergy(EnergyCounter* counter) : counter_(counter) {
        if (counter) begun_ = last_ = counter->joules();
    }

    /// One more is over. Each asks, so that a count that begins anew is noticed.
    void step(double seconds) {
        seconds_ += seconds;
        ++steps_;
        if (counter_) last_ = counter_->joules();
    }
    /// A sample of one step's; none where the counter is silent, or counted too seldom meanwhile.
    void say(const Emit& emit) const {
        constexpr double fewest_counts = 20; // the first and the last may be off by one: 5 %
        if (!begun_ || !last_ || seconds_ < fewest_counts * counter_->update_seconds()) return;
        if (*last_ > *begun_) emit(Measured{"step_joules", 0, (*last_ - *begun_) / steps_, false});
    }

private:
    EnergyCounter* counter_;
    std::optional<double> begun_{}, last_{};
    double seconds_ = 0;
    int steps_ = 0;
};

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

std::unique_ptr<EnergyCounter> open_energy(DeviceContext& device) {
    return device.gpu() ? open_gpu_energy(device.gpu()->info().pci) : open_package_energy();
}

std::vector<double> measure(const RunConfig& config, Workload& work, DeviceContext& device,
                            EnergyCounter* counter, const Emit& emit) {
    const bool gpu = config.device == DeviceKind::cuda;
    std::vector<double> seconds;
    if (config.task == Task::train) { // its steps are all there are
        StepEnergy energy(counter);
        for (int step = work.steps_before(); !work.done(); ++step) {
            emit(Phase{"train", double(step) / config.steps});
            seconds.push_back(timed_step(work, device, gpu, step, false, emit));
            energy.step(seconds.back());
        }
        energy.say(emit);
        return seconds;
    }
    double warming = 0;
    for (int i = 0; !warm(config, i, warming); ++i) {
        emit(Phase{"warmup", double(i) / config.warmup});
        warming += timed_step(work, device, gpu, i, true, emit);
    }
    StepEnergy energy(counter);
    while (!work.done() && !enough(config, seconds)) {
        emit(Phase{"measure", double(seconds.size()) / config.max_repeats});
        seconds.push_back(timed_step(work, device, gpu, int(seconds.size()), false, emit));
        energy.step(seconds.back());
    }
    energy.say(emit);
    return seconds;
}

} // namespace sweetspot
