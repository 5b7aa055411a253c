// Rounds of tracing on a GPU, by the protocol of tests/bench: what it finds, what it costs, and
// what is left of that afterwards. The first argument says which process this is, the others are
// the fields of a run's configuration:
//   trace model=esm2-650m batch=64 sequence=1024 device=cuda precision=bf16
//     (device=cpu works as well, without the events)
//     answers "trace": a pass without and one with every instrument, in turn, thrice; a third kind
//     of pass, traced and with the GPU's own events around each outermost region. No region, no
//     record may be lost, and regions' sums are held against the events.
//   after …, never …
//     answers "after" and "never": passes without instruments, in a process that has traced and
//     stopped, and in one that never has.
#include "app/worker/instruments.h"
#include "app/worker/trace.h"
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "kernels/cuda/device.h"
#include "profiler/cupti/counters.h"
#include "profiler/recorder.h"
#include "tests/bench/rounds.h"
#include <algorithm>
#include <cmath>
#include <iostream>

namespace sweetspot::bench {
namespace {

constexpr int warm_up_passes = 3, pairs = 3;

/// Shorter stretches the events cannot time to two percent: each has about a microsecond of its
/// own.
constexpr double least_region_seconds = 200e-6;

RunConfig parsed(int count, char** arguments) {
    RunConfig config;
    for (const auto& [name, value] : named_values(count, arguments))
        if (!set_field(config, name, value))
            throw Error(Failure::bad_input, "no field takes " + name + "=" + value + ".");
    return config;
}

/// Times the outermost regions by the device's clock while another observer sees everything.
class TimedRegions : public Observer {
public:
    TimedRegions(Observer& observer, DeviceClock& clock) : observer_(observer), clock_(clock) {}

    void began(const Work& work) noexcept override {
        if (depth_++ == 0) marks_.push_back({clock_.mark(), 0});
        observer_.began(work);
    }
    void ended() noexcept override {
        observer_.ended();
        if (--depth_ == 0) marks_.back().second = clock_.mark();
    }
    void allocated(Purpose purpose, MemoryKind kind, std::size_t bytes) noexcept override {
        observer_.allocated(purpose, kind, bytes);
    }
    void freed(Purpose purpose, MemoryKind kind, std::size_t bytes) noexcept override {
        observer_.freed(purpose, kind, bytes);
    }
    bool follows_graphs() const noexcept override { return false; } // events are of the eager pass

    std::vector<double> seconds() {
        std::vector<double> y;
        for (const auto& [from, to] : marks_) {
            y.push_back(clock_.seconds(from, to));
            clock_.release(from);
            clock_.release(to);
        }
        return y;
    }

private:
    Observer& observer_;
    DeviceClock& clock_;
    int depth_ = 0;
    std::vector<std::pair<DeviceClock::Mark, DeviceClock::Mark>> marks_{};
};

class Tracing {
public:
    explicit Tracing(const RunConfig& config)
        : config_(config), device_(config), work_(make_workload(config, device_.context())) {
        for (int i = 0; i < warm_up_passes; ++i) pass();
    }

    nlohmann::json trace() {
        open();
        std::vector<double> plain, traced;
        Trace last;
        std::size_t kernels = 0, of_ops = 0, dropped = 0;
        const auto count = [&](const Trace& trace) {
            const Attribution found = attribution(trace);
            kernels += found.kernels;
            of_ops += found.in_an_op;
            dropped += trace.dropped;
        };
        for (int i = 0; i < pairs; ++i) {
            plain.push_back(pass());
            last = recorder_->record([&] { step(); });
            traced.push_back(double(last.end) * 1e-9);
            count(last);
        }
        nlohmann::json answer = nlohmann::json::object();
        // Events stand between ops, which a graph would do as one.
        if (device_.gpu() && config_.launch == LaunchMode::eager) answer = agreement(count);
        std::sort(plain.begin(), plain.end());
        std::sort(traced.begin(), traced.end());
        answer["seconds"] = traced[pairs / 2];
        answer["plain_seconds"] = plain[pairs / 2];
        answer["tokens"] = work_->outcome().tokens.nominal;
        answer["kernels"] = kernels;
        answer["kernels_of_ops"] = of_ops;
        answer["dropped"] = dropped;
        if (!device_.gpu()) answer["ops_seconds"] = seconds_of_ops(last);
        answer["kernels_a_pass"] = attribution(last).kernels;
        answer["energy_joules"] = energy_of(last);
        if (CudaDevice* gpu = device_.gpu()) {
            add_gpu_counters(last, device_.context(), gpu->info().index, [&] { step(); });
            answer["dram_bytes"] = counted_dram_bytes(last);
            for (const auto& [name, why] : last.absent) answer["facts"]["no " + name] = why;
        }
        for (const auto& [name, why] : instruments_.absent) answer["facts"]["no " + name] = why;
        for (const auto& [name, value] : last.facts) answer["facts"]["trace: " + name] = value;
        return answer;
    }

