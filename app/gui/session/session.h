#pragma once
#include "app/experiment/devices.h"
#include "app/experiment/plan.h"
#include "app/experiment/record.h"
#include "app/gui/session/selection.h"
#include "app/store/store.h"
#include <QString>
#include <map>
#include <memory>
#include <vector>

namespace sweetspot::gui {

/// Records to read in the window's thread. Those of a sweep in progress grow in place between one
/// runsChanged() and the next; their number and order stay.
using Runs = std::shared_ptr<const std::vector<RunRecord>>;
using Sweeps = std::shared_ptr<const std::vector<SweepInfo>>;

/// Where a sweep that is under way stands.
struct SweepProgress {
    bool active = false, paused = false, stopping = false;
    std::int64_t sweep_id = 0;
    QString name{};
    bool from_queue = false; ///< it began by itself, after another
    int total = 0;           ///< points that can be run, those done before it began included
    int done = 0, failed = 0, impossible = 0;
    int current = -1;           ///< index of the run in progress, -1 = none
    QString phase{};            ///< load, warmup, measure, train, paused, trace, quality
    double phase_fraction = 0;  ///< of the phase, in [0, 1]
    double elapsed_seconds = 0; ///< of the sweep, pauses left out
    double left_seconds = -1;   ///< estimate from the runs done, by predicted work; -1 = unknown
    int gpu = -1;               ///< the first that a run goes to, -1 = none

    /// A pause was asked for, and the run in progress is still measured.
    bool pausing() const { return paused && current >= 0 && phase != "paused"; }
};

/// A sweep that is to be run.
struct SweepOrder {
    Spec spec{};
    bool again = false; ///< also what has a finished run
    /// Points that are kept as impossible and never run, by hash_of(config): why. What a plan says
    /// is impossible need not stand here.
    std::map<std::string, std::string> left_out{};
};
/// What remains of a sweep: its spec, and the points that it left out. Throws Error(bad_input)
/// where its spec is of another version.
SweepOrder rest_of(const SweepInfo&, const std::vector<RunRecord>&);

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
    /// What trainings wrote and is still there, newest first; told of with the sweeps.
    const std::vector<SavedModel>& savedModels() const;
    /// Of the selected sweep, with samples, without details; empty until they are loaded; never
    /// null.
    Runs runs() const;
    /// What earlier runs of the same trainings took, until they were stopped with a checkpoint;
    /// comes with the runs; never null.
    Runs earlierSteps() const;
    /// Loads one run's regions and memory; answers detailsLoaded().
    void loadDetails(std::int64_t run_id);
    /// Loads the runs of a sweep, selected or not, without details; answers sweepLoaded().
    void loadSweep(std::int64_t sweep_id);
    void setNote(std::int64_t sweep_id, const QString&);
    void setTags(std::int64_t sweep_id, const QStringList&);
    void setPinned(std::int64_t sweep_id, bool);
    void importFile(const QString& path);
    /// Sweeps or runs that were deleted together, and what to call them.
    struct Deletion {
        std::vector<std::int64_t> sweeps{}, runs{};
        QString name{};
    };
    /// Answers deletionsChanged(). Nothing is erased: see Store.
    void remove(const Deletion&);
    /// Gives back what was deleted last and is not back yet; nothing if there is none.
    void undoRemove();
    const std::vector<Deletion>& removed() const; ///< what undoRemove() can give back, last last
    Sweeps deletedSweeps() const;                 ///< also those of earlier days; never null
    void restoreSweeps();                         ///< all of them
    void restoreRuns(std::int64_t sweep_id);

    // The sweep in progress; one at a time
    const SweepProgress& progress() const;
    /// Stores the sweep, selects it and starts it. Answers sweepStarted() or problem(), the latter
    /// too if a run asks for a GPU that is not there.
    void start(const SweepOrder&);
    void start(const Spec& spec, bool again = false) { start({spec, again, {}}); }
    void setPaused(bool);
    void stop();    ///< after the current run, or of a training with checkpoints after its step
    void stopNow(); ///< ends the current run as interrupted
    /// Starts it as soon as those before it have ended. A sweep that is stopped keeps the queue
    /// waiting until startNext().
    void enqueue(const SweepOrder&);
    const std::vector<SweepOrder>& queued() const; ///< next one first
    void unqueue(std::size_t place);
    void moveQueued(std::size_t from, std::size_t to);
    /// Puts one that was taken from the queue back to its place, or the last if there are fewer.
    void queueAt(std::size_t place, const SweepOrder&);
    void startNext();

    // Predictions of the device plan
    /// Answers predicted() with a record for each config, in order, in several growing parts where
    /// there are many. While a sweep measures nothing is computed beside it: answers wait.
    void predict(const std::vector<RunConfig>&);
    /// Likewise, for who asks about points of a grid: answers pointsPredicted() once, with what can
    /// be, and nothing while a sweep measures.
    void predictPoints(const std::vector<RunConfig>&);
    /// Counts the points that have a finished run, which a sweep of them would take over: answers
    /// measuredCounted(), of several questions the newest, and nothing while a sweep measures or
    /// where it would take long to know.
    void countMeasured(const std::vector<PlannedRun>&);
    /// As far as it was ever predicted: by the run itself, or by predict(); 0 = never.
    double predictedPeak(const RunRecord&) const;

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
    void queueChanged();
    void progressChanged();
    void deletionsChanged();
    /// Something that is worth a line, and which run of the sweep in progress it is about (-1 =
    /// none).
    void logged(const QString& sentence, int run_index);
    void predicted(std::shared_ptr<const std::vector<RunRecord>> records, bool complete);
    void pointsPredicted(const std::shared_ptr<const std::vector<sweetspot::RunRecord>>& records);
    void measuredCounted(int count);
    void devicesChanged();
    /// Something a person must know: a sentence, what it means, and where.
    void problem(const QString& sentence);

private:
    struct State;
    std::unique_ptr<State> state_;
    Selection* selection_;
};

} // namespace sweetspot::gui
