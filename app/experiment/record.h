#pragma once
#include "engine/config/run_config.h"
#include "kernels/core/error.h"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sweetspot {

/// What became of a run. impossible: the plan gave a reason why it cannot be; it was never started.
enum class RunStatus { planned, running, done, failed, impossible };
constexpr std::array<std::string_view, 5> names_of(RunStatus) {
    return {"planned", "running", "done", "failed", "impossible"};
}

// A worker's answer to one configuration is a list of these, in order: Started, Environment,
// WeightsUsed, then Measured, Metric, RegionSum and MemoryPoint as they come, and at the end
// Finished or Failed. On the wire each is one JSON object on a line of its own, `{"line": "sample",
// …}`.

struct Started {
    std::string hash; ///< hash_of(config)
    RunConfig config{};
    double unix_seconds = 0;
};

/// Facts of the machine and the build that the numbers depend on: cpu, isa, threads, governor,
/// memory in bytes, kernel, compiler, library versions, commit. Values are text; sizes are plain
/// numbers.
struct Environment {
    std::map<std::string, std::string> facts{};
};

struct WeightsUsed {
    bool loaded = false;
    std::string path{}, sha256{}; ///< if loaded
    std::int64_t seed = 0;        ///< if random
    std::int64_t parameters = 0;
};

/// What the worker is doing now, for progress: load, warmup, measure, trace.
struct Phase {
    std::string name{};
    double fraction = 0; ///< of this phase, in [0, 1]; 0 where it cannot be known
};

/// One measured value of a series, e.g. the seconds of one step. Warm-up samples are kept, marked.
struct Measured {
    std::string metric{}; ///< a name in metrics.h, e.g. "step_seconds"
    int index = 0;
    double value = 0;
    bool warmup = false;
};

/// One value of the whole run, e.g. "peak_bytes".
struct Metric {
    std::string name{}; ///< a name in metrics.h
    double value = 0;
};

/// Some text the run made, e.g. "generated".
struct Text {
    std::string name{}, text{};
};

/// What one named stretch of the model took in the traced pass, e.g. "layer 3/attention/matmul".
struct RegionSum {
    std::string path{}; ///< slash-separated, outermost first
    int calls = 0;
    double start_seconds = 0; ///< of the first call, since the pass began
    double seconds = 0;       ///< of all calls, inclusive of what is inside; on a GPU its own
    double flops = 0, bytes = 0;
};

/// Bytes in use by purpose at one moment of the traced pass.
struct MemoryPoint {
    double seconds = 0; ///< since the pass began
    std::array<double, 6>
        bytes{}; ///< by Purpose: weights, activations, gradients, optimizer, kv_cache, workspace
};

struct Finished {
    double unix_seconds = 0;
};

struct Failed {
    Failure failure = Failure::bug;
    std::string reason{}; ///< a sentence
    double unix_seconds = 0;
};

using Line = std::variant<Started, Environment, WeightsUsed, Phase, Measured, Metric, Text,
                          RegionSum, MemoryPoint, Finished, Failed>;

/// A run as the store keeps it and analysis reads it: the lines, put together.
struct RunRecord {
    std::int64_t id = 0;       ///< the store's; 0 = not stored
    std::int64_t sweep_id = 0; ///< the store's; 0 = none
    std::string hash{};
    RunConfig config{};
    RunStatus status = RunStatus::planned;
    std::optional<Failure> failure{};
    std::string reason{}; ///< why it failed or is impossible
    double started_unix_seconds = 0, ended_unix_seconds = 0;
    std::map<std::string, std::string> environment{};
    std::optional<WeightsUsed> weights{};
    std::map<std::string, double> metrics{};
    std::map<std::string, std::string> texts{};
    std::map<std::string, std::vector<Measured>> samples{}; ///< by metric, warm-up included
    std::vector<RegionSum> regions{};                       ///< loaded on request
    std::vector<MemoryPoint> memory{};                      ///< loaded on request
};

/// Adds one line to a record. Lines come in the worker's order.
void apply(const Line&, RunRecord&);

} // namespace sweetspot
