#include "app/store/schema.h"
#include "kernels/core/error.h"

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

constexpr const char* all_migrations[] = {first_schema};

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
