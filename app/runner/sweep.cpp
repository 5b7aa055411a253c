#include "app/experiment/lines.h"
#include "app/experiment/rounds.h"
#include "app/experiment/shared_model.h"
#include "app/runner/conversation.h"
#include "app/runner/runner.h"
#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

// A sweep goes through its points in rounds. A worker knows nothing of rounds: it is given a share
// of a run and says lines as for a run; they become those of the whole run here. A run is done with
// its first round, so that whatever ends the sweep, the rounds that are over are kept. A worker
// keeps a model for runs that share it, so the next point of a round goes to it if it does.

namespace sweetspot {

namespace {

class Sweep {
public:
    Sweep(const std::vector<PlannedRun>& runs, RecordSink& sink, SweepControl& control,
          const RunnerOptions& options)
        : runs_(runs), sink_(sink), control_(control), options_(options),
          program_(options.worker.empty() ? find_worker() : options.worker),
          failed_(runs.size(), false) {
        for (const auto& run : runs) models_.push_back(model_key(run.config));
    }

    void go() {
        int rounds = 1;
        for (const auto& run : runs_)
            if (run.impossible.empty()) rounds = std::max(rounds, rounds_of(run.config));
        for (int round = 0; round < rounds; ++round)
            for (const auto index : order(round, rounds)) {
                const auto& run = runs_[index];
                const bool mine = run.impossible.empty() && !failed_[index] &&
                                  round >= run.rounds_done && round < rounds_of(run.config);
                if (!mine) continue;
                while (control_.paused() && !control_.stopping())
                    std::this_thread::sleep_for(std::chrono::milliseconds(20));
                if (control_.stopping()) return;
                measure(index, round);
            }
    }

private:
    /// Points of a single round come as they are planned.
    std::vector<std::size_t> order(int round, int rounds) const {
        if (rounds > 1) return round_order(models_, round, runs_.front().config.seed);
        std::vector<std::size_t> planned(runs_.size());
        for (std::size_t i = 0; i < planned.size(); ++i) planned[i] = i;
        return planned;
    }

    void measure(std::size_t index, int round) {
        const auto& run = runs_[index];
        const int rounds = rounds_of(run.config);
        const bool may_share =
            rounds == 1 || (round == round_of_worker_ && !models_[index].empty() &&
                            models_[index] == model_of_worker_);
        if (!worker_ || !may_share || runs_of_worker_ >= options_.runs_per_worker ||
            !worker_->alive()) {
            worker_.reset(); // ends the old one before the new one takes memory
            worker_ = std::make_unique<WorkerProcess>(program_);
            runs_of_worker_ = 0;
        }
        ++runs_of_worker_;
        round_of_worker_ = round;
        model_of_worker_ = models_[index];
        PlannedRun part{.config = rounds > 1 ? round_config(run.config, round) : run.config};
        if (!run.own_save.empty()) part.config.save = run.own_save;
        if (!run.own_checkpoint.empty()) part.config.checkpoint = run.own_checkpoint;
        part.hash = hash_of(part.config);
        double began = 0;
        const auto give = [&](Line line) {
            if (const auto* started = std::get_if<Started>(&line)) began = started->unix_seconds;
            pass_on(index, round, began, std::move(line));
        };
        const auto wish = [&] {
            if (control_.stopping()) return run.config.checkpoint.empty() ? Wish::go_on : Wish::end;
            return control_.paused() ? Wish::wait : Wish::go_on;
        };
        using Clock = std::chrono::steady_clock;
        std::optional<Clock::time_point> asked;
        const auto stop = [&] {
            if (!control_.stopping_now() || run.config.checkpoint.empty())
                return control_.stopping_now();
            if (!asked) asked = Clock::now();
            const std::chrono::duration<double> since = Clock::now() - *asked;
            return since.count() > options_.checkpoint_seconds;
        };
        if (!converse(*worker_, part, options_, give, stop, wish)) worker_.reset();
    }

    /// A line of a round, as one of its run.
    void pass_on(std::size_t index, int round, double began, Line line) {
        const auto& run = runs_[index];
        const int rounds = rounds_of(run.config);
        if (round > 0 && std::holds_alternative<TokenLosses>(line)) return; // the same again
        if (auto* sample = std::get_if<Measured>(&line)) {
            sample->round = round;
        } else if (auto* started = std::get_if<Started>(&line)) {
            if (round > 0) return;
            started->hash = run.hash;
            started->config = run.config;
        } else if (const auto* finished = std::get_if<Finished>(&line)) {
            sink_.line(index, Round{round, began, finished->unix_seconds});
            if (round + 1 < rounds) return;
        } else if (auto* failed = std::get_if<Failed>(&line)) {
            failed_[index] = true;
            if (round > 0 && failed->failure == Failure::interrupted) return; // others stand
            if (round > 0)
                failed->reason = "in round " + to_text(round + 1) + " of " + to_text(rounds) +
                                 ": " + failed->reason;
        }
        sink_.line(index, line);
    }

    const std::vector<PlannedRun>& runs_;
    RecordSink& sink_;
    SweepControl& control_;
    const RunnerOptions& options_;
    const std::filesystem::path program_;
    std::vector<bool> failed_;          ///< their further rounds are left out
    std::vector<std::string> models_{}; ///< what the points share, as model_key() says it
    std::unique_ptr<WorkerProcess> worker_;
    int runs_of_worker_ = 0, round_of_worker_ = 0;
    std::string model_of_worker_{};
};

} // namespace

void run_sweep(const std::vector<PlannedRun>& runs, RecordSink& sink, SweepControl& control,
               const RunnerOptions& options) {
    Sweep(runs, sink, control, options).go();
}

} // namespace sweetspot
