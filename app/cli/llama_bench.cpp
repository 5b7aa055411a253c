#include "app/cli/llama_bench.h"
#include "app/analysis/statistics.h"
#include "app/cli/outputs.h"
#include "engine/config/json.h"
#include <ostream>

namespace sweetspot {

void write_llama_bench(std::ostream& out, std::span<const RunRecord> runs) {
    Json rows = Json::array();
    for (const auto& run : runs) {
        const auto steps = summarize(run, "step_seconds");
        const double tokens = value_of(run, "tokens_nominal").value_or(0);
        if (run.status != RunStatus::done || !steps || tokens <= 0) continue;
        const bool generates = run.config.task == Task::generate;
        const auto fact = [&](const char* name) {
            const auto found = run.environment.find(name);
            return found == run.environment.end() ? std::string() : found->second;
        };
        Json nanoseconds = Json::array(), rates = Json::array();
        for (const double seconds : samples_of(run, "step_seconds")) {
            nanoseconds.push_back(std::int64_t(seconds * 1e9));
            rates.push_back(tokens / seconds);
        }
        rows.push_back({{"build_commit", fact("commit")},
                        {"cpu_info", fact("cpu")},
                        {"gpu_info", fact("gpu")},
                        {"backends", "sweetspot " + to_text(run.config.device)},
                        {"model_filename", run.config.model},
                        {"model_type", run.config.model + " " + to_text(run.config.precision)},
                        {"model_size", value_of(run, "peak_weights_bytes").value_or(0)},
                        {"model_n_params", run.weights ? run.weights->parameters : 0},
                        {"n_batch", run.config.batch},
                        {"n_threads", fact("threads")},
                        {"n_prompt", generates ? 0 : std::int64_t(tokens)},
                        {"n_gen", generates ? std::int64_t(tokens) : 0},
                        {"n_depth", 0},
                        {"test_time", utc_time(run.started_unix_seconds)},
                        {"avg_ns", std::int64_t(steps->mean * 1e9)},
                        {"stddev_ns", std::int64_t(steps->deviation * 1e9)},
                        {"avg_ts", tokens / steps->mean},
                        {"stddev_ts", tokens / steps->mean * steps->deviation / steps->mean},
                        {"samples_ns", nanoseconds},
                        {"samples_ts", rates}});
    }
    out << dump(rows, 2) << '\n';
}

} // namespace sweetspot
