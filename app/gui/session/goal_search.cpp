#include "app/gui/session/goal_search.h"
#include "app/analysis/format.h"
#include "app/analysis/statistics.h"
#include "app/gui/session/session_state.h"
#include "app/runner/runner.h"
#include "kernels/core/error.h"
#include <algorithm>

// Goal seeking beside the session: each question of the search becomes a prediction or a sweep, and
// its answer the next question. Nothing is waited for, so that it can be paused anywhere.

namespace sweetspot::gui {
namespace {

constexpr double largest_asked = 1e6;

} // namespace

/// Predictions of its own: those of a form that is typed in would take their place.
struct GoalSearch::Thread {
    Predictor predictor;
    Background background; // last, so that it ends first
};

GoalSearch::GoalSearch(Session& session, QObject* parent)
    : QObject(parent), session_(session), thread_(std::make_unique<Thread>()) {
    connect(&session, &Session::sweepEnded, this, [this](qint64 sweep) {
        if (sweep == sweep_) return session_.loadSweep(sweep);
        if (state_ == State::waiting) step();
    });
    connect(&session, &Session::sweepLoaded, this, [this](qint64 sweep, const Runs& runs) {
        if (sweep != sweep_ || runs->empty()) return;
        sweep_ = 0;
        if (const auto question = search_.next(); question && state_ == State::running)
            take(question->value, runs->front(), false);
    });
    connect(&session, &Session::sweepStarted, this, [this](qint64 sweep) {
        if (state_ == State::running && sweep_ == 0) sweep_ = sweep;
    });
    connect(&session, &Session::problem, this, [this](const QString& sentence) {
        if (state_ == State::running && sweep_ == 0) end(sentence); // it did not start
    });
}

GoalSearch::~GoalSearch() {
    thread_->predictor.stop();
}

bool GoalSearch::active() const {
    return state_ == State::waiting || state_ == State::predicting || state_ == State::running;
}

void GoalSearch::start(const Goal& goal) {
    if (active()) return;
    if (state_ != State::paused || !(goal == goal_)) {
        const RunField* field = find_field(goal.field);
        goal_ = goal;
        search_ = LargestSearch(std::int64_t(std::max(1.0, field->range.least)),
                                std::int64_t(std::min(largest_asked, field->range.most)));
        steps_.clear();
        run_ = 0;
    }
    problem_.clear();
    step();
}

void GoalSearch::pause() {
    if (!active()) return;
    ++question_;
    be(State::paused);
    if (sweep_ && session_.progress().active && session_.progress().sweep_id == sweep_)
        session_.stopNow();
    sweep_ = 0;
}

void GoalSearch::step() {
    const auto question = search_.next();
    if (!question) return end({});
    if (question->predicted) return askPlan(question->value);
    if (session_.progress().active) return be(State::waiting);
    askRun(question->value);
}

RunConfig GoalSearch::at(std::int64_t value) const {
    RunConfig config = goal_.spec.base;
    set_field(config, goal_.field, to_text(value));
    return config;
}

void GoalSearch::askPlan(std::int64_t value) {
    be(State::predicting);
    thread_->background.post([this, value, config = at(value), mine = ++question_] {
        RunRecord found;
        try {
            found = thread_->predictor.predict({config}).at(0);
        } catch (const Error& e) {
            found.status = RunStatus::failed;
            found.reason = e.what();
        }
        QMetaObject::invokeMethod(
            this,
            [this, value, found, mine] {
                if (mine == question_) take(value, found, true);
            },
            Qt::QueuedConnection);
    });
}

void GoalSearch::askRun(std::int64_t value) {
    Spec spec = goal_.spec;
    spec.base = at(value);
    spec.name = "largest " + goal_.field + ": " + to_text(value);
    be(State::running);
    session_.start(spec);
}

void GoalSearch::take(std::int64_t value, const RunRecord& run, bool predicted) {
    const QString named =
        QString("%1 %2").arg(QString::fromStdString(goal_.field).replace('_', ' ')).arg(value);
    const auto peak = value_of(run, "peak_bytes");
    std::optional<bool> fits;
    if (run.status == RunStatus::failed && run.failure == Failure::out_of_memory && !predicted) {
        fits = false;
        steps_ << tr("%1 ran out of memory").arg(named);
    } else if (run.failure == Failure::interrupted && !predicted) {
        return be(State::paused); // somebody stopped the sweep
    } else if (run.status == RunStatus::failed || run.status == RunStatus::impossible) {
        // What cannot be at all, as a sequence beyond a model's positions, bounds the search.
        const QString why = named + ": " + QString::fromStdString(run.reason);
        if (!predicted || search_.result().steps.empty()) return end(why);
        fits = false;
        steps_ << why;
    } else if (peak) {
        fits = *peak <= goal_.budget_bytes;
        const QString bytes = QString::fromStdString(format_value(*peak, "bytes"));
        steps_ << (predicted ? tr("%1 would take %2") : tr("%1 took %2")).arg(named, bytes) +
                      (*fits ? QString() : tr(", too much"));
    }
    search_.tell(fits);
    if (!predicted && fits == true) run_ = run.id;
    step();
}

void GoalSearch::end(const QString& problem) {
    problem_ = problem;
    be(State::over);
}

void GoalSearch::be(State state) {
    state_ = state;
    emit changed();
}

} // namespace sweetspot::gui