    /// Without instruments; `after_tracing`: where there have been some.
    nlohmann::json plain(bool after_tracing) {
        if (after_tracing && !has_traced_) {
            open();
            recorder_->record([&] { step(); });
            recorder_.reset();
            instruments_ = {};
            for (int i = 0; i < warm_up_passes; ++i) pass();
        }
        std::vector<double> seconds;
        for (int i = 0; i < pairs; ++i) seconds.push_back(pass());
        std::sort(seconds.begin(), seconds.end());
        return {{"seconds", seconds[pairs / 2]}, {"tokens", work_->outcome().tokens.nominal}};
    }

private:
    void step() { run_step(*work_, device_.context()); }
    double pass() {
        HostClock clock;
        return seconds_of(clock, [&] { step(); });
    }
    void open() {
        if (has_traced_) return;
        has_traced_ = true;
        instruments_ = open_instruments(config_, device_);
        if (device_.gpu() && instruments_.absent.contains("cupti"))
            throw Error(Failure::unsupported, instruments_.absent.at("cupti"));
        recorder_.emplace(device_.context(), instruments_.pointers());
        recorder_->prepare([&] { step(); });
    }

    /// The outermost regions' sums of a traced pass beside the events around them.
    template <class Count>
    nlohmann::json agreement(Count&& count) {
        std::optional<TimedRegions> timed;
        const Trace trace = recorder_->record([&] {
            Context& context = device_.context();
            Observer* recorder = context.observer();
            timed.emplace(*recorder, device_.clock());
            context.watch(&*timed);
            step();
            context.watch(recorder);
        });
        count(trace);
        const std::vector<double> events = timed->seconds();
        const std::vector<DeviceTime> sums = device_times(trace);
        std::size_t region = 0;
        double worst = 0, judged_events = 0, judged_sums = 0;
        int judged = 0;
        for (std::size_t i = 0; i < trace.regions.size(); ++i) {
            const TraceRegion& one = trace.regions[i];
            if (one.parent != none || one.begin < 0) continue;
            const double by_events = events.at(region++), by_sum = double(sums[i].busy) * 1e-9;
            // What the host was still launching when the GPU came to it has waits for the host in
            // its events, and none in its sum.
            const bool all_was_queued = sums[i].activities > 0 && one.end <= sums[i].begin;
            if (!all_was_queued || by_events < least_region_seconds) continue;
            ++judged;
            judged_events += by_events;
            judged_sums += by_sum;
            worst = std::max(worst, std::abs(by_sum / by_events - 1));
        }
        require(region == events.size(), Failure::bug, "each outermost region was timed.");
        require(judged > 0, Failure::bug, "the GPU was behind the host in some region.");
        return {{"regions", region},
                {"regions_judged", judged},
                {"worst_difference", worst},
                {"event_seconds", judged_events},
                {"sum_seconds", judged_sums}};
    }

    /// That a CPU was in ops: nearly all of the pass.
    static double seconds_of_ops(const Trace& trace) {
        Nanoseconds sum = 0;
        for (const TraceRegion& one : trace.regions)
            if (one.op && one.begin >= 0) sum += one.end - one.begin;
        return double(sum) * 1e-9;
    }

    /// Of all ops of a step by the GPU's own count, beside the estimate that goes by tensors.
    static nlohmann::json counted_dram_bytes(const Trace& trace) {
        double counted = 0, estimated = 0;
        for (const RegionCount& one : trace.counts)
            if (trace.counters[one.counter] == "DRAM bytes") {
                counted += one.value;
                estimated += trace.regions[one.region].cost.bytes;
            }
        return {{"counted", counted}, {"estimated", estimated}};
    }

    /// Over the pass, by NVML's counter, which moves every few hundredths of a second; null if
    /// there is none.
    static nlohmann::json energy_of(const Trace& trace) {
        std::vector<double> values;
        for (const Reading& one : trace.readings)
            if (trace.series[one.series].name == "energy") values.push_back(one.value);
        if (values.size() < 2) return nullptr;
        return values.back() - values.front();
    }

    RunConfig config_;
    DeviceContext device_;
    std::unique_ptr<Workload> work_;
    bool has_traced_ = false;
    Instruments instruments_{};
    std::optional<Recorder> recorder_{};
};

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) try {
    using namespace sweetspot;
    using namespace sweetspot::bench;
    const std::string kind = count > 1 ? arguments[1] : "";
    require(kind == "trace" || kind == "after" || kind == "never", Failure::bad_input,
            "the first argument is trace, after or never.");
    keep_freed_memory(); // as the worker does
    Tracing tracing(parsed(count - 1, arguments + 1));
    const auto answer = [&] {
        return kind == "trace" ? tracing.trace() : tracing.plain(kind == "after");
    };
    serve({{"peer", "sweetspot"}}, {{kind, answer}});
} catch (const std::exception& error) {
    std::cerr << "trace_rounds: " << error.what() << '\n';
    return 2;
}
