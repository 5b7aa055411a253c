#pragma once
#include <QObject>
#include <QSet>
#include <cstdint>
#include <optional>

namespace sweetspot::gui {

/// Two runs that are compared: from A to B; 0 = not chosen.
struct RunPair {
    qint64 a = 0, b = 0;
    bool operator==(const RunPair&) const = default;
};

/// A part of one run's time, in seconds since it began.
struct TimeRange {
    double begin = 0, end = 0;
    bool operator==(const TimeRange&) const = default;
};

/// What all views look at: which sweep, which of its runs are selected, the one that is explained
/// and what part of its time, and the two that are compared. The only thing that views share about
/// each other.
class Selection : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;
    std::int64_t sweep() const { return sweep_; } ///< 0 = none
    const QSet<qint64>& runs() const { return runs_; }
    void setSweep(std::int64_t id); ///< clears the selected runs
    /// One selected run is the one that is explained, too; two are compared, the earlier as A.
    void setRuns(const QSet<qint64>& ids);

    qint64 run() const { return run_; } ///< 0 = none
    void setRun(qint64 id);             ///< another run has another time: all of it is shown
    const RunPair& pair() const { return pair_; }
    void setPair(const RunPair& pair);
    /// What the other runs of the sweep are held against; 0 = none.
    qint64 baseline() const { return baseline_; }
    void setBaseline(qint64 id);
    /// Nothing: all of the run.
    const std::optional<TimeRange>& time() const { return time_; }
    void setTime(const std::optional<TimeRange>& range);

signals:
    void sweepChanged(qint64 id);
    void runsChanged(const QSet<qint64>& ids);
    void runChanged(qint64 id);
    void pairChanged(const sweetspot::gui::RunPair& pair);
    void baselineChanged(qint64 id);
    void timeChanged(const std::optional<sweetspot::gui::TimeRange>& range);

private:
    std::int64_t sweep_ = 0;
    QSet<qint64> runs_;
    qint64 run_ = 0;
    RunPair pair_;
    qint64 baseline_ = 0;
    std::optional<TimeRange> time_;
};

} // namespace sweetspot::gui
