#include "app/experiment/config_json.h"
#include "app/experiment/lines.h"
#include "app/store/state.h"
#include "app/store/tables.h"
#include <algorithm>
#include <sstream>
#include <unordered_map>

// From rows to runs: a query reads each table once, in the order of runs, whatever their number.

namespace sweetspot {

namespace {

std::string lower(std::string text) {
    for (char& letter : text)
        if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
    return text;
}

/// Whether all words occur in a run; `more` is what its sweep says.
bool matches(const std::vector<std::string>& words, const RunRecord& run, const std::string& more) {
    if (words.empty()) return true;
    std::string text = " ";
    for (const RunField& field : run_fields())
        text.append(field.name).append("=").append(field.get(run.config)).append(" ");
    text += to_text(run.status) + " " + run.reason + " " + run.hash + " " + more;
    if (run.failure) text += " " + to_text(*run.failure);
    text = lower(std::move(text));
    return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
        const auto equals = word.find('=');
        const bool whole = equals != word.npos && equals + 1 < word.size();
        return text.find(whole ? " " + word + " " : word) != text.npos;
    });
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::istringstream stream(lower(text));
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

/// Reads the runs of a query: a statement a table, whatever the number of runs.
class RunReader {
public:
    explicit RunReader(const Database& database) : database_(database) {}

    std::vector<RunRecord> read(const RunQuery& query) {
        Transaction snapshot(database_, "BEGIN");
        read_runs(query);
        choose();
        each_table([&]<class Kind>() {
            if (query.with_details || !Kind::kind.detail) read_table<Kind>();
        });
        find_trainings();
        if (query.sweep_id) order_as_points(*query.sweep_id);
        snapshot.commit();
        return std::move(runs_);
    }

private:
    void read_runs(const RunQuery& query) {
        std::string sql =
            "SELECT r.id, r.sweep_id, r.hash, r.config, r.status, r.failure, r.reason, "
            "r.started_unix_seconds, r.ended_unix_seconds, e.id, e.facts, "
            "(SELECT group_concat(s.name || ' ' || s.note || ' ' || s.tags, ' ') FROM points p "
            "JOIN sweeps s ON s.id = p.sweep_id WHERE p.run_id = r.id) "
            "FROM runs r LEFT JOIN environments e ON e.id = r.environment_id "
            "WHERE (?1 = '' OR r.hash = ?1) AND NOT r.deleted "
            "AND EXISTS (SELECT 1 FROM points p JOIN sweeps s ON s.id = p.sweep_id "
            "WHERE p.run_id = r.id AND NOT s.deleted)";
        if (query.sweep_id) sql += " AND r.id IN (SELECT run_id FROM points WHERE sweep_id = ?2)";
        if (!query.ids.empty()) sql += " AND r.id IN (SELECT value FROM json_each(?3))";
        auto rows = database_.prepare(sql + " ORDER BY r.id");
        rows.bind(query.hash);
        if (query.sweep_id) rows.bind_at(2, *query.sweep_id);
        if (!query.ids.empty()) rows.bind_at(3, dump(Json(query.ids)));
        const auto words = words_of(query.text);
        while (rows.next()) {
            auto run = run_of(rows);
            if (query.sweep_id) {
                run.reused = run.sweep_id != *query.sweep_id && run.status == RunStatus::done;
                run.sweep_id = *query.sweep_id;
            }
            if (matches(words, run, std::string(rows.text(11)))) runs_.push_back(std::move(run));
        }
    }

    /// From the order of ids into that of the sweep's points.
    void order_as_points(std::int64_t sweep_id) {
        auto rows = database_.prepare("SELECT run_id, position FROM points WHERE sweep_id = ?");
        std::unordered_map<std::int64_t, std::int64_t> positions;
        for (rows.bind(sweep_id); rows.next();) positions[rows.integer(0)] = rows.integer(1);
        std::sort(runs_.begin(), runs_.end(), [&](const RunRecord& a, const RunRecord& b) {
            return positions.at(a.id) < positions.at(b.id);
        });
    }

    RunRecord run_of(const Statement& row) {
        RunRecord run;
        run.id = row.integer(0);
        run.sweep_id = row.integer(1);
        run.hash = row.text(2);
        const auto status = row.text(4), failure = row.text(5);
        Failure kind{};
        try {
            run.config = config_from_json_line(row.text(3));
        } catch (const Error& error) {
            not_ours(run.id, error.what());
        }
        if (!from_text(status, run.status)) not_ours(run.id, "status " + std::string(status));
        if (!failure.empty()) {
            if (!from_text(failure, kind)) not_ours(run.id, "failure " + std::string(failure));
            run.failure = kind;
        }
        run.reason = row.text(6);
        run.started_unix_seconds = row.real(7);
        run.ended_unix_seconds = row.real(8);
        if (!row.is_null(9)) run.environment = environment(row.integer(9), row.text(10));
        return run;
    }

    [[noreturn]] void not_ours(std::int64_t id, const std::string& why) const {
        throw Error(Failure::file, database_.path().string() + ": run " + to_text(id) +
                                       " is damaged or of a newer Sweetspot: " + why);
    }

    /// Many runs share one environment, which is parsed once.
    const std::map<std::string, std::string>& environment(std::int64_t id, std::string_view facts) {
        const auto [known, is_new] = environments_.try_emplace(id);
        if (is_new) {
            const auto json = parse_json(facts, database_.path().string());
            for (const auto& [name, value] : json.items())
                known->second[name] = value.is_string() ? value.get<std::string>() : dump(value);
        }
        return known->second;
    }

