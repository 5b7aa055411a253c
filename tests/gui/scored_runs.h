#pragma once
#include "tests/gui/run_data.h"
#include <cmath>

namespace sweetspot::gui_test {

/// Runs with a perplexity each.
inline std::vector<RunRecord> scored(const std::vector<double>& perplexities) {
    std::vector<RunRecord> all;
    for (std::size_t i = 0; i < perplexities.size(); ++i) {
        RunConfig config;
        config.task = Task::perplexity;
        config.weights = "/weights/model.safetensors"; // of random ones quality says nothing
        config.batch = 1 << i;
        RunRecord run = done_run(std::int64_t(i) + 1, config, 0.01, 1e6);
        run.metrics["loss_nats"] = std::log(perplexities[i]);
        run.metrics["scored_tokens"] = 1000;
        run.weights->loaded = true;
        all.push_back(run);
    }
    return all;
}

} // namespace sweetspot::gui_test
