#pragma once
#include "app/runner/runner.h"
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

namespace sweetspot::gui {

/// A sweep in a thread of its own. `line` and `ended` are called from that thread; `ended` says
/// what went wrong, or nothing. Destroying it ends the run in progress as interrupted and waits.
class SweepRunner {
public:
    using OnLine = std::function<void(std::size_t index, const Line&)>;
    using OnEnd = std::function<void(const std::string& problem)>;

    SweepRunner(std::vector<PlannedRun> runs, OnLine line, OnEnd ended);
    ~SweepRunner();
    SweepRunner(const SweepRunner&) = delete;
    SweepRunner& operator=(const SweepRunner&) = delete;

    SweepControl& control() { return control_; }

private:
    SweepControl control_;
    std::thread thread_;
};

/// How long a sweep has been going and will yet go, judged by the work of its runs.
class SweepClock {
public:
    /// `work`: of each run to come, in any unit; where it is unknown, 0, the mean is taken.
    void start(std::vector<double> work);
    void setWork(std::size_t index, double work);
    void advanced(std::size_t index, double share); ///< so much of a run is done, by rounds
    /// A training takes its first step; it may go on from a checkpoint, so much of it took no time
    /// here. From then on its steps tell when it ends.
    void startsTraining(std::size_t index, double share);
    void ended(std::size_t index) { advanced(index, 1); }
    void setPaused(bool paused);
    double elapsedSeconds() const; ///< pauses left out
    double leftSeconds() const;    ///< -1 before the first round or step ended

private:
    using Clock = std::chrono::steady_clock;
    std::vector<double> work_;
    std::vector<double> done_, before_; ///< share of each, and that of it which took no time
    Clock::time_point since_{};
    std::size_t training_ = SIZE_MAX; ///< which run is one that is under way; none
    double training_began_ = 0;       ///< elapsed when it took its first step
    double before_seconds_ = 0;       ///< until `since_`
    double ended_at_seconds_ = 0;     ///< elapsed when the last round ended
    bool running_ = false;
};

} // namespace sweetspot::gui
