#include "app/store/store.h"
#include "app/experiment/config_json.h"
#include "app/experiment/file_stamp.h"
#include "app/experiment/lines.h"
#include "app/experiment/rounds.h"
#include "app/experiment/unix_seconds.h"
#include "app/store/ceilings_file.h"
#include "app/store/state.h"
#include "engine/config/sha256.h"
#include <chrono>
#include <cstdlib>

// What a store is asked for: sweeps and their runs are added, lines appended, finished runs found
// again, notes kept.

namespace sweetspot {

namespace {

/// Lines of a run are made visible together: one write to the disk costs as much as many.
constexpr std::chrono::milliseconds longest_gathering{200};

/// One row: null if there is none, which reads as 0. Parameters: hash, machine, build. What a
/// worker read must be what the contents say; of several weight files it has another hash.
constexpr const char* finished_run_sql =
    "SELECT max(r.id) FROM runs r LEFT JOIN data d ON d.run_id = r.id "
    "LEFT JOIN weights w ON w.run_id = r.id "
    "LEFT JOIN scored_data s ON s.run_id = r.id "
    "WHERE r.hash = ?1 AND r.status = 'done' AND r.contents <> '' AND NOT r.deleted "
    "AND EXISTS (SELECT 1 FROM points p JOIN sweeps s ON s.id = p.sweep_id "
    "WHERE p.run_id = r.id AND NOT s.deleted) AND r.machine = ?2 AND ?2 <> '' AND r.build = ?3 AND "
    "?3 <> '' "
    "AND (d.sha256 IS NULL OR d.sha256 = json_extract(r.contents, '$.data')) "
    "AND (coalesce(s.data_sha256, '') = '' OR s.data_sha256 = "
    "coalesce(json_extract(r.contents, '$.quality_data'), json_extract(r.contents, '$.data'))) "
    "AND (coalesce(w.loaded, 0) = 0 OR w.sha256 = json_extract(r.contents, '$.weights') "
    "OR json_extract(r.contents, '$.weights') LIKE 'files:%')";

constexpr const char* other_build_sql =
    "SELECT max(id) FROM runs WHERE hash = ?1 AND status = 'done' AND contents <> '' "
    "AND NOT deleted "
    "AND machine = ?2 AND ?2 <> '' AND build <> ?3";

std::int64_t find(Statement& rows, const PlannedRun& run) {
    if (leaves_files(run.config)) return 0;
    const auto found = rows.bind(run.hash, run.place.machine, run.place.build).next();
    const auto id = found ? rows.integer(0) : 0;
    rows.reset();
    return id;
}

/// What a round that was stopped has left: it is measured again.
constexpr const char* forget_unfinished_sql =
    "DELETE FROM samples WHERE run_id = ?1 AND round NOT IN "
    "(SELECT \"index\" FROM rounds WHERE run_id = ?1)";

constexpr const char* rounds_sql = "SELECT count(*) FROM rounds WHERE run_id = ?";

int count_rounds(Statement& rows, std::int64_t run_id) {
    const int count = rows.bind(run_id).next() ? int(rows.integer(0)) : 0;
    rows.reset();
    return count;
}

} // namespace

Store::Store(const std::filesystem::path& path, Mode mode)
    : path_(path), state_(std::make_unique<State>(path, mode)) {}

Store::~Store() = default;

Store::NewSweep Store::add_sweep(const Spec& spec, const std::vector<PlannedRun>& runs,
                                 bool again) {
    const std::lock_guard guard(state_->mutex);
    NewSweep sweep;
    state_->change([&] {
        const auto& database = *state_->database;
        database
            .prepare("INSERT INTO sweeps(uuid, name, description, spec, created_unix_seconds) "
                     "VALUES (lower(hex(randomblob(16))), ?, ?, ?, ?)")
            .run(spec.name, spec.description, to_json(spec), unix_seconds());
        sweep.id = database.last_id();
        auto finished = database.prepare(finished_run_sql);
        auto new_run =
            database.prepare("INSERT INTO runs(sweep_id, hash, config, contents, status, reason) "
                             "VALUES (?, ?, ?, ?, ?, ?)");
        auto rounds = database.prepare(rounds_sql);
        auto forget = database.prepare(forget_unfinished_sql);
        auto new_point = database.prepare("INSERT INTO points VALUES (?, ?, ?)");
        for (const auto& run : runs) {
            const bool possible = run.impossible.empty();
            std::int64_t id = 0;
            if (possible && !again) id = find(finished, run);
            const int rounds_done = id ? count_rounds(rounds, id) : 0;
            sweep.finished.push_back(id != 0 && rounds_done >= rounds_of(run.config));
            sweep.rounds_done.push_back(rounds_done);
            if (id != 0 && !sweep.finished.back()) forget.run(id);
            if (id == 0) {
                new_run.run(sweep.id, run.hash, to_json_line(run.config),
                            run.contents.empty() ? "" : dump(Json(run.contents)),
                            to_text(possible ? RunStatus::planned : RunStatus::impossible),
                            run.impossible);
                id = database.last_id();
            }
            new_point.run(sweep.id, std::int64_t(sweep.run_ids.size()), id);
            sweep.run_ids.push_back(id);
        }
    });
    return sweep;
}

std::optional<std::int64_t> Store::finished_run(const PlannedRun& run) const {
    const std::lock_guard guard(state_->mutex);
    auto rows = state_->database->prepare(finished_run_sql);
    const auto id = find(rows, run);
    auto rounds = state_->database->prepare(rounds_sql);
    const bool whole = id != 0 && count_rounds(rounds, id) >= rounds_of(run.config);
    return whole ? std::optional(id) : std::nullopt;
}

bool Store::was_measured_by_another_build(const PlannedRun& run) const {
    const std::lock_guard guard(state_->mutex);
    auto rows = state_->database->prepare(other_build_sql);
    return find(rows, run) != 0;
}

std::string Store::sha256_of(const std::filesystem::path& path,
                             const std::function<void(double)>& progress) {
    constexpr double settling_seconds = 2; // a file may change twice within its clock's grain
    constexpr int most_kept = 10'000;
    const auto name = std::filesystem::absolute(path).lexically_normal().string();
    const auto stamp = stamp_of(name);
    {
        const std::lock_guard guard(state_->mutex);
        auto known = state_->database->prepare(
            "SELECT sha256 FROM file_hashes WHERE path = ? AND stamp = ?");
        if (known.bind(name, stamp.text).next()) return std::string(known.text(0));
    }
    const auto hash = sha256_of_file(name, progress); // may take seconds; others go on
    const bool settled = unix_seconds() - stamp.changed_unix_seconds > settling_seconds &&
                         stamp_of(name).text == stamp.text;
    const std::lock_guard guard(state_->mutex);
    if (settled && state_->lines)
        state_->change([&] {
            const auto& database = *state_->database;
            if (database.number("SELECT count(*) FROM file_hashes") >= most_kept)
                database.execute("DELETE FROM file_hashes");
            database.prepare("INSERT OR REPLACE INTO file_hashes VALUES (?, ?, ?)")
                .run(name, stamp.text, hash);
        });
    return hash;
}

std::vector<Metric> Store::ceilings_of(std::int64_t run_id, const Environment& environment) const {
    auto row = state_->database->prepare("SELECT config FROM runs WHERE id = ?");
    if (!row.bind(run_id).next()) return {};
    const RunConfig config = config_from_json_line(row.text(0));
    const auto fact = [&](const char* name) {
        const auto found = environment.facts.find(name);
        return found == environment.facts.end() ? std::string() : found->second;
    };
    const bool gpu = config.device == DeviceKind::cuda;
    int threads = 0;
    if (config.device == DeviceKind::plan || (!gpu && !from_text(fact("threads"), threads)))
        return {};
    try {
        const auto ceilings = find_ceilings(path_, fact(gpu ? "gpu" : "cpu"), threads);
        return ceilings ? metrics_of(*ceilings, config.precision) : std::vector<Metric>{};
    } catch (const Error&) { // a file that somebody broke is no reason to lose a run
        return {};
    }
}

void Store::append(std::int64_t run_id, const Line& line) {
    const auto* phase = std::get_if<Phase>(&line);
    const bool begins = phase && phase->fraction == 0; // what follows may be silent for minutes
    if (phase && !begins) return;
    const std::lock_guard guard(state_->mutex);
    state_->require_writer();
    const bool ends = std::holds_alternative<Finished>(line) ||
                      std::holds_alternative<Failed>(line) || std::holds_alternative<Round>(line);
    try {
        if (!phase) {
            state_->begin();
            state_->lines->write(run_id, line);
            if (const auto* environment = std::get_if<Environment>(&line))
                for (const Metric& metric : ceilings_of(run_id, *environment))
                    state_->lines->write(run_id, metric);
            ++state_->changes;
        }
        if (begins || ends ||
            std::chrono::steady_clock::now() - state_->committed > longest_gathering)
            state_->commit();
    } catch (...) { // what was gathered is lost; what is durable stays
        state_->roll_back();
        throw;
    }
}

std::int64_t Store::version() const {
    const std::lock_guard guard(state_->mutex);
    return state_->lines ? state_->changes : state_->database->number("SELECT count FROM changes");
}

void Store::set_note(std::int64_t sweep_id, const std::string& note) {
    const std::lock_guard guard(state_->mutex);
    state_->change([&] {
        state_->database->prepare("UPDATE sweeps SET note = ?2 WHERE id = ?1").run(sweep_id, note);
    });
}

void Store::set_tags(std::int64_t sweep_id, const std::vector<std::string>& tags) {
    const std::lock_guard guard(state_->mutex);
    state_->change([&] {
        state_->database->prepare("UPDATE sweeps SET tags = ?2 WHERE id = ?1")
            .run(sweep_id, dump(Json(tags)));
    });
}

void Store::set_pinned(std::int64_t sweep_id, bool pinned) {
    const std::lock_guard guard(state_->mutex);
    state_->change([&] {
        state_->database->prepare("UPDATE sweeps SET pinned = ?2 WHERE id = ?1")
            .run(sweep_id, pinned);
    });
}

void Store::set_sweeps_deleted(const std::vector<std::int64_t>& ids, bool deleted) {
    const std::lock_guard guard(state_->mutex);
    state_->change([&] {
        state_->database
            ->prepare(
                "UPDATE sweeps SET deleted = ?2 WHERE id IN (SELECT value FROM json_each(?1))")
            .run(dump(Json(ids)), deleted);
    });
}

void Store::set_runs_deleted(const std::vector<std::int64_t>& ids, bool deleted) {
    const std::lock_guard guard(state_->mutex);
    state_->change([&] {
        state_->database
            ->prepare("UPDATE runs SET deleted = ?2 WHERE id IN (SELECT value FROM json_each(?1))")
            .run(dump(Json(ids)), deleted);
    });
}

void Store::restore_runs_of(std::int64_t sweep_id) {
    const std::lock_guard guard(state_->mutex);
    state_->change([&] {
        state_->database
            ->prepare("UPDATE runs SET deleted = 0 WHERE id IN "
                      "(SELECT run_id FROM points WHERE sweep_id = ?)")
            .run(sweep_id);
    });
}

std::filesystem::path default_store_path() {
    const auto named = [](const char* name) -> std::filesystem::path {
        const char* value = std::getenv(name);
        return value ? value : "";
    };
    if (const auto path = named("SWEETSPOT_STORE"); !path.empty()) return path;
    auto data = named("XDG_DATA_HOME");
    if (data.empty()) data = named("HOME") / ".local/share";
    return data / "sweetspot/runs.sweetspot";
}

} // namespace sweetspot
