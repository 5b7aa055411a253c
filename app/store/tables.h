#pragma once
#include "app/experiment/record.h"
#include "app/store/database.h"

/// The tables of record lines, made from the kinds' members (app/experiment/record.h): a member is
/// a column, a new kind or member needs no migration. Columns before the members: run_id, and for
/// Rows::many the ordinal, which orders the rows of a run.
namespace sweetspot {

struct Column {
    std::string name{}, type{}; ///< as in CREATE TABLE, with the default of rows that lack it
};

/// What a member's column holds. A double that is not a number is null.
template <class Value>
constexpr const char* column_type() {
    if constexpr (std::is_same_v<Value, double>)
        return "REAL";
    else if constexpr (std::is_arithmetic_v<Value>)
        return "INTEGER NOT NULL DEFAULT 0";
    else if constexpr (std::is_same_v<Value, std::vector<float>>)
        return "BLOB NOT NULL DEFAULT x''";
    else
        return "TEXT NOT NULL DEFAULT ''";
}

template <class Kind>
std::vector<Column> member_columns() {
    std::vector<Column> columns;
    Kind any;
    Kind::each_member(any, [&](const char* name, auto& member) {
        columns.push_back({'"' + std::string(name) + '"',
                           column_type<std::remove_reference_t<decltype(member)>>()});
    });
    return columns;
}

/// Names of the members' columns with commas, each behind `prefix`.
template <class Kind>
std::string column_names(const std::string& prefix = "") {
    std::string names;
    for (const auto& column : member_columns<Kind>())
        names += (names.empty() ? "" : ", ") + prefix + column.name;
    return names;
}

/// Those that a copy of a row has beside run_id.
template <class Kind>
std::string all_names() {
    return (Kind::kind.rows == Rows::many ? "ordinal, " : "") + column_names<Kind>();
}

template <class Kind>
std::string create_sql() {
    const auto columns = member_columns<Kind>();
    std::string sql = "CREATE TABLE IF NOT EXISTS " + std::string(Kind::kind.table) +
                      "(run_id INTEGER NOT NULL REFERENCES runs(id)";
    if (Kind::kind.rows == Rows::many) sql += ", ordinal INTEGER NOT NULL";
    for (const auto& column : columns) sql += ", " + column.name + " " + column.type;
    sql += ", PRIMARY KEY(run_id";
    if (Kind::kind.rows == Rows::many) sql += ", ordinal";
    if (Kind::kind.rows == Rows::named) sql += ", " + columns.front().name;
    return sql + ")) WITHOUT ROWID";
}

template <class Kind>
std::string insert_sql() {
    std::string places = "?";
    if (Kind::kind.rows == Rows::many) places += ", ?";
    for (std::size_t i = 0; i < member_columns<Kind>().size(); ++i) places += ", ?";
    return std::string(Kind::kind.rows == Rows::many ? "INSERT" : "INSERT OR REPLACE") + " INTO " +
           std::string(Kind::kind.table) + "(run_id, " + all_names<Kind>() + ") VALUES (" + places +
           ")";
}

/// Binds a line's members in their order, from a place on.
template <class Kind>
void bind_members(Statement& statement, int place, const Kind& line) {
    Kind::each_member(line, [&](const char*, const auto& member) {
        if constexpr (std::is_enum_v<std::remove_cvref_t<decltype(member)>>)
            statement.bind_at(place++, to_text(member));
        else
            statement.bind_at(place++, member);
    });
}

/// Reads what bind_members wrote, from a column on. The name of the column that holds something
/// else, "" if none does.
template <class Kind>
std::string read_members(const Statement& row, int column, Kind& line) {
    std::string wrong;
    Kind::each_member(line, [&](const char* name, auto& member) {
        using Value = std::remove_reference_t<decltype(member)>;
        if constexpr (std::is_same_v<Value, double>)
            member = row.real(column++);
        else if constexpr (std::is_arithmetic_v<Value>)
            member = Value(row.integer(column++));
        else if constexpr (std::is_same_v<Value, std::vector<float>>)
            member = row.floats(column++);
        else if (!from_text(row.text(column++), member))
            wrong = name;
    });
    return wrong;
}

/// Makes the tables and columns that a database lacks.
void make_tables(const Database&);
/// Whether there is nothing to make.
bool has_tables(const Database&);

} // namespace sweetspot
