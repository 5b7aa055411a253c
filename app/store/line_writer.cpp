#include "app/store/line_writer.h"
#include "app/experiment/config_json.h"
#include "app/experiment/identity.h"
#include "app/store/tables.h"

// From lines to rows: most kinds have a table made from their members (tables.h), and a few change
// the run's own row.

namespace sweetspot {

namespace {

/// The ordinal after the last of a run's rows, in whatever table.
std::string next_ordinal_sql() {
    std::string greatest;
    each_table([&]<class Kind>() {
        if (Kind::kind.rows != Rows::many) return;
        greatest += (greatest.empty() ? "" : ", ") +
                    ("coalesce((SELECT max(ordinal) FROM " + std::string(Kind::kind.table)) +
                    " WHERE run_id = ?1), -1)";
    });
    return "SELECT 1 + max(" + greatest + ")";
}

} // namespace

LineWriter::LineWriter(const Database& database)
    : started_(database.prepare("UPDATE runs SET status = 'running', started_unix_seconds = ?2 "
                                "WHERE id = ?1 AND status IN ('planned', 'running')")),
      environment_(database.prepare("INSERT OR IGNORE INTO environments(facts) VALUES (?1)")),
      environment_of_(database.prepare(
          "UPDATE runs SET environment_id = (SELECT id FROM environments WHERE facts = ?2), "
          "machine = ?3, build = ?4 WHERE id = ?1")),
      finished_(database.prepare("UPDATE runs SET status = 'done', failure = '', reason = '', "
                                 "ended_unix_seconds = ?2 WHERE id = ?1")),
      failed_(database.prepare("UPDATE runs SET status = 'failed', ended_unix_seconds = ?2, "
                               "failure = ?3, reason = ?4 WHERE id = ?1")),
      next_ordinal_(database.prepare(next_ordinal_sql())),
      changed_(database.prepare("UPDATE changes SET count = ?")) {
    std::size_t at = 0;
    each_kind([&]<class Kind>() {
        if constexpr (Kind::kind.rows != Rows::none)
            inserts_[at].emplace(database.prepare(insert_sql<Kind>()));
        ++at;
    });
}

void LineWriter::write(std::int64_t run_id, const Line& line) {
    std::visit(
        [&]<class Kind>(const Kind& v) {
            if constexpr (Kind::kind.rows != Rows::none)
                insert(*inserts_[line.index()], run_id, v);
            else
                add(run_id, v);
        },
        line);
    if (const auto* round = std::get_if<Round>(&line)) // the run is done; others only add to it
        finished_.run(run_id, round->ended_unix_seconds);
}

template <class Kind>
void LineWriter::insert(Statement& statement, std::int64_t run, const Kind& line) {
    int place = 2;
    statement.bind(run);
    if (Kind::kind.rows == Rows::many) statement.bind_at(place++, ordinal(run));
    bind_members(statement, place, line);
    while (statement.next()) {}
}

std::int64_t LineWriter::ordinal(std::int64_t run) {
    auto [next, is_new] = ordinals_.try_emplace(run, 0);
    if (is_new) {
        next_ordinal_.bind(run).next();
        next->second = next_ordinal_.integer(0);
        next_ordinal_.reset();
    }
    return next->second++;
}

void LineWriter::add(std::int64_t run, const Started& line) {
    started_.run(run, line.unix_seconds);
    if (!started_.changed_something())
        throw Error(Failure::bug, "run " + to_text(run) + " is not waiting to be run");
}

void LineWriter::add(std::int64_t run, const Environment& line) {
    const auto facts = dump(Json(line.facts));
    const Place place = place_of(line);
    environment_.run(facts);
    environment_of_.run(run, facts, place.machine, place.build);
}

void LineWriter::add(std::int64_t run, const Finished& line) {
    finished_.run(run, line.unix_seconds);
    ordinals_.erase(run);
}

void LineWriter::add(std::int64_t run, const Failed& line) {
    failed_.run(run, line.unix_seconds, to_text(line.failure), line.reason);
    ordinals_.erase(run);
}

} // namespace sweetspot
