#include "app/worker/measure.h"
#include "app/worker/stopping.h"
#include "app/worker/wishes.h"
#include "kernels/cuda/device.h"
#include "profiler/nvml/nvml.h"
#include <chrono>
#include <thread>

namespace sweetspot {

namespace {

/// The energy of steps that follow each other, with what lies between them, unless it rests
/// meanwhile.
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
    /// What was taken since the last step is no step's.
    void rest() {
        if (!counter_ || !begun_ || !last_) return;
        const auto now = counter_->joules();
        if (now) *begun_ += *now - *last_;
        last_ = now;
        ++stretches_;
    }
    /// A sample of one step's; none where the counter is silent, or counted too seldom meanwhile.
    void say(const Emit& emit) const {
        // The first and the last of a stretch may be off by one: 5 %.
        const double fewest_counts = 20 * stretches_;
        if (!begun_ || !last_ || seconds_ < fewest_counts * counter_->update_seconds()) return;
        if (*last_ > *begun_) emit(Measured{"step_joules", 0, (*last_ - *begun_) / steps_, false});
    }

private:
    EnergyCounter* counter_;
    std::optional<double> begun_{}, last_{};
    double seconds_ = 0;
    int steps_ = 0, stretches_ = 1;
};

/// What a step said of its progress.
void emit_series(const Workload& work, int index, bool warmup, const Emit& emit) {
    for (const auto& [metric, value] : work.series())
        emit(Measured{std::string(metric), index, value, warmup});
}

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
    return total;
}

/// The most that a step has allocated; what all steps have stays known.
template <class Step>
std::size_t peak_of(MemoryUse& use, const Step& step) {
    const auto peak = use.peak, at_peak = use.at_peak;
    const std::size_t total = use.peak_total;
    use.reset_peaks();
    step();
    const std::size_t own = use.peak_total;
    for (std::size_t i = 0; i < peak.size(); ++i) use.peak[i] = std::max(use.peak[i], peak[i]);
    if (total >= own) use.peak_total = total, use.at_peak = at_peak;
    return own;
}

/// Between two steps, so that no step's time is that of waiting. Whether it waited.
bool heed(Workload& work, const RunConfig& config, int steps, const Emit& emit) {
    const double share = double(steps) / config.steps;
    const bool waits = is_to_wait();
    if (waits) emit(Phase{"paused", share});
    while (is_to_wait() && !is_to_end()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (!is_to_end()) return waits;
    const bool kept = work.end_here();
    throw Error(Failure::interrupted,
                "stopped after step " + to_text(steps) + " of " + to_text(config.steps) +
                    (kept ? ", with a checkpoint in " + config.checkpoint : ""));
}

/// Its steps are all there are.
std::vector<double> measure_training(const RunConfig& config, Workload& work, DeviceContext& device,
                                     EnergyCounter* counter, const Emit& emit) {
    const bool gpu = config.device == DeviceKind::cuda;
    std::vector<double> seconds;
    StepEnergy energy(counter);
    for (int step = work.steps_before(); !work.done(); ++step) {
        if (heed(work, config, step, emit)) energy.rest();
        emit(Phase{"train", double(step) / config.steps});
        const auto bytes = peak_of(device.context().allocator.use(), [&] {
            seconds.push_back(timed_step(work, device, gpu, step, false, emit));
        });
        energy.step(seconds.back());
        if (work.after_step()) energy.rest();
        emit_series(work, step, false, emit);
        emit(Measured{"step_peak_bytes", step, double(bytes), false});
    }
    energy.say(emit);
    return seconds;
}

} // namespace

std::unique_ptr<EnergyCounter> open_energy(DeviceContext& device) {
    return device.gpu() ? open_gpu_energy(device.gpu()->info().pci) : open_package_energy();
}

std::vector<double> measure(const RunConfig& config, Workload& work, DeviceContext& device,
                            EnergyCounter* counter, const Emit& emit) {
    if (config.task == Task::train) return measure_training(config, work, device, counter, emit);
    const bool gpu = config.device == DeviceKind::cuda;
    std::vector<double> seconds;
    double warming = 0;
    for (int i = 0; !warm(config, i, warming); ++i) {
        emit(Phase{"warmup", double(i) / config.warmup});
        warming += timed_step(work, device, gpu, i, true, emit);
        emit_series(work, i, true, emit);
    }
    StepEnergy energy(counter);
    while (!work.done() && !enough(config, seconds)) {
        emit(Phase{"measure", double(seconds.size()) / config.max_repeats});
        const auto index = int(seconds.size());
        seconds.push_back(timed_step(work, device, gpu, index, false, emit));
        emit_series(work, index, false, emit);
        energy.step(seconds.back());
    }
    energy.say(emit);
    return seconds;
}

} // namespace sweetspot
