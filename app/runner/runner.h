#pragma once
#include "app/experiment/plan.h"
#include "app/experiment/record.h"
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>

namespace sweetspot {

/// Told what happens in a sweep, from the thread that runs it.
class RecordSink {
public:
    virtual ~RecordSink() = default;
    /// One line of the run's worker; `index` is the place in the list of runs.
    virtual void line(std::size_t index, const Line&) = 0;
};

/// Where and how workers run.
struct RunnerOptions {
    std::filesystem::path worker{}; ///< the program; empty = the one beside this executable
    int runs_per_worker = 16;       ///< those of one round share a process; a failure ends it
    double end_seconds = 2;         ///< from asking a worker to end until it is killed
    double checkpoint_seconds = 10; ///< that a training has for its step and a checkpoint before
};

/// What others may tell a sweep that is under way, from any thread.
class SweepControl {
public:
    void pause(bool paused) { paused_ = paused; } ///< after the current run, or step of a training
    /// After the current run, which is kept. A training that writes checkpoints has one of its last
    /// step instead, and ends as interrupted.
    void stop() { stop_ = true; }
    /// Ends the current run as interrupted: one that writes checkpoints as stop(), unless that
    /// takes long.
    void stop_now() { stop_ = stop_now_ = true; }
    bool paused() const { return paused_; }
    bool stopping() const { return stop_; }
    bool stopping_now() const { return stop_now_; }

private:
    std::atomic<bool> paused_ = false, stop_ = false, stop_now_ = false;
};

/// Measures each possible point in its rounds (app/experiment/rounds.h), each round of a point in
/// another worker process, which in a round points that share a model share; returns when all are
/// done or the control says stop. A worker that crashes, is killed, or exceeds the run's time to
/// load or its time after that, silent or not, which count for each round, gives a Failed line with
/// the reason, the run's further rounds are left out, and the sweep goes on. Blocks; call it from a
/// thread of its own in a window. Lines of a run begin with Started; a Round line stands after
/// those of each round; after the last comes Finished, or Failed, whatever the worker did. A run
/// that is stopped after its first round has neither. What the sink throws ends the sweep. Throws
/// Error(file) if the worker program cannot be started at all.
void run_sweep(const std::vector<PlannedRun>&, RecordSink&, SweepControl&,
               const RunnerOptions& = {});

/// What the device plan says of configurations, in their order, from one resident worker process.
/// Answers are kept for as long as the predictor lives and the files that a configuration names do
/// not change. Thread-safe.
class Predictor {
public:
    explicit Predictor(RunnerOptions = {});
    ~Predictor();

    /// A record a config: metrics peak_bytes, peak_*_bytes, flops, tokens; or failed with a reason.
    /// Blocks; calls `progress` (if any) with the number done after each. What `progress` throws
    /// ends the call; answers that came before are kept. Throws Error(interrupted) once stopped.
    std::vector<RunRecord> predict(const std::vector<RunConfig>&,
                                   const std::function<void(std::size_t)>& progress = {});
    /// For good, the question under way included; from any thread.
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace sweetspot
