#pragma once
#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "app/runner/runner.h"

// Runs of tests/app/fake_worker.cpp, which takes the name of a model for what it is to do.

namespace sweetspot::faked {

inline const RunnerOptions fake{.worker = FAKE_WORKER, .end_seconds = 0.2};

inline PlannedRun run_of(const std::string& model, double timeout_seconds = 20, int batch = 1) {
    RunConfig config;
    config.model = model;
    config.batch = batch;
    config.timeout_seconds = timeout_seconds;
    config.rounds = 1;
    return {config, hash_of(config), {}};
}

inline std::vector<PlannedRun> runs_of(const std::vector<std::string>& models) {
    std::vector<PlannedRun> runs;
    int batch = 0;
    for (const auto& model : models) runs.push_back(run_of(model, 20, ++batch));
    return runs;
}

/// Keeps a record a run, counts lines, and may do something at one of them.
struct Records : RecordSink {
    std::vector<RunRecord> records = std::vector<RunRecord>(200);
    std::vector<int> lines = std::vector<int>(200);
    std::function<void(std::size_t, const Line&)> then;

    void line(std::size_t index, const Line& line) override {
        apply(line, records[index]);
        ++lines[index];
        if (then) then(index, line);
    }
};

inline Records sweep(const std::vector<PlannedRun>& runs, const RunnerOptions& options = fake) {
    Records records;
    SweepControl control;
    run_sweep(runs, records, control, options);
    return records;
}

/// A sweep of one run that fails: how and why.
inline RunRecord failing(const std::string& model, double timeout_seconds = 20) {
    auto record = sweep({run_of(model, timeout_seconds)}).records[0];
    if (record.status != RunStatus::failed) record.reason = "it did not fail";
    return record;
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}

} // namespace sweetspot::faked
