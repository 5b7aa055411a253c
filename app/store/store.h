#pragma once
#include "app/experiment/plan.h"
#include "app/experiment/record.h"
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sweetspot {

/// One execution of a spec, as the store keeps it.
struct SweepInfo {
    std::int64_t id = 0;
    std::string name{}, description{};
    std::string spec_json{};
    double created_unix_seconds = 0;
    int planned = 0; ///< points in all: those done, failed, impossible, running and yet to run
    int done = 0, failed = 0, impossible = 0;
    int reused = 0;       ///< of those done: measured for an earlier sweep
    int deleted_runs = 0; ///< not among those planned
    std::string note{};
    std::vector<std::string> tags{};
    bool pinned = false;
};

/// A model that a training wrote.
struct SavedModel {
    std::int64_t run_id = 0;
    std::string folder{}; ///< where it was written; it may have gone since
};

/// Which runs to load; an empty field does not restrict.
struct RunQuery {
    std::optional<std::int64_t> sweep_id{};
    std::vector<std::int64_t> ids{};
    std::string hash{};
    /// Words that must all occur in the config, status, reason, or in the sweep's name, tags or
    /// note, upper case like lower; "batch=4" is that value of that field.
    std::string text{};
    bool with_details = false; ///< regions and memory points too
};

/// Thrown for a database that an older program made and nobody has opened for writing since.
class OlderSchema : public Error {
public:
    using Error::Error;
};

/// Every run there ever was: SQLite in WAL mode, append-only records, one writer, readers any time.
/// Methods throw Error(file) with the path and the reason (full or read-only disk, locked, newer
/// schema, not a database). May be used from several threads, each call waits for the one before:
/// a window reads through a Store of its own.
class Store {
public:
    enum class Mode { read, write };

    /// Opens, or in Mode::write creates, a database. An older schema is brought up to date by
    /// Mode::write, and OlderSchema for Mode::read.
    /// A second writer on the same file gets Error(file) that says so. Runs that a writer which is
    /// no more left `running` become failed as interrupted when the next one opens it.
    explicit Store(const std::filesystem::path&, Mode = Mode::write);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// A new sweep with all its points, impossible ones included. A point that finished_run() finds
    /// is that run (a run may be in many sweeps), so that a sweep that is resumed is whole;
    /// likewise one that would be found but lacks rounds, which it is to get. With `again`, each
    /// possible point is a run of its own.
    struct NewSweep {
        std::int64_t id = 0;
        std::vector<std::int64_t> run_ids{}; ///< of the points, in their order
        std::vector<bool> finished{};        ///< likewise: the run was there already, all rounds
        std::vector<int> rounds_done{};      ///< likewise: so many of its rounds were
    };
    NewSweep add_sweep(const Spec&, const std::vector<PlannedRun>&, bool again = false);
    /// Appends a line to a run. Durable when a Round, Finished or Failed line returned; before
    /// that, others see lines when a phase begins, and after a fifth of a second at the latest, if
    /// more follow. A run that has ended cannot be started again: Error(bug). With its environment
    /// a run gets the ceilings of its device as metrics, where they were measured
    /// (ceilings_file.h).
    void append(std::int64_t run_id, const Line&);

    std::vector<SweepInfo> sweeps() const; ///< newest first
    std::vector<SweepInfo> deleted_sweeps() const;
    std::vector<SavedModel> saved_models() const; ///< newest first, each folder once
    /// By id, or in the order of its points where one sweep is asked for.
    std::vector<RunRecord> runs(const RunQuery& = {}) const;
    /// The newest finished run that stands for this one, if any: of the same point, measured at the
    /// same place. A run whose contents or place are not known stands for none, nor does one that
    /// read another file than was looked at before it began, nor one that lacks rounds.
    std::optional<std::int64_t> finished_run(const PlannedRun&) const;
    /// Whether another build measured the same point on this machine.
    bool was_measured_by_another_build(const PlannedRun&) const;
    /// SHA-256 of a file. Files that were seen before, and have not changed since by size, times
    /// and inode, are not read again; of others `progress` is told as sha256_of_file() has it.
    /// Throws Error(file).
    std::string sha256_of(const std::filesystem::path&,
                          const std::function<void(double share)>& progress = {});
    /// Grows with every append, by any process: views look at it to know that there is more.
    std::int64_t version() const;

    void set_note(std::int64_t sweep_id, const std::string&);
    void set_tags(std::int64_t sweep_id, const std::vector<std::string>&);
    void set_pinned(std::int64_t sweep_id, bool);
    /// What is deleted is in no answer (but deleted_sweeps()) and stands for no other run, until it
    /// is given back; nothing is erased. A run is in some answer while one of its sweeps is.
    void set_sweeps_deleted(const std::vector<std::int64_t>& ids, bool);
    void set_runs_deleted(const std::vector<std::int64_t>& ids, bool);
    /// Gives back all deleted runs of a sweep.
    void restore_runs_of(std::int64_t sweep_id);
    /// Copies the sweeps of another database that this one lacks. Gives their number.
    int import(const std::filesystem::path&);

    const std::filesystem::path& path() const { return path_; }

private:
    struct State;
    std::vector<SweepInfo> sweeps_that(const char* condition) const;
    /// What is known of the ceilings of the device that a run is measured on; nothing of a plan's.
    std::vector<Metric> ceilings_of(std::int64_t run_id, const Environment&) const;

    std::filesystem::path path_;
    std::unique_ptr<State> state_;
};

/// Where runs go unless told otherwise: $SWEETSPOT_STORE, else sweetspot/runs.sweetspot in the
/// user's data folder ($XDG_DATA_HOME, else ~/.local/share).
std::filesystem::path default_store_path();

} // namespace sweetspot
