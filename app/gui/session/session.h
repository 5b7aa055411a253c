#pragma once
#include "app/experiment/devices.h"
#include "app/experiment/plan.h"
#include "app/experiment/record.h"
#include "app/store/store.h"
#include <QObject>
#include <QSet>
#include <QString>
#include <memory>
#include <optional>
#include <vector>

namespace sweetspot::gui {

/// Records to read in the window's thread. Those of a sweep in progress grow in place between one
/// runsChanged() and the next; their number and order stay.
using Runs = std::shared_ptr<const std::vector<RunRecord>>;
using Sweeps = std::shared_ptr<const std::vector<SweepInfo>>;

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
    /// Nothing: all of the run.
    const std::optional<TimeRange>& time() const { return time_; }
    void setTime(const std::optional<TimeRange>& range);

signals:
    void sweepChanged(qint64 id);
    void runsChanged(const QSet<qint64>& ids);
    void runChanged(qint64 id);
    void pairChanged(const sweetspot::gui::RunPair& pair);
    void timeChanged(const std::optional<sweetspot::gui::TimeRange>& range);

private:
    std::int64_t sweep_ = 0;
    QSet<qint64> runs_;
    qint64 run_ = 0;
    RunPair pair_;
    std::optional<TimeRange> time_;
};

/// Where a sweep that is under way stands.
struct SweepProgress {
    bool active = false, paused = false, stopping = false;
    std::int64_t sweep_id = 0;
    QString name{};
    int total = 0; ///< points that can be run
    int done = 0, failed = 0, impossible = 0;
    int current = -1;           ///< index of the run in progress, -1 = none
    QString phase{};            ///< load, warmup, measure, trace
    double phase_fraction = 0;  ///< of the phase, in [0, 1]
    double elapsed_seconds = 0; ///< of the sweep, pauses left out
    double left_seconds = -1;   ///< estimate from the runs done, by predicted work; -1 = unknown
    int gpu = -1;               ///< the first that a run goes to, -1 = none
};

/// The data behind the window: the store, the sweep in progress and predictions. Everything slow
/// happens in threads of its own; signals come in the window's thread, and of several questions of
/// one kind only the newest is answered. Pages hold a reference and never touch the store
/// themselves.
class Session : public QObject {
    Q_OBJECT
public:
    explicit Session(QObject* parent = nullptr);
    ~Session() override; ///< ends a sweep in progress; what finished is kept

    // The store
    /// Answers opened() or problem(); where that fails, what was open stays open.
    void open(const QString& path);
    QString path() const;
    bool readOnly() const; ///< another program is writing to the database, or it cannot be written
    Sweeps sweeps() const; ///< newest first; never null
    /// Of the selected sweep, with samples, without details; empty until they are loaded; never
    /// null.
    Runs runs() const;
    /// Loads one run's regions and memory; answers detailsLoaded().
    void loadDetails(std::int64_t run_id);
    /// Loads the runs of a sweep, selected or not, without details; answers sweepLoaded().
    void loadSweep(std::int64_t sweep_id);
    void setNote(std::int64_t sweep_id, const QString&);
    void setTags(std::int64_t sweep_id, const QStringList&);
    void setPinned(std::int64_t sweep_id, bool);
    void importFile(const QString& path);

    // The sweep in progress; one at a time
    const SweepProgress& progress() const;
    /// Stores the sweep, selects it and starts it. Points that already have a finished run are left
    /// out unless `again`. Answers sweepStarted() or problem(), the latter too if a run asks for a
    /// GPU that is not there.
    void start(const Spec&, bool again = false);
    void setPaused(bool);
    void stop();    ///< after the current run
    void stopNow(); ///< ends the current run as interrupted

    // Predictions of the device plan
    /// Answers predicted() with a record for each config, in order, in several growing parts where
    /// there are many.
    void predict(const std::vector<RunConfig>&);

    /// Where runs can go on this machine, as the worker said when the session began; empty until
    /// it has.
    const std::vector<DeviceInfo>& devices() const;

    Selection& selection() { return *selection_; }

signals:
    void opened(const QString& path);
    void sweepsChanged();
    /// Runs of the selected sweep changed; for the one in progress at most five times a second.
    void runsChanged();
    void detailsLoaded(std::shared_ptr<const RunRecord> run);
    void sweepLoaded(qint64 sweep_id, sweetspot::gui::Runs runs);
    void sweepStarted(qint64 sweep_id);
    void sweepEnded(qint64 sweep_id);
    void progressChanged();
    /// Something that is worth a line, and which run of the sweep in progress it is about (-1 =
    /// none).
    void logged(const QString& sentence, int run_index);
    void predicted(std::shared_ptr<const std::vector<RunRecord>> records, bool complete);
    void devicesChanged();
    /// Something a person must know: a sentence, what it means, and where.
    void problem(const QString& sentence);

private:
    struct State;
    std::unique_ptr<State> state_;
    Selection* selection_;
};

} // namespace sweetspot::gui
