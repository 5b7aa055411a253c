#include "app/store/database.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

// SQLite, as far as the store needs it: statements, transactions, and failures that name the file
// and say what a person can do.

namespace sweetspot {

namespace {

/// What a person should know of a failure.
std::string reason(sqlite3* handle) {
    const int code = handle ? sqlite3_extended_errcode(handle) : SQLITE_NOMEM;
    const int system = handle ? sqlite3_system_errno(handle) : 0;
    const std::string said = handle ? sqlite3_errmsg(handle) : "no memory";
    switch (code & 0xff) {
    case SQLITE_FULL: return "cannot be written: the disk is full";
    case SQLITE_READONLY: return "cannot be written: it or its folder is read-only";
    case SQLITE_NOTADB: return "is not a database";
    case SQLITE_CORRUPT: return "is damaged or cut short (" + said + ")";
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "is locked by another program";
    case SQLITE_CANTOPEN:
        return std::string("cannot be opened: ") +
               (system != 0 ? std::strerror(system) : "the file or its folder is read-only");
    case SQLITE_IOERR:
        if (system == ENOSPC || system == EDQUOT) return "cannot be written: the disk is full";
        if (system == EFBIG) return "cannot be written: the file may not grow any more";
        if (system == 0 && (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE)) // a COMMIT
            return "cannot be written: the disk is full, or the file may not grow any more";
        return "cannot be read or written: " + (system != 0 ? std::strerror(system) : said);
    }
    return said;
}

} // namespace

Statement::Statement(const Database& database, const std::string& sql) : database_(database) {
    const int code = sqlite3_prepare_v3(database.handle(), sql.data(), int(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code != SQLITE_OK) database.fail();
}

Statement::~Statement() {
    sqlite3_finalize(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

bool Statement::next() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) {
        try {
            database_.fail();
        } catch (...) { // the reason is taken before resetting forgets it
            reset();
            throw;
        }
    }
    reset();
    return false;
}

void Statement::reset() {
    sqlite3_reset(statement_);
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
    return is_null(column) ? NAN : sqlite3_column_double(statement_, column);
}

std::string_view Statement::text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return text ? std::string_view(text, sqlite3_column_bytes(statement_, column))
                : std::string_view();
}

std::vector<float> Statement::floats(int column) const {
    const void* bytes = sqlite3_column_blob(statement_, column);
    std::vector<float> values(std::size_t(sqlite3_column_bytes(statement_, column)) /
                              sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), bytes, values.size() * sizeof(float));
    return values;
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

void Statement::bind_one(int place, std::int64_t v) {
    sqlite3_bind_int64(statement_, place, v);
}

void Statement::bind_one(int place, double v) {
    sqlite3_bind_double(statement_, place, v);
}

void Statement::bind_one(int place, std::string_view v) {
    const char* text = v.data() ? v.data() : ""; // null would be SQL's null
    sqlite3_bind_text64(statement_, place, text, v.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::bind_one(int place, const std::vector<float>& v) {
    const void* bytes = v.empty() ? "" : static_cast<const void*>(v.data()); // null is SQL's null
    sqlite3_bind_blob64(statement_, place, bytes, v.size() * sizeof(float), SQLITE_TRANSIENT);
}

Database::Database(const std::filesystem::path& path, Open how) : path_(path), how_(how) {
    const auto name =
        how == Open::archive ? archive_address(path) : std::filesystem::absolute(path).string();
    const int flags =
        how == Open::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    const int code = sqlite3_open_v2(
        name.c_str(), &handle_,
        flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI, nullptr);
    if (code != SQLITE_OK) {
        const auto text = path_.string() + " " + reason(handle_);
        sqlite3_close_v2(handle_);
        throw Error(Failure::file, text);
    }
    sqlite3_busy_timeout(handle_, 5000);
    // What a file's schema says is not trusted: no functions with side effects in it.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

Database::~Database() {
    sqlite3_close_v2(handle_);
}

void Database::execute(const std::string& sql) const {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

std::int64_t Database::number(const std::string& sql) const {
    auto statement = prepare(sql);
    return statement.next() ? statement.integer(0) : 0;
}

void Database::fail() const {
    throw Error(Failure::file, path_.string() + " " + reason(handle_));
}

Transaction::Transaction(const Database& database, const char* begin)
    : database_(database), mine_(!database.in_transaction()) {
    if (mine_) database_.execute(begin);
}

Transaction::~Transaction() {
    if (mine_ && database_.in_transaction()) // a failure may have rolled it back already
        sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
    if (mine_) database_.execute("COMMIT");
    mine_ = false;
}

std::string Database::archive_address(const std::filesystem::path& path) {
    std::string address = "file:";
    for (const unsigned char letter : std::filesystem::absolute(path).string()) {
        if (std::strchr("?#%", letter)) {
            constexpr char digits[] = "0123456789ABCDEF";
            address += {'%', digits[letter >> 4], digits[letter & 15]};
        } else {
            address += char(letter);
        }
    }
    return address + "?immutable=1";
}

} // namespace sweetspot
