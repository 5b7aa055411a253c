// Rounds of the engine, as the peers answer them. Arguments are the fields of a run's
// configuration:
//   model=esm2-150m batch=8 sequence=512 precision=bf16 threads=2
// The task forward answers "forward"; generate answers "prefill", the prompt, and "decode", the
// new tokens but for the first two, which bring threads and caches back from the other side.
#include "engine/tasks/workload.h"
#include "tests/bench/rounds.h"
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
    void began(std::string_view name, const Cost& cost) noexcept override {
        if (name == "matmul" || name == "attention" || name == "cached_attention")
            flops += cost.flops;
    }
    void ended() noexcept override {}
    void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
    void freed(Purpose, MemoryKind, std::size_t) noexcept override {}

    double flops = 0;
};

class Rounds {
public:
    Rounds(const RunConfig& config, Context& context)
        : context_(context), allocator_(context.allocator), tokens_(config.batch * config.sequence),
          workload_(make_workload(config, context)) {}

    nlohmann::json forward() { return timed_phases(0, phases(), tokens_); }
    nlohmann::json prefill() { return timed_phases(0, 1, tokens_); }
    nlohmann::json decode() {
        run(0, first_timed_decode);
        return timed_phases(first_timed_decode, phases(), int(phases() - first_timed_decode));
    }
    std::size_t phases() const { return workload_->phases().size(); }
    std::int64_t parameters() const { return workload_->parameters(); }

private:
    void run(std::size_t first, std::size_t end) {
        for (std::size_t phase = first; phase < end; ++phase) workload_->run_phase(phase);
    }

    /// Counts the work in an observed pass of its own the first time, so that timing is not.
    nlohmann::json timed_phases(std::size_t first, std::size_t end, int tokens) {
        if (first == 0 && flops_ == 0) {
            ProductFlops watched;
            context_.watch(&watched);
            run(first, end);
            context_.watch(nullptr);
            flops_ = watched.flops;
        }
        allocator_.use().reset_peaks();
        auto answer = timed([&] { run(first, end); });
        answer["tokens"] = tokens;
        if (first == 0) answer["flops"] = flops_;
        answer["peak_bytes"] = allocator_.use().peak_total;
        return answer;
    }

    Context& context_;
    Allocator& allocator_;
    int tokens_;
    double flops_ = 0;
    std::unique_ptr<Workload> workload_;
};

void serve_engine(const RunConfig& config) {
    HostAllocator allocator;
    Context context(CpuStream{.threads = config.threads}, allocator);
    const double imported_rss_bytes = resident_bytes("VmRSS");
    Rounds rounds(config, context);
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
           {"threads", config.threads},
           {"parameters", rounds.parameters()},
           {"imported_rss_bytes", imported_rss_bytes}},
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
