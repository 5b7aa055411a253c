#include "app/experiment/file_stamp.h"
#include "app/experiment/identity.h"
#include "app/experiment/key.h"
#include "app/runner/conversation.h"
#include "app/runner/runner.h"
#include "kernels/core/error.h"
#include <atomic>
#include <mutex>
#include <unordered_map>

// Predictions are runs on the device plan: one worker stays to answer them, and answers are kept
// until a file that they depend on changes.

namespace sweetspot {

namespace {

constexpr double prediction_seconds = 60; // what takes longer is broken

/// The same work on the device `plan`; how it would be measured does not apply to a prediction.
RunConfig to_plan(RunConfig config) {
    if (config.device != DeviceKind::plan)
        config.plan_for = config.device == DeviceKind::cuda ? PlanFor::cuda : PlanFor::cpu;
    config.device = DeviceKind::plan;
    config.timeout_seconds = prediction_seconds;
    config.load_timeout_seconds = 0;
    return canonical(std::move(config));
}

/// Whether asking again would give the same answer.
bool is_lasting(const RunRecord& record) {
    return record.status == RunStatus::done ||
           (record.failure != Failure::crashed && record.failure != Failure::killed &&
            record.failure != Failure::timed_out && record.failure != Failure::bug &&
            record.failure != Failure::file);
}

/// A point's hash, but with what changes when a file does in place of its contents, which may take
/// seconds to read.
std::string key_of(const RunConfig& config) {
    try {
        return hash_of(config, contents_of(config, [](const std::filesystem::path& file) {
                           return stamp_of(file).text;
                       }));
    } catch (const Error&) { // a worker will say what is wrong with it
        return hash_of(config);
    }
}

} // namespace

struct Predictor::State {
    RunnerOptions options;
    std::atomic<bool> stopped = false;
    std::mutex asking; ///< one question at a time
    std::unique_ptr<WorkerProcess> worker;
    std::mutex looking;
    std::unordered_map<std::string, RunRecord> known; ///< by key_of

    std::optional<RunRecord> find(const std::string& hash) {
        const std::lock_guard lock(looking);
        const auto found = known.find(hash);
        return found == known.end() ? std::nullopt : std::optional(found->second);
    }

    void require_not_stopped() const {
        require(!stopped, Failure::interrupted, "stopped before everything was predicted");
    }

    RunRecord ask(const RunConfig& config) {
        const PlannedRun run{.config = config, .hash = key_of(config)};
        if (auto record = find(run.hash)) return *std::move(record);
        const std::lock_guard lock(asking);
        require_not_stopped();
        if (auto record = find(run.hash)) return *std::move(record); // asked by another thread
        if (!worker || !worker->alive()) {
            worker.reset();
            worker = std::make_unique<WorkerProcess>(options.worker.empty() ? find_worker()
                                                                            : options.worker);
        }
        RunRecord record;
        const bool useful = converse(
            *worker, run, options, [&](const Line& line) { apply(line, record); },
            [&] { return stopped.load(); });
        if (!useful && !worker->alive()) worker.reset();
        require_not_stopped();
        if (is_lasting(record)) {
            const std::lock_guard lock(looking);
            known[run.hash] = record;
        }
        return record;
    }
};

Predictor::Predictor(RunnerOptions options) : state_(std::make_unique<State>()) {
    state_->options = std::move(options);
}

Predictor::~Predictor() = default;

void Predictor::stop() {
    state_->stopped = true;
}

std::vector<RunRecord> Predictor::predict(const std::vector<RunConfig>& configs,
                                          const std::function<void(std::size_t)>& progress) {
    std::vector<RunRecord> records;
    for (const auto& config : configs) {
        auto& record = records.emplace_back(state_->ask(to_plan(config)));
        record.config = config;
        record.hash = hash_of(config);
        if (progress) progress(records.size());
    }
    return records;
}

} // namespace sweetspot
