#include "app/store/line_writer.h"
#include "app/experiment/config_json.h"

namespace sweetspot {

LineWriter::LineWriter(const Database& database)
    : started_(database.prepare("UPDATE runs SET status = 'running', started_unix_seconds = ?2 "
                                "WHERE id = ?1 AND status IN ('planned', 'running')")),
      environment_(database.prepare("INSERT OR IGNORE INTO environments(facts) VALUES (?1)")),
      environment_of_(database.prepare("UPDATE runs SET environment_id = "
                                       "(SELECT id FROM environments WHERE facts = ?2) "
                                       "WHERE id = ?1")),
      weights_(database.prepare("INSERT OR REPLACE INTO weights VALUES (?, ?, ?, ?, ?, ?)")),
      sample_(database.prepare("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?)")),
      metric_(database.prepare("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?)")),
      text_(database.prepare("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)")),
      region_(database.prepare("INSERT INTO regions VALUES (?, ?, ?, ?, ?, ?, ?, ?)")),
      memory_(database.prepare("INSERT INTO memory_points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")),
      finished_(database.prepare("UPDATE runs SET status = 'done', failure = '', reason = '', "
                                 "ended_unix_seconds = ?2 WHERE id = ?1")),
      failed_(database.prepare("UPDATE runs SET status = 'failed', ended_unix_seconds = ?2, "
                               "failure = ?3, reason = ?4 WHERE id = ?1")),
      next_ordinal_(database.prepare(
          "SELECT 1 + max(coalesce((SELECT max(ordinal) FROM samples WHERE run_id = ?1), -1), "
          "coalesce((SELECT max(ordinal) FROM regions WHERE run_id = ?1), -1), "
          "coalesce((SELECT max(ordinal) FROM memory_points WHERE run_id = ?1), -1))")),
      changed_(database.prepare("UPDATE changes SET count = ?")) {}

void LineWriter::write(std::int64_t run_id, const Line& line) {
    std::visit([&](const auto& v) { add(run_id, v); }, line);
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
    environment_.run(facts);
    environment_of_.run(run, facts);
}

void LineWriter::add(std::int64_t run, const WeightsUsed& line) {
    weights_.run(run, line.loaded, line.path, line.sha256, line.seed, line.parameters);
}

void LineWriter::add(std::int64_t run, const Measured& line) {
    sample_.run(run, ordinal(run), line.metric, line.index, line.value, line.warmup);
}

void LineWriter::add(std::int64_t run, const Metric& line) {
    metric_.run(run, line.name, line.value);
}

void LineWriter::add(std::int64_t run, const Text& line) {
    text_.run(run, line.name, line.text);
}

void LineWriter::add(std::int64_t run, const RegionSum& line) {
    region_.run(run, ordinal(run), line.path, line.calls, line.start_seconds, line.seconds,
                line.flops, line.bytes);
}

void LineWriter::add(std::int64_t run, const MemoryPoint& line) {
    const auto& bytes = line.bytes;
    memory_.run(run, ordinal(run), line.seconds, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                bytes[5]);
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
