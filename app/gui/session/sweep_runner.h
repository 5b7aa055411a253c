#pragma once
#include "app/runner/runner.h"
#include <chrono>
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
    void ended(std::size_t index) { advanced(index, 1); }
    void setPaused(bool paused);
    double elapsedSeconds() const; ///< pauses left out
    double leftSeconds() const;    ///< -1 before the first round ended

private:
    using Clock = std::chrono::steady_clock;
    std::vector<double> work_;
    std::vector<double> done_; ///< share of each
    Clock::time_point since_{};
    double before_seconds_ = 0;   ///< until `since_`
    double ended_at_seconds_ = 0; ///< elapsed when the last round ended
    bool running_ = false;
};

} // namespace sweetspot::gui
