#include "app/runner/conversation.h"
#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "app/experiment/printable.h"
#include "app/experiment/unix_seconds.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <utility>

// One run's way through a worker: a configuration in, lines out, and what is recorded when the
// worker dies, hangs, or says something else.

namespace sweetspot {

namespace {

using Clock = std::chrono::steady_clock;
constexpr double glance_seconds = 0.05; // how often stop and the time are looked at

double seconds_since(Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
}

std::string with_last_words(std::string reason, WorkerProcess& worker) {
    const auto words = worker.last_words();
    return words.empty() ? reason : reason + "; it last said: " + words;
}

Failed by_signal(int signal, WorkerProcess& worker) {
    const auto name = std::string("SIG") + (sigabbrev_np(signal) ? sigabbrev_np(signal) : "?");
    if (signal == SIGKILL)
        return {Failure::killed, "the worker was killed (SIGKILL): often the system's out-of-memory"
                                 " killer"};
    if (signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGXCPU)
        return {Failure::killed, "the worker was ended from outside (" + name + ")"};
    return {
        Failure::crashed,
        with_last_words("the worker crashed (" + name + ", " + sigdescr_np(signal) + ")", worker)};
}

/// Why a worker whose output has ended left its run.
Failed farewell(WorkerProcess& worker, const RunnerOptions& options) {
    if (!worker.wait(options.end_seconds)) {
        worker.end(options.end_seconds);
        return {Failure::crashed, "the worker closed its output before the run was done"};
    }
    if (WIFSIGNALED(worker.status())) return by_signal(WTERMSIG(worker.status()), worker);
    return {Failure::crashed,
            with_last_words("the worker ended with exit code " +
                                to_text(WEXITSTATUS(worker.status())) + " before the run was done",
                            worker)};
}

/// One run's way through a worker.
class Conversation {
public:
    Conversation(WorkerProcess& worker, const PlannedRun& run, const RunnerOptions& options,
                 const std::function<void(const Line&)>& give, const std::function<Wish()>& wish)
        : worker_(worker), run_(run), options_(options), give_(give), wish_(wish) {}

    bool hold(const std::function<bool()>& stop) {
        worker_.send(to_json_line(run_.config)); // one that has gone shows when it is read
        std::string text;
        for (;;) {
            if (stop())
                return give_up({Failure::interrupted, "the sweep was stopped during this run"});
            heed();
            if (late()) return give_up(timed_out());
            switch (worker_.read_line(text, glance_seconds)) {
            case WorkerProcess::Got::nothing: break;
            case WorkerProcess::Got::end: return give_up(farewell(worker_, options_));
            case WorkerProcess::Got::line:
                if (!read(text)) return false;
                if (done_) return !failed_;
            }
        }
    }

private:
    /// Tells a training what is wished, once it has steps; time in which it waits does not count.
    void heed() {
        if (run_.config.task != Task::train || (phase_ != "train" && phase_ != "paused")) return;
        if (phase_ == "paused") since_ = Clock::now();
        const Wish wish = wish_();
        if (std::exchange(told_, wish) == wish) return;
        worker_.tell(wish == Wish::end ? SIGUSR1 : wish == Wish::wait ? SIGTSTP : SIGCONT);
    }

    /// One line of the worker's. False if it ended the conversation.
    bool read(const std::string& text) {
        try {
            line_ = from_json_line(text);
        } catch (const Error& error) {
            return give_up({Failure::bug, "the worker wrote what is no record line, \"" +
                                              printable(text.substr(0, 200)) +
                                              "\": " + printable(error.what())});
        }
        auto* started = std::get_if<Started>(&line_);
        if (started && started->hash != hash_of(run_.config))
            return give_up({Failure::bug, "the worker started another run than it was given: it is "
                                          "of another version"});
        if (started) started->hash = run_.hash; // a worker knows of no other run's contents
        has_result_ = has_result_ || is_result(line_);
        if (std::holds_alternative<Finished>(line_) && !has_result_)
            return give_up({Failure::bug, "the worker said that the run is done, but it measured "
                                          "nothing"});
        if (const auto* phase = std::get_if<Phase>(&line_)) {
            phase_ = phase->name;
            if (phase->name != "load") loaded();
        }
        if (const auto* sample = std::get_if<Measured>(&line_)) {
            loaded();
            if (sample->metric == "step_seconds" && !sample->warmup) {
                ++steps_;
                step_seconds_ += sample->value;
            }
            if (run_.config.task == Task::train) since_ = Clock::now(); // it may take days
        }
        give(line_);
        return true;
    }

