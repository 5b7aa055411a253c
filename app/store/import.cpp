#include "app/store/state.h"
#include "app/store/tables.h"
#include <system_error>

// Sweeps of another store copied into this one: what is lacking gets ids after ours, in one
// transaction.

namespace sweetspot {

namespace {

/// Another database beside ours, under the name `other`, as long as this lives.
class Attached {
public:
    Attached(const Database& database, const std::string& address) : database_(database) {
        database.prepare("ATTACH ? AS other").run(address);
    }
    ~Attached() { sqlite3_exec(database_.handle(), "DETACH other", nullptr, nullptr, nullptr); }
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;

private:
    const Database& database_;
};

/// Says which of their rows we lack and which id each gets or has here: after ours, or ours.
void make_maps(const Database& database) {
    database.execute(
        "DROP TABLE IF EXISTS temp.new_sweeps; DROP TABLE IF EXISTS temp.run_map;"
        "CREATE TEMP TABLE new_sweeps AS SELECT id AS theirs, "
        "id + (SELECT coalesce(max(id), 0) FROM main.sweeps) AS ours FROM other.sweeps "
        "WHERE uuid NOT IN (SELECT uuid FROM main.sweeps);"
        "CREATE TEMP TABLE run_map(theirs INTEGER PRIMARY KEY, ours INTEGER, is_new INTEGER);"
        "INSERT INTO temp.run_map SELECT r.id, coalesce(known.id, "
        "r.id + (SELECT coalesce(max(id), 0) FROM main.runs)), known.id IS NULL "
        "FROM other.runs r LEFT JOIN main.runs known ON known.uuid = r.uuid WHERE r.id IN "
        "(SELECT run_id FROM other.points WHERE sweep_id IN (SELECT theirs FROM new_sweeps))");
}

/// The sweep a run was made for may be one that both have.
constexpr const char* copy_runs =
    "INSERT INTO main.runs(id, uuid, sweep_id, hash, config, contents, machine, build, status, "
    "failure, reason, started_unix_seconds, ended_unix_seconds, deleted, environment_id) "
    "SELECT m.ours, r.uuid, s.id, r.hash, r.config, r.contents, r.machine, r.build, r.status, "
    "r.failure, r.reason, r.started_unix_seconds, r.ended_unix_seconds, r.deleted, "
    "(SELECT e.id FROM main.environments e JOIN other.environments o ON e.facts = o.facts "
    "WHERE o.id = r.environment_id) "
    "FROM temp.run_map m JOIN other.runs r ON r.id = m.theirs "
    "JOIN other.sweeps o ON o.id = r.sweep_id JOIN main.sweeps s ON s.uuid = o.uuid "
    "WHERE m.is_new";

/// Copies the sweeps we lack, and their runs; what was deleted there is so here. Gives the number
/// of sweeps that are seen.
int copy_new_sweeps(const Database& database) {
    make_maps(database);
    database.execute("INSERT INTO main.sweeps SELECT n.ours, uuid, name, description, spec, "
                     "created_unix_seconds, note, tags, pinned, deleted "
                     "FROM temp.new_sweeps n JOIN other.sweeps o ON o.id = n.theirs;"
                     "INSERT OR IGNORE INTO main.environments(facts) "
                     "SELECT facts FROM other.environments");
    database.execute(copy_runs);
    database.execute("INSERT INTO main.points SELECT n.ours, p.position, m.ours "
                     "FROM temp.new_sweeps n JOIN other.points p ON p.sweep_id = n.theirs "
                     "JOIN temp.run_map m ON m.theirs = p.run_id");
    each_table([&]<class Kind>() {
        const std::string table(Kind::kind.table), columns = all_names<Kind>();
        database.execute("INSERT INTO main." + table + "(run_id, " + columns + ") SELECT m.ours, " +
                         columns + " FROM temp.run_map m JOIN other." + table +
                         " ON run_id = m.theirs WHERE m.is_new");
    });
    // This copy will never hear the end of what is still running over there.
    database.execute("UPDATE main.runs SET status = 'failed', failure = 'interrupted', "
                     "reason = 'it was in progress when this copy was made' "
                     "WHERE status = 'running' AND id IN "
                     "(SELECT ours FROM temp.run_map WHERE is_new)");
    return int(database.number("SELECT count(*) FROM temp.new_sweeps n JOIN other.sweeps o "
                               "ON o.id = n.theirs WHERE NOT o.deleted"));
}

} // namespace

int Store::import(const std::filesystem::path& path) {
    const std::lock_guard guard(state_->mutex);
    state_->require_writer();
    std::error_code error;
    if (std::filesystem::equivalent(path, path_, error)) return 0;
    const Store other(path, Mode::read); // refuses with a sentence what is not one of ours
    state_->commit();
    const Attached attached(*state_->database, other.state_->database->address());
    int count = 0;
    state_->change([&] { count = copy_new_sweeps(*state_->database); });
    return count;
}

} // namespace sweetspot
