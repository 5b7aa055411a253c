// Rounds of the engine, as the peers answer them. Arguments are the fields of a run's
// configuration:
//   model=esm2-150m batch=8 sequence=512 precision=bf16 threads=2
// The task forward answers "forward"; generate answers "prefill", the prompt, and "decode", the
// new tokens but for the first two, which bring threads and caches back from the other side.
// On device=cuda, "seconds" are the GPU's from the round's first op to its last, waits for the host
// included, and "peak_bytes" is memory of the GPU.
#include "engine/device/device.h"
#include "engine/tasks/workload.h"
#include "tests/bench/rounds.h"
#include <algorithm>
#include <array>
#include <iostream>

namespace sweetspot::bench {
namespace {

constexpr int warm_up_rounds = 2;
constexpr std::size_t first_timed_decode = 3; ///< phases before: prefill and two untimed tokens

RunConfig parsed(int count, char** arguments) {
    RunConfig config;
    config.threads = 2;
    for (const auto& [name, value] : named_values(count, arguments))
        if (!set_field(config, name, value))
            throw Error(Failure::bad_input, "no field takes " + name + "=" + value + ".");
    return config;
}

/// Sums what linear and attention products cost while it watches.
class ProductFlops : public Observer {
public:
    void began(const Work& work) noexcept override {
        constexpr std::array<std::string_view, 8> products{
            "matmul",          "attention",         "cached_attention",
            "norm_matmul",     "matmul_backward",   "attention_projection",
            "weight_gradient", "attention_backward"};
        if (std::find(products.begin(), products.end(), work.name) != products.end())
            flops += work.cost.flops;
    }
    void ended() noexcept override {}
    void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
    void freed(Purpose, MemoryKind, std::size_t) noexcept override {}

    double flops = 0;
};

/// Of a step's first phases, by a plan.
double product_flops(RunConfig config, std::size_t phases) {
    config.plan_for = config.device == DeviceKind::cuda ? PlanFor::cuda : PlanFor::cpu;
    config.device = DeviceKind::plan;
    DeviceContext device(config);
    const auto workload = make_workload(config, device.context());
    ProductFlops watched;
    device.context().watch(&watched);
    for (std::size_t phase = 0; phase < phases; ++phase) workload->run_phase(phase);
    device.context().watch(nullptr);
    return watched.flops;
}

class Rounds {
public:
    Rounds(const RunConfig& config, DeviceContext& device)
        : config_(config), device_(device), workload_(make_workload(config, device.context())) {
        const bool forward = config.task != Task::generate;
        flops_ = product_flops(config, forward ? phases() : 1);
    }

    nlohmann::json forward() {
        auto answer = timed_phases(0, phases());
        const Outcome outcome = workload_->outcome();
        answer["tokens"] = outcome.tokens.nominal;
        answer["computed_tokens"] = outcome.tokens.computed;
        answer["flops"] = flops_;
        answer["moved_bytes"] = outcome.moved_bytes;
        return answer;
    }
    nlohmann::json prefill() {
        auto answer = timed_phases(0, 1);
        answer["tokens"] = config_.batch * config_.sequence;
        answer["flops"] = flops_;
        return answer;
    }
    nlohmann::json decode() {
        run(0, first_timed_decode);
        auto answer = timed_phases(first_timed_decode, phases());
        answer["tokens"] = config_.batch * int(phases() - first_timed_decode);
        return answer;
    }
    std::size_t phases() const { return workload_->phases().size(); }
    std::int64_t parameters() const { return workload_->parameters(); }

private:
    void run(std::size_t first, std::size_t end) {
        for (std::size_t phase = first; phase < end; ++phase) workload_->run_phase(phase);
        device_.context().synchronize();
    }

    nlohmann::json timed_phases(std::size_t first, std::size_t end) {
        device_.reset_peaks();
        double device_seconds = 0;
        auto answer =
            timed([&] { device_seconds = seconds_of(device_.clock(), [&] { run(first, end); }); });
        const DeviceTotals totals = device_.totals();
        answer["peak_bytes"] = totals.memory.peak_total;
        if (!device_.gpu()) return answer;
        answer["wall_seconds"] = answer["seconds"];
        answer["seconds"] = device_seconds;
        answer["peak_device_bytes"] = totals.pool.peak_reserved;
        answer["peak_pinned_bytes"] = totals.pinned_peak;
        answer["graphs_recorded"] = totals.graphs_recorded;
        answer["facts"] = nlohmann::json::object();
        for (const auto& [name, value] : device_.facts()) answer["facts"][name] = value;
        return answer;
    }

    RunConfig config_;
    DeviceContext& device_;
    std::unique_ptr<Workload> workload_;
    double flops_ = 0; ///< of forward or prefill
};

void serve_engine(const RunConfig& config) {
    DeviceContext device(config);
    const double imported_rss_bytes = resident_bytes("VmRSS");
    Rounds rounds(config, device);
    std::vector<std::pair<std::string, Measure>> measures{
        {"forward", [&] { return rounds.forward(); }}};
    if (config.task == Task::generate) {
        require(rounds.phases() > first_timed_decode, Failure::bad_input,
                "new_tokens leaves no token to time.");
        measures = {{"prefill", [&] { return rounds.prefill(); }},
                    {"decode", [&] { return rounds.decode(); }}};
    }
    for (int i = 0; i < warm_up_rounds; ++i)
        for (const auto& [_, measure] : measures) measure();
    serve({{"peer", "sweetspot"},
           {"threads", thread_count(config)},
           {"parameters", rounds.parameters()},
           {"imported_rss_bytes", imported_rss_bytes},
           // All weights, gradients and AdamW's two means, in f32.
           {"state_bytes",
            config.task == Task::train && config.lora_rank == 0 ? 16 * rounds.parameters() : 0}},
          measures);
}

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) try {
    sweetspot::keep_freed_memory(); // as the worker does
    sweetspot::bench::serve_engine(sweetspot::bench::parsed(count, arguments));
} catch (const std::exception& error) {
    std::cerr << "engine_rounds: " << error.what() << '\n';
    return 2;
}