    void give(Line line) {
        if (std::holds_alternative<Started>(line))
            started_ = true;
        else if (!started_)
            give(Started{run_.hash, run_.config, sent_unix_seconds_});
        if (auto* failed = std::get_if<Failed>(&line)) {
            failed_ = true;
            if (failed->unix_seconds == 0) failed->unix_seconds = unix_seconds();
        }
        done_ = failed_ || std::holds_alternative<Finished>(line);
        give_(line);
    }

    bool give_up(Failed failed) {
        worker_.end(options_.end_seconds);
        give(std::move(failed));
        return false;
    }

    void loaded() {
        if (loading_) since_ = Clock::now();
        loading_ = false;
    }

    /// A plan's numbers are metrics; what is executed has steps.
    bool is_result(const Line& line) const {
        if (run_.config.device == DeviceKind::plan) return std::holds_alternative<Metric>(line);
        const auto* sample = std::get_if<Measured>(&line);
        return sample && !sample->warmup;
    }

    /// Which limit holds now: loading has one of its own if it is given.
    const char* limit_name() const {
        return loading_ && run_.config.load_timeout_seconds > 0 ? "load_timeout_seconds"
                                                                : "timeout_seconds";
    }

    double limit() const {
        return loading_ && run_.config.load_timeout_seconds > 0 ? run_.config.load_timeout_seconds
                                                                : run_.config.timeout_seconds;
    }

    bool late() const { return limit() > 0 && seconds_since(since_) > limit(); }

    /// Of what ends the measuring, that which was not reached; "" where that was not the phase.
    std::string unmet() const {
        const RunConfig& config = run_.config;
        if (phase_ != "measure") return {};
        if (steps_ < config.repeats)
            return ": it had " + to_text(steps_) + " of " + to_text(config.repeats) +
                   " steps (repeats)";
        if (step_seconds_ < config.min_seconds)
            return ": its steps had taken " + to_text(std::round(1e3 * step_seconds_) / 1e3) +
                   " of " + to_text(config.min_seconds) + " s (min_seconds)";
        return ": after " + to_text(steps_) + " steps its noise was above " +
               to_text(config.noise) + " (noise), and max_repeats is " +
               to_text(config.max_repeats);
    }

    Failed timed_out() const {
        const std::string by = std::string(limit_name()) + ", " + to_text(limit()) + " s";
        if (!started_)
            return {Failure::timed_out, "the worker did not start the run within its " + by};
        if (loading_) return {Failure::timed_out, "the run did not load within its " + by};
        if (run_.config.task == Task::train)
            return {Failure::timed_out, "a step of the training took longer than its " + by +
                                            ", and was in its phase " + phase_};
        return {Failure::timed_out, "the run took longer than its " + by +
                                        ", and was in its phase " + phase_ + unmet()};
    }

    WorkerProcess& worker_;
    const PlannedRun& run_;
    const RunnerOptions& options_;
    const std::function<void(const Line&)>& give_;
    const std::function<Wish()>& wish_;
    Wish told_ = Wish::go_on;
    Line line_;
    /// When loading began, then when it was over; of a training, when its last step was.
    Clock::time_point since_ = Clock::now();
    double sent_unix_seconds_ = unix_seconds();
    std::string phase_ = "measure"; ///< that the worker said last
    int steps_ = 0;                 ///< that were measured
    double step_seconds_ = 0;       ///< their sum
    bool loading_ = true, started_ = false, failed_ = false, done_ = false, has_result_ = false;
};

} // namespace

bool converse(WorkerProcess& worker, const PlannedRun& run, const RunnerOptions& options,
              const std::function<void(const Line&)>& give, const std::function<bool()>& stop,
              const std::function<Wish()>& wish) {
    return Conversation(worker, run, options, give, wish).hold(stop);
}

} // namespace sweetspot