    /// Puts the chosen ids where the other tables can be joined with them.
    void choose() {
        database_.execute("CREATE TEMP TABLE IF NOT EXISTS chosen(id INTEGER PRIMARY KEY);"
                          "DELETE FROM temp.chosen");
        auto insert = database_.prepare("INSERT INTO temp.chosen VALUES (?)");
        for (const auto& run : runs_) insert.run(run.id);
    }

    /// Adds the rows of a table that belong to the chosen runs.
    template <class Kind>
    void read_table() {
        const std::string table(Kind::kind.table);
        auto rows = database_.prepare("SELECT c.id, " + column_names<Kind>("t.") +
                                      " FROM temp.chosen c CROSS JOIN " + table +
                                      " t ON t.run_id = c.id ORDER BY c.id" +
                                      (Kind::kind.rows == Rows::many ? ", t.ordinal" : ""));
        Kind line;
        std::size_t at = 0; // both sides are in the order of ids
        while (rows.next()) {
            while (runs_[at].id < rows.integer(0)) ++at;
            if (const auto wrong = read_members(rows, 1, line); !wrong.empty())
                not_ours(runs_[at].id, table + "." + wrong);
            apply(line, runs_[at]);
        }
    }

    /// The last runs that saved the weights, or the adapters, which others read: they have the hash
    /// of such a file.
    void find_trainings() {
        find_savers("saved_sha256", &RunRecord::weights_run, [](const RunRecord& run) {
            return run.weights && run.weights->loaded ? run.weights->sha256 : std::string();
        });
        find_savers("saved_adapter_sha256", &RunRecord::adapter_run, [](const RunRecord& run) {
            const auto found = run.texts.find("adapter_sha256");
            return found == run.texts.end() ? std::string() : found->second;
        });
    }
    /// `read` gives the hash of what a run read, "" if it read none.
    template <class Read>
    void find_savers(const char* text, std::int64_t RunRecord::*saver, const Read& read) {
        const auto reads = [&](const RunRecord& run) { return !read(run).empty(); };
        if (std::none_of(runs_.begin(), runs_.end(), reads)) return;
        std::unordered_map<std::string, std::int64_t> saved;
        auto rows =
            database_.prepare("SELECT text, run_id FROM texts WHERE name = ? ORDER BY run_id");
        rows.bind(text);
        while (rows.next()) saved[std::string(rows.text(0))] = rows.integer(1);
        for (RunRecord& run : runs_) {
            const auto found = saved.find(read(run));
            if (found != saved.end()) run.*saver = found->second;
        }
    }

    const Database& database_;
    std::vector<RunRecord> runs_;
    std::map<std::int64_t, std::map<std::string, std::string>> environments_; ///< by id
};

} // namespace

std::vector<RunRecord> Store::runs(const RunQuery& query) const {
    const std::lock_guard guard(state_->mutex);
    return RunReader(*state_->database).read(query);
}

std::vector<SavedModel> Store::saved_models() const {
    const std::lock_guard guard(state_->mutex);
    auto rows = state_->database->prepare(
        "SELECT r.id, f.text FROM texts t JOIN texts f ON f.run_id = t.run_id AND f.name = 'saved' "
        "JOIN runs r ON r.id = t.run_id "
        "WHERE t.name = 'saved_sha256' AND r.status = 'done' AND NOT r.deleted ORDER BY r.id DESC");
    std::vector<SavedModel> saved;
    while (rows.next()) {
        SavedModel model{rows.integer(0), std::string(rows.text(1))};
        if (std::ranges::find(saved, model.folder, &SavedModel::folder) == saved.end())
            saved.push_back(std::move(model));
    }
    return saved;
}

std::vector<SweepInfo> Store::sweeps() const {
    return sweeps_that("NOT s.deleted");
}

std::vector<SweepInfo> Store::deleted_sweeps() const {
    return sweeps_that("s.deleted");
}

std::vector<SweepInfo> Store::sweeps_that(const char* condition) const {
    const std::lock_guard guard(state_->mutex);
    auto rows = state_->database->prepare(
        std::string(
            "SELECT s.id, s.name, s.description, s.spec, s.created_unix_seconds, s.note, s.tags, "
            "s.pinned, count(r.id), coalesce(sum(r.status = 'done'), 0), "
            "coalesce(sum(r.status = 'failed'), 0), coalesce(sum(r.status = 'impossible'), 0), "
            "coalesce(sum(r.status = 'done' AND r.sweep_id <> s.id), 0), count(p.run_id) "
            "FROM sweeps s LEFT JOIN points p ON p.sweep_id = s.id "
            "LEFT JOIN runs r ON r.id = p.run_id AND NOT r.deleted WHERE ") +
        condition +
        " GROUP BY s.id "
        "ORDER BY s.created_unix_seconds DESC, s.id DESC");
    std::vector<SweepInfo> sweeps;
    while (rows.next()) {
        auto& sweep = sweeps.emplace_back();
        sweep.id = rows.integer(0);
        sweep.name = rows.text(1);
        sweep.description = rows.text(2);
        sweep.spec_json = rows.text(3);
        sweep.created_unix_seconds = rows.real(4);
        sweep.note = rows.text(5);
        for (const auto& tag : parse_json(rows.text(6), path_.string()))
            sweep.tags.push_back(tag.is_string() ? tag.get<std::string>() : dump(tag));
        sweep.pinned = rows.integer(7) != 0;
        sweep.planned = int(rows.integer(8));
        sweep.done = int(rows.integer(9));
        sweep.failed = int(rows.integer(10));
        sweep.impossible = int(rows.integer(11));
        sweep.reused = int(rows.integer(12));
        sweep.deleted_runs = int(rows.integer(13)) - sweep.planned;
    }
    return sweeps;
}

} // namespace sweetspot
