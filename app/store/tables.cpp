#include "app/store/tables.h"

namespace sweetspot {

namespace {

/// SQL that makes what is lacking, a statement each.
std::vector<std::string> lacking(const Database& database) {
    std::vector<std::string> all;
    auto known = database.prepare("SELECT count(*), coalesce(sum('\"' || name || '\"' = ?2), 0) "
                                  "FROM pragma_table_info(?1)");
    each_table([&]<class Kind>() {
        const std::string table(Kind::kind.table);
        for (const auto& column : member_columns<Kind>()) {
            known.bind(table, column.name).next();
            const bool is_there = known.integer(0) > 0, has_column = known.integer(1) > 0;
            known.reset();
            if (!is_there) return all.push_back(create_sql<Kind>());
            if (!has_column)
                all.push_back("ALTER TABLE " + table + " ADD COLUMN " + column.name + " " +
                              column.type);
        }
    });
    return all;
}

} // namespace

void make_tables(const Database& database) {
    if (has_tables(database)) return;
    Transaction transaction(database);
    for (const auto& sql : lacking(database)) database.execute(sql);
    transaction.commit();
}

bool has_tables(const Database& database) {
    return lacking(database).empty();
}

} // namespace sweetspot
