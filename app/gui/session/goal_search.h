#pragma once
#include "app/analysis/search.h"
#include "app/gui/session/session.h"
#include <QStringList>

namespace sweetspot::gui {

/// The largest value of a field that fits in memory.
struct Goal {
    Spec spec{};         ///< one point
    std::string field{}; ///< of whole numbers
    double budget_bytes = 0;
    bool operator==(const Goal& other) const {
        return to_json(spec) == to_json(other.spec) && field == other.field &&
               budget_bytes == other.budget_bytes;
    }
};

/// A search for it (app/analysis/search.h): the device plan is asked in a thread, runs are sweeps
/// of the session's, of a point each, and are kept. It waits while another sweep measures.
class GoalSearch : public QObject {
    Q_OBJECT
public:
    /// `session` must outlive it.
    explicit GoalSearch(Session& session, QObject* parent = nullptr);
    ~GoalSearch() override;

    enum class State { idle, waiting, predicting, running, paused, over };
    /// Goes on with the goal that it has, if it is the same and was not over; else begins anew.
    void start(const Goal& goal);
    /// What is under way is ended, and asked again when it goes on.
    void pause();

    State state() const { return state_; }
    bool active() const;
    const Goal& goal() const { return goal_; }
    const SearchResult& result() const { return search_.result(); }
    qint64 confirmedBy() const { return run_; }  ///< the run of the largest; 0 = none yet
    QStringList steps() const { return steps_; } ///< a line for each answer
    QString problem() const { return problem_; } ///< why it ended without an answer

signals:
    void changed();

private:
    void step();
    void askPlan(std::int64_t value);
    void askRun(std::int64_t value);
    void take(std::int64_t value, const RunRecord& run, bool predicted);
    void end(const QString& problem);
    void be(State state);
    RunConfig at(std::int64_t value) const;

    struct Thread;
    Session& session_;
    Goal goal_{};
    LargestSearch search_{1, 0};
    State state_ = State::idle;
    qint64 sweep_ = 0; ///< that measures the value asked for; 0 = none
    qint64 run_ = 0;
    QStringList steps_{};
    QString problem_{};
    std::unique_ptr<Thread> thread_;
    int question_ = 0; ///< the newest one: older answers are not wanted
};

} // namespace sweetspot::gui
