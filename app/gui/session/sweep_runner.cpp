#include "app/gui/session/sweep_runner.h"
#include <algorithm>

// The window's side of a sweep: the thread that it runs in, while the window goes on, and the clock
// that tells how long it will yet take, by rounds of its runs or, in a training, by its steps.

namespace sweetspot::gui {

namespace {
struct Sink : RecordSink {
    explicit Sink(SweepRunner::OnLine on_line) : on_line(std::move(on_line)) {}
    void line(std::size_t index, const Line& line) override { on_line(index, line); }
    SweepRunner::OnLine on_line;
};
} // namespace

SweepRunner::SweepRunner(std::vector<PlannedRun> runs, OnLine line, OnEnd ended)
    : thread_([this, runs = std::move(runs), line = std::move(line), ended = std::move(ended)] {
          std::string problem;
          try {
              Sink sink(line);
              run_sweep(runs, sink, control_);
          } catch (const Error& e) {
              problem = e.what();
          }
          ended(problem);
      }) {}

SweepRunner::~SweepRunner() {
    control_.pause(false);
    control_.stop_now();
    thread_.join();
}

void SweepClock::start(std::vector<double> work) {
    work_ = std::move(work);
    done_.assign(work_.size(), 0);
    before_ = done_;
    training_ = SIZE_MAX;
    since_ = Clock::now();
    before_seconds_ = ended_at_seconds_ = 0;
    running_ = true;
}

void SweepClock::setWork(std::size_t index, double work) {
    work_[index] = work;
}

void SweepClock::advanced(std::size_t index, double share) {
    done_[index] = share;
    ended_at_seconds_ = elapsedSeconds();
    if (share >= 1 && index == training_) training_ = SIZE_MAX;
}

void SweepClock::startsTraining(std::size_t index, double share) {
    done_[index] = before_[index] = share;
    training_ = index;
    training_began_ = elapsedSeconds();
}

void SweepClock::setPaused(bool paused) {
    if (paused == !running_) return;
    if (paused) before_seconds_ = elapsedSeconds();
    since_ = Clock::now();
    running_ = !paused;
}

double SweepClock::elapsedSeconds() const {
    if (!running_) return before_seconds_;
    return before_seconds_ + std::chrono::duration<double>(Clock::now() - since_).count();
}

double SweepClock::leftSeconds() const {
    double known = 0, known_count = 0;
    for (const double work : work_) {
        known += work;
        known_count += work > 0;
    }
    const double mean = known_count > 0 ? known / known_count : 1;
    // Until the training under way has ended, by its steps; then the rest, by what was done.
    double until = 0;
    const bool trains = training_ < work_.size() && done_[training_] > before_[training_];
    if (trains)
        until = (ended_at_seconds_ - training_began_) * (1 - done_[training_]) /
                (done_[training_] - before_[training_]);
    double done = 0, left = 0;
    for (std::size_t i = 0; i < work_.size(); ++i) {
        const double work = work_[i] > 0 ? work_[i] : mean;
        const double share = trains && i == training_ ? 1 : done_[i];
        done += (share - before_[i]) * work;
        left += (1 - share) * work;
    }
    if (done <= 0) return -1;
    const double since_last = elapsedSeconds() - ended_at_seconds_;
    return std::max(0.0, until + (ended_at_seconds_ + until) * left / done - since_last);
}

} // namespace sweetspot::gui
