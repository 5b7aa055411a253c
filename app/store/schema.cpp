#include "app/store/schema.h"
#include "kernels/core/error.h"

// The steps from any older database to today's, each as it was released. Tables of lines need none:
// they follow from their kinds (tables.h).

namespace sweetspot {

namespace {

constexpr const char* first_schema = R"(
CREATE TABLE changes(count INTEGER NOT NULL);
INSERT INTO changes VALUES (0);

CREATE TABLE sweeps(
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    spec TEXT NOT NULL,
    created_unix_seconds REAL NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]',
    pinned INTEGER NOT NULL DEFAULT 0);

CREATE TABLE environments(id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE);

CREATE TABLE runs(
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE DEFAULT (randomblob(16)),
    sweep_id INTEGER NOT NULL REFERENCES sweeps(id),
    hash TEXT NOT NULL,
    config TEXT NOT NULL,
    status TEXT NOT NULL,
    failure TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    started_unix_seconds REAL NOT NULL DEFAULT 0,
    ended_unix_seconds REAL NOT NULL DEFAULT 0,
    environment_id INTEGER REFERENCES environments(id));
CREATE INDEX runs_by_hash ON runs(hash, status);

CREATE TABLE points(
    sweep_id INTEGER NOT NULL REFERENCES sweeps(id),
    position INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs(id),
    PRIMARY KEY(sweep_id, position)) WITHOUT ROWID;
CREATE INDEX points_by_run ON points(run_id);

CREATE TABLE weights(
    run_id INTEGER PRIMARY KEY REFERENCES runs(id),
    loaded INTEGER NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    seed INTEGER NOT NULL,
    parameters INTEGER NOT NULL);

CREATE TABLE metrics(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    name TEXT NOT NULL,
    value REAL,
    PRIMARY KEY(run_id, name)) WITHOUT ROWID;

CREATE TABLE texts(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY(run_id, name)) WITHOUT ROWID;

CREATE TABLE samples(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    ordinal INTEGER NOT NULL,
    metric TEXT NOT NULL,
    step INTEGER NOT NULL,
    value REAL,
    warmup INTEGER NOT NULL,
    PRIMARY KEY(run_id, ordinal)) WITHOUT ROWID;

CREATE TABLE regions(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    ordinal INTEGER NOT NULL,
    path TEXT NOT NULL,
    calls INTEGER NOT NULL,
    start_seconds REAL,
    seconds REAL,
    flops REAL,
    bytes REAL,
    PRIMARY KEY(run_id, ordinal)) WITHOUT ROWID;

CREATE TABLE memory_points(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    ordinal INTEGER NOT NULL,
    seconds REAL,
    weights REAL,
    activations REAL,
    gradients REAL,
    optimizer REAL,
    kv_cache REAL,
    workspace REAL,
    PRIMARY KEY(run_id, ordinal)) WITHOUT ROWID;
)";

/// Runs know what they are told apart by (app/experiment/identity.h), memory has a row for each
/// purpose whose bytes changed, and the tables of lines have the members' names.
constexpr const char* second_schema = R"(
ALTER TABLE runs ADD COLUMN contents TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN machine TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN build TEXT NOT NULL DEFAULT '';

CREATE TABLE file_hashes(
    path TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    sha256 TEXT NOT NULL) WITHOUT ROWID;

ALTER TABLE samples RENAME COLUMN step TO "index";

ALTER TABLE memory_points RENAME TO old_memory_points;
CREATE TABLE memory_points(
    run_id INTEGER NOT NULL REFERENCES runs(id),
    ordinal INTEGER NOT NULL,
    seconds REAL,
    purpose TEXT NOT NULL DEFAULT '',
    bytes REAL,
    PRIMARY KEY(run_id, ordinal)) WITHOUT ROWID;
WITH points(run_id, ordinal, seconds, purpose, bytes) AS (
    SELECT run_id, 6 * ordinal, seconds, 'weights', weights FROM old_memory_points
    UNION ALL SELECT run_id, 6 * ordinal + 1, seconds, 'activations', activations FROM old_memory_points
    UNION ALL SELECT run_id, 6 * ordinal + 2, seconds, 'gradients', gradients FROM old_memory_points
    UNION ALL SELECT run_id, 6 * ordinal + 3, seconds, 'optimizer', optimizer FROM old_memory_points
    UNION ALL SELECT run_id, 6 * ordinal + 4, seconds, 'kv_cache', kv_cache FROM old_memory_points
    UNION ALL SELECT run_id, 6 * ordinal + 5, seconds, 'workspace', workspace FROM old_memory_points),
changes AS (
    SELECT *, lag(bytes, 1, 0) OVER (PARTITION BY run_id, purpose ORDER BY ordinal) AS before
    FROM points)
INSERT INTO memory_points
    SELECT run_id, ordinal, seconds, purpose, bytes FROM changes WHERE bytes IS NOT before;
DROP TABLE old_memory_points;
)";

/// What was deleted stays where it is, marked: it can be had again.
constexpr const char* third_schema = R"(
ALTER TABLE sweeps ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
)";

constexpr const char* all_migrations[] = {first_schema, second_schema, third_schema};

/// Ours has tables and their indices. A view or a trigger computes when a table is read or written,
/// for ever if its author likes.
void refuse_programs(const Database& database) {
    auto rows = database.prepare("SELECT type, name FROM sqlite_master WHERE type NOT IN "
                                 "('table', 'index') OR sql LIKE 'CREATE VIRTUAL%'");
    if (!rows.next()) return;
    throw Error(Failure::file, database.path().string() + " has a " + std::string(rows.text(0)) +
                                   ", \"" + std::string(rows.text(1)) +
                                   "\", that no store of Sweetspot's has: it is not opened");
}

} // namespace

std::span<const char* const> migrations() {
    return all_migrations;
}

std::int64_t check_schema(const Database& database, std::size_t newest) {
    const auto owner = database.number("PRAGMA application_id");
    const auto version = database.number("PRAGMA user_version");
    const bool empty = database.number("SELECT count(*) FROM sqlite_master") == 0;
    if (owner != application_id && !(owner == 0 && empty))
        throw Error(Failure::file,
                    database.path().string() + " is a database, but not one of Sweetspot's");
    refuse_programs(database);
    if (version > std::int64_t(newest))
        throw Error(Failure::file, database.path().string() +
                                       " was written by a newer Sweetspot: its schema is version " +
                                       std::to_string(version) + ", and this one knows up to " +
                                       std::to_string(newest));
    return version;
}

void migrate(const Database& database, std::span<const char* const> steps) {
    if (check_schema(database, steps.size()) == std::int64_t(steps.size())) return;
    Transaction transaction(database);
    // Looked at again: another process may have been here first.
    for (auto i = std::size_t(check_schema(database, steps.size())); i < steps.size(); ++i)
        database.execute(steps[i]);
    database.execute("PRAGMA application_id = " + std::to_string(application_id));
    database.execute("PRAGMA user_version = " + std::to_string(steps.size()));
    transaction.commit();
}

} // namespace sweetspot
