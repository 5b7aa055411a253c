#include "app/store/state.h"
#include "app/store/schema.h"
#include "app/store/tables.h"
#include "kernels/core/error.h"
#include <fstream>
#include <string_view>

// How a store is opened: what must be so before SQLite touches the file, who writes, and the
// transaction that gathers lines.

namespace sweetspot {

namespace {

void make_folder(const std::filesystem::path& path) {
    std::error_code error;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        throw Error(Failure::file,
                    path.parent_path().string() + " cannot be made: " + error.message());
}

/// Throws unless it is a file that SQLite can have made, an empty one included, or is not there:
/// before anything is made beside it, and before opening waits for a pipe. What cannot be read is
/// for SQLite to say.
void require_database(const std::filesystem::path& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) return;
    if (!std::filesystem::is_regular_file(status))
        throw Error(Failure::file,
                    path.string() + (std::filesystem::is_directory(status)
                                         ? " is a folder, not a database"
                                         : " is a device or a pipe, not a database"));
    constexpr std::string_view begins{"SQLite format 3\0", 16};
    char head[begins.size()] = {};
    std::ifstream file(path, std::ios::binary);
    if (!file) return;
    file.read(head, sizeof head);
    if (file.gcount() > 0 && std::string_view(head, std::size_t(file.gcount())) != begins)
        throw Error(Failure::file, path.string() + " is not a database");
}

void open_writer(std::optional<Database>& database, const std::filesystem::path& path) {
    database.emplace(path, Database::Open::write);
    check_schema(*database, migrations().size()); // before anything of another's is touched
    if (database->is_read_only())
        throw Error(Failure::file, path.string() + " cannot be written: it is read-only");
    database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA foreign_keys = ON");
    migrate(*database, migrations());
    make_tables(*database);
}

/// A file that nobody writes to can be read even where SQLite cannot make its helper files.
void open_reader(std::optional<Database>& database, const std::filesystem::path& path) {
    if (!std::filesystem::exists(path))
        throw Error(Failure::file, path.string() + " cannot be opened: there is no such file");
    const auto log = path.string() + "-wal";
    std::error_code error;
    const bool in_use = std::filesystem::file_size(log, error) > 0 && !error;
    database.emplace(path, Database::Open::read);
    const int code = sqlite3_exec(database->handle(), "SELECT count(*) FROM sqlite_master", nullptr,
                                  nullptr, nullptr) &
                     0xff;
    if (!in_use && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY))
        database.emplace(path, Database::Open::archive);
    const auto version = check_schema(*database, migrations().size());
    if (version < std::int64_t(migrations().size()) || !has_tables(*database))
        throw OlderSchema(Failure::file,
                          path.string() + " has an older schema (version " +
                              std::to_string(version) +
                              "): open it for writing once, which brings it up to date");
}

} // namespace

Store::State::State(const std::filesystem::path& path, Mode mode) {
    require_database(path);
    if (mode == Mode::read) {
        open_reader(database, path);
        return;
    }
    make_folder(path);
    lock.emplace(path);
    open_writer(database, path);
    lines.emplace(*database);
    changes = database->number("SELECT count FROM changes");
    if (database->number("SELECT count(*) FROM runs WHERE status = 'running'") > 0)
        change([&] {
            database->execute("UPDATE runs SET status = 'failed', failure = 'interrupted', "
                              "reason = 'the program ended while this run was in progress' "
                              "WHERE status = 'running'");
        });
}

Store::State::~State() {
    try {
        if (lines) commit();
    } catch (const Error&) { // a destructor cannot say it; finished runs are safe already
    }
}

void Store::State::require_writer() const {
    if (!lines) throw Error(Failure::file, database->path().string() + " is open for reading only");
}

void Store::State::begin() {
    if (!database->in_transaction()) database->execute("BEGIN IMMEDIATE");
}

void Store::State::commit() {
    if (database->in_transaction()) {
        lines->count_changes(changes);
        database->execute("COMMIT");
    }
    committed = std::chrono::steady_clock::now();
}

void Store::State::roll_back() {
    if (database->in_transaction())
        sqlite3_exec(database->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    if (lines) lines->forget();
}

} // namespace sweetspot
