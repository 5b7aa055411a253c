// NVML as an instrument: a thread reads what the GPU tells, from just before a pass to just after.
// Its count of energy is also asked by itself, around the steps that are measured.
#include "profiler/nvml/nvml.h"
#include "profiler/nvml/functions.h"
#include "profiler/sampler.h"
#include <algorithm>
#include <optional>
#include <unistd.h>

namespace sweetspot {

namespace {

/// NVML's bits. Want of work and clocks that somebody set are no hindrance of a moment.
constexpr std::pair<std::uint64_t, std::string_view> hindrances[]{
    {0x4, "the power limit"},  {0x8, "hardware slowdown"},           {0x10, "a group of GPUs"},
    {0x20, "its temperature"}, {0x40, "its temperature (hardware)"}, {0x80, "the power brake"},
};

enum Series { sm_clock, memory_clock, power, energy, temperature, used_memory, others, held_back };
const std::array<ReadingSeries, 8> all_series{{{"sm clock", "Hz"},
                                               {"memory clock", "Hz"},
                                               {"power", "W"},
                                               {"energy", "J"},
                                               {"temperature", "°C"},
                                               {"used memory", "B"},
                                               {"other processes", ""},
                                               {"held back", ""}}};

/// One GPU as the library knows it.
class Gpu {
public:
    explicit Gpu(const std::string& pci) {
        require_success(call_.init());
        try {
            require_success(call_.device(pci.c_str(), &device_));
        } catch (...) {
            call_.shutdown();
            throw;
        }
    }
    ~Gpu() { call_.shutdown(); }
    Gpu(const Gpu&) = delete;
    Gpu& operator=(const Gpu&) = delete;

    void require_success(NvmlResult result) const {
        if (result != NvmlResult::success)
            throw Error(Failure::unsupported,
                        std::string("a GPU's clocks and power are not known: NVML: ") +
                            call_.text(result));
    }
    /// What one of NVML's questions is answered with; none if it does not know.
    template <class Value, class Question, class... Which>
    std::optional<double> ask(Question question, Which... which) const {
        Value value{};
        if (question(device_, which..., &value) != NvmlResult::success) return {};
        return double(value);
    }
    std::optional<double> joules() const {
        const auto millijoules = ask<unsigned long long>(call_.energy);
        return millijoules ? std::optional(1e-3 * *millijoules) : std::nullopt;
    }

protected:
    NvmlFunctions call_{};
    NvmlDevice device_ = nullptr;
};

class GpuEnergy : public EnergyCounter, private Gpu {
public:
    explicit GpuEnergy(const std::string& pci) : Gpu(pci) {
        unsigned long long millijoules = 0;
        require_success(call_.energy(device_, &millijoules));
        before_ = 1e-3 * double(millijoules);
    }

    std::string what() const override { return "the GPU by NVML"; }
    /// NVML does not say. Its power is new every 20 to 100 ms, by the GPU (Yang, Adamek and Armour,
    /// Part-time power measurements, 2024).
    double update_seconds() const override { return 0.1; }
    std::optional<double> joules() override {
        const auto now = Gpu::joules();
        return now ? std::optional(*now - before_) : std::nullopt;
    }

private:
    double before_ = 0;
};

class Nvml : public Instrument, private Gpu {
public:
    Nvml(const std::string& pci, Nanoseconds period)
        : Gpu(pci), sampler_(period, [this] { read(); }) {}
    ~Nvml() override { stop(); }

    std::string_view name() const override { return "nvml"; }

    void start() override {
        readings_.clear();
        sampler_.start();
    }
    void stop() override { sampler_.stop(); }
    void fill(Trace& trace, Names&) override;

private:
    std::optional<double> other_processes() const;
    void read();

    std::vector<Reading> readings_{};
    Sampler sampler_;
};

/// Processes that compute on the GPU beside this one, which in a container may have another number
/// than NVML knows it by.
std::optional<double> Nvml::other_processes() const {
    std::array<NvmlProcess, 64> found{};
    unsigned count = found.size();
    const NvmlResult result = call_.processes(device_, &count, found.data());
    if (result == NvmlResult::insufficient_size) return double(count) - 1;
    if (result != NvmlResult::success) return {};
    const auto end = found.begin() + count;
    return double(std::count_if(found.begin(), end,
                                [](const auto& p) { return p.pid != unsigned(getpid()); })) -
           (count > 0 && std::none_of(found.begin(), end,
                                      [](const auto& p) { return p.pid == unsigned(getpid()); }));
}

void Nvml::read() {
    const Nanoseconds time = now();
    const auto keep = [&](Series series, std::optional<double> value, double unit = 1) {
        if (value) readings_.push_back({Index(series), time, *value * unit});
    };
    keep(energy, joules());
    keep(power, ask<unsigned>(call_.power), 1e-3);
    keep(sm_clock, ask<unsigned>(call_.clock, NvmlClock::sm), 1e6);
    keep(memory_clock, ask<unsigned>(call_.clock, NvmlClock::memory), 1e6);
    keep(temperature, ask<unsigned>(call_.temperature, 0));
    keep(held_back, ask<unsigned long long>(call_.reasons));
    NvmlMemory memory{};
    if (call_.memory(device_, &memory) == NvmlResult::success)
        keep(used_memory, double(memory.used));
    keep(others, other_processes());
}

void Nvml::fill(Trace& trace, Names&) {
    const auto first = Index(trace.series.size());
    trace.series.insert(trace.series.end(), all_series.begin(), all_series.end());
    std::uint64_t reasons = 0;
    for (Reading reading : readings_) {
        if (reading.series == held_back) reasons |= std::uint64_t(reading.value);
        reading.series += first;
        trace.readings.push_back(reading);
    }
    std::array<char, 96> driver{};
    if (call_.driver_version(driver.data(), driver.size()) == NvmlResult::success)
        trace.facts["gpu driver"] = driver.data();
    const auto state = [&](const char* name, auto question) {
        unsigned now = 0, pending = 0;
        if (question(device_, &now, &pending) == NvmlResult::success)
            trace.facts[name] = now ? "on" : "off";
    };
    state("gpu ecc", call_.ecc);
    state("gpu mig", call_.mig);
    if (const auto limit = ask<unsigned>(call_.power_limit))
        trace.facts["gpu power limit"] = std::to_string(int(*limit / 1000)) + " W";
    if (const std::string held = held_back_by(reasons); !held.empty())
        trace.facts["gpu held back by"] = held;
}

} // namespace

std::string held_back_by(std::uint64_t reasons) {
    std::string y;
    for (const auto& [bit, what] : hindrances)
        if (reasons & bit) y += (y.empty() ? "" : ", ") + std::string(what);
    return y;
}

std::unique_ptr<EnergyCounter> open_gpu_energy(const std::string& pci) {
    return std::make_unique<GpuEnergy>(pci);
}

std::unique_ptr<Instrument> open_nvml(const std::string& pci, Nanoseconds period) {
    return std::make_unique<Nvml>(pci, period);
}

} // namespace sweetspot
