#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace sweetspot {

/// A CSV file in memory. Every row has as many fields as the header.
struct CsvTable {
    std::string path;
    std::vector<std::string> header{};
    std::vector<std::vector<std::string>> rows{};
    std::vector<std::size_t> lines{}; ///< line of the file where each row begins, from 1

    /// Index of the column of that name; throws Error(bad_input) that says the nearest.
    std::size_t column(const std::string& name) const;
};

/// Reads RFC 4180 CSV, plain or gzipped: fields in quotes may hold commas, line ends and doubled
/// quotes; lines end in LF or CRLF; blank lines are skipped.
/// Throws Error(file) that names file and line.
CsvTable read_csv(const std::string& path);

} // namespace sweetspot
