#pragma once
#include "app/experiment/key.h"
#include "app/experiment/record.h"
#include <cmath>
#include <memory>
#include <vector>

namespace sweetspot::gui_test {

/// A finished run with `samples` step times of about `seconds`, 0.5 % apart.
inline RunRecord done_run(std::int64_t id, const RunConfig& config, double seconds, double bytes,
                          int samples = 10) {
    RunRecord run;
    run.id = id;
    run.config = config;
    run.hash = hash_of(config);
    run.status = RunStatus::done;
    run.started_unix_seconds = 1.7e9 + 10.0 * double(id);
    run.ended_unix_seconds = run.started_unix_seconds + 5;
    run.weights =
        WeightsUsed{.loaded = false, .path = {}, .sha256 = {}, .seed = 1, .parameters = 8};
    for (int i = 0; i < samples; ++i)
        run.samples["step_seconds"].push_back(
            {"step_seconds", i, seconds * (1 + 0.005 * std::sin(i * 2.4)), false});
    run.metrics = {{"peak_bytes", bytes},
                   {"rss_bytes", bytes * 1.1},
                   {"tokens_nominal", double(config.batch) * config.sequence},
                   {"tokens_computed", double(config.batch) * config.sequence * 1.25},
                   {"flops", 1e9 * config.batch}};
    return run;
}

/// A full grid: attention x layout x 4 batches x as many lengths as it takes; times and bytes grow
/// with both. All done.
inline std::vector<RunRecord> grid(int runs, int samples) {
    std::vector<RunRecord> all;
    for (int i = 0; i < runs; ++i) {
        RunConfig config;
        config.attention = AttentionVariant(i % 2);
        config.layout = Layout(i / 2 % 3);
        config.batch = 1 << (i / 6 % 4);
        config.sequence = 64 * (1 + i / 24);
        const double tokens = double(config.batch) * config.sequence;
        const double factor = config.attention == AttentionVariant::naive ? 2.0 : 1.0;
        all.push_back(
            done_run(i + 1, config, 1e-5 * tokens * factor, 1e6 + 5e3 * tokens * factor, samples));
    }
    return all;
}

using Shared = std::shared_ptr<const std::vector<RunRecord>>;
inline Shared shared(std::vector<RunRecord> runs) {
    return std::make_shared<const std::vector<RunRecord>>(std::move(runs));
}

} // namespace sweetspot::gui_test
