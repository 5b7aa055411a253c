// What Linux tells of the host while a pass runs: clocks, and who else had the processors.
#include "profiler/machine/machine.h"
#include "profiler/sampler.h"
#include <algorithm>
#include <fstream>
#include <optional>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace sweetspot {

namespace {

enum Series { clock_rate, others_load, stolen, faults, major_faults, switches };
const std::array<ReadingSeries, 6> all_series{{{"cpu clock", "Hz"},
                                               {"others' load", ""},
                                               {"stolen", ""},
                                               {"page faults", ""},
                                               {"major page faults", ""},
                                               {"context switches", ""}}};

double seconds_of(const timeval& time) {
    return double(time.tv_sec) + 1e-6 * double(time.tv_usec);
}

/// Seconds of all processors since the machine started.
struct Use {
    double busy = 0, stolen = 0, all = 0; ///< busy: anybody's but other guests'
    double own = 0;                       ///< this process's part of busy
};

/// user, nice, system, idle, iowait, irq, softirq and steal of the first line, in ticks.
Use use_of(const rusage& own) {
    std::ifstream file("/proc/stat");
    std::string cpu;
    double ticks[8] = {};
    file >> cpu;
    for (double& t : ticks) file >> t;
    const double tick = 1.0 / double(sysconf(_SC_CLK_TCK));
    Use y{.stolen = ticks[7] * tick};
    y.busy = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * tick;
    y.all = y.busy + y.stolen + (ticks[3] + ticks[4]) * tick;
    y.own = seconds_of(own.ru_utime) + seconds_of(own.ru_stime);
    return y;
}

std::optional<double> number_in(const std::string& path) {
    std::ifstream file(path);
    double value = 0;
    if (file >> value) return value;
    return {};
}

/// By cpufreq, in Hz; else what /proc/cpuinfo says, in MHz. The mean of the processors that this
/// process may run on.
std::optional<double> clock_now() {
    cpu_set_t ours;
    CPU_ZERO(&ours);
    if (sched_getaffinity(0, sizeof ours, &ours) != 0) return {};
    double sum = 0;
    int count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &ours))
            if (const auto khz = number_in("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                                           "/cpufreq/scaling_cur_freq"))
                sum += 1e3 * *khz, ++count;
    if (count > 0) return sum / count;
    std::ifstream file("/proc/cpuinfo");
    for (std::string word; file >> word;) {
        if (word != "MHz") continue;
        double mhz = 0;
        if (file >> word >> mhz) sum += 1e6 * mhz, ++count;
    }
    if (count > 0) return sum / count;
    return {};
}

class MachineInstrument : public Instrument {
public:
    explicit MachineInstrument(Nanoseconds period) : sampler_(period, [this] { read(); }) {}

    std::string_view name() const override { return "machine"; }
    void start() override {
        readings_.clear();
        before_.reset();
        sampler_.start();
    }
    void stop() override { sampler_.stop(); }

    void fill(Trace& trace, Names&) override {
        const auto first = Index(trace.series.size());
        trace.series.insert(trace.series.end(), all_series.begin(), all_series.end());
        for (Reading reading : readings_) {
            reading.series += first;
            trace.readings.push_back(reading);
        }
        if (!begin_ || !before_) return;
        const double all = before_->all - begin_->all;
        const auto share = [&](double seconds) {
            return fact_of(all > 0 ? std::clamp(seconds / all, 0.0, 1.0) : 0);
        };
        trace.facts["others' load"] =
            share(before_->busy - begin_->busy - (before_->own - begin_->own));
        trace.facts["stolen"] = share(before_->stolen - begin_->stolen);
    }

private:
    void read() {
        const Nanoseconds time = now();
        const auto keep = [&](Series series, double value) {
            readings_.push_back({Index(series), time, value});
        };
        rusage own{};
        getrusage(RUSAGE_SELF, &own);
        const Use use = use_of(own);
        if (!before_) begin_ = use;
        // Busy time comes in ticks: between two readings there have to be some.
        const double all = before_ ? use.all - before_->all : 0;
        if (!before_) {
            before_ = use;
        } else if (all > 0) {
            const double others = use.busy - before_->busy - (use.own - before_->own);
            keep(others_load, std::clamp(others / all, 0.0, 1.0));
            keep(stolen, (use.stolen - before_->stolen) / all);
            before_ = use;
        }
        if (const auto rate = clock_now()) keep(clock_rate, *rate);
        keep(faults, double(own.ru_minflt));
        keep(major_faults, double(own.ru_majflt));
        keep(switches, double(own.ru_nvcsw + own.ru_nivcsw));
    }

    std::vector<Reading> readings_{};
    std::optional<Use> begin_{}, before_{};
    Sampler sampler_;
};

} // namespace

std::unique_ptr<Instrument> open_machine(Nanoseconds period) {
    return std::make_unique<MachineInstrument>(period);
}

} // namespace sweetspot
