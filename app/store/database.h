#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

class Database;

/// A prepared statement. Columns are counted from 0, parameters in their order.
class Statement {
public:
    Statement(const Database&, const std::string& sql);
    ~Statement();
    Statement(Statement&& other) noexcept;

    /// Starts anew with these values for the parameters.
    template <class... Values>
    Statement& bind(const Values&... values) {
        reset();
        int place = 0;
        (bind_one(++place, values), ...);
        return *this;
    }
    /// Sets one parameter, counted from 1, after a bind.
    template <class Value>
    void bind_at(int place, const Value& value) {
        bind_one(place, value);
    }
    /// Goes to the next row; false if there is none. Throws Error(file).
    bool next();
    /// bind, then all rows; for statements that change things.
    template <class... Values>
    void run(const Values&... values) {
        bind(values...);
        while (next()) {}
    }
    void reset();
    /// Whether it changed a row, right after it ran.
    bool changed_something() const { return sqlite3_changes(sqlite3_db_handle(statement_)) > 0; }

    std::int64_t integer(int column) const;
    double real(int column) const;               ///< null is not a number
    std::string_view text(int column) const;     ///< until the next row
    std::vector<float> floats(int column) const; ///< of a blob
    bool is_null(int column) const;

private:
    void bind_one(int place, std::int64_t);
    void bind_one(int place, int v) { bind_one(place, std::int64_t(v)); }
    void bind_one(int place, bool v) { bind_one(place, std::int64_t(v)); }
    void bind_one(int place, double);
    void bind_one(int place, std::string_view);
    void bind_one(int place, const std::vector<float>&); ///< as a blob: its bytes
    void bind_one(int place, const std::string& v) { bind_one(place, std::string_view(v)); }
    void bind_one(int place, const char* v) { bind_one(place, std::string_view(v)); }

    const Database& database_;
    sqlite3_stmt* statement_ = nullptr;
};

/// A connection to a database file. Every failure is an Error(file) whose sentence begins with the
/// path.
class Database {
public:
    /// archive: the file and its folder may be read-only, and nobody writes to it meanwhile.
    enum class Open { read, write, archive };
    Database(const std::filesystem::path&, Open);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void execute(const std::string& sql) const;
    Statement prepare(const std::string& sql) const { return Statement(*this, sql); }
    /// The first column of the first row; 0 if there is none.
    std::int64_t number(const std::string& sql) const;

    std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_); }
    bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
    bool is_read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }
    const std::filesystem::path& path() const { return path_; }
    /// The name under which another connection can attach the file likewise.
    std::string address() const {
        return how_ == Open::archive ? archive_address(path_) : path_.string();
    }
    sqlite3* handle() const { return handle_; } ///< owned by this

    [[noreturn]] void fail() const; ///< throws what went wrong last

private:
    static std::string archive_address(const std::filesystem::path&);

    std::filesystem::path path_;
    Open how_;
    sqlite3* handle_ = nullptr;
};

/// All or nothing: rolls back unless committed. Within another one it changes nothing.
class Transaction {
public:
    explicit Transaction(const Database&, const char* begin = "BEGIN IMMEDIATE");
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

private:
    const Database& database_;
    bool mine_;
};

} // namespace sweetspot
