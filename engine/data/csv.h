#pragma once
#include "engine/data/text_reader.h"
#include <vector>

namespace sweetspot {

/// Reads a table row by row: RFC 4180 CSV, or the same with another separator. Fields in quotes may
/// hold separators, line ends and doubled quotes; blank lines are skipped; every row has as many
/// fields as the header. Where tabs separate, a quote within a field is a letter like others.
class CsvReader {
public:
    /// `text` must outlive it. Takes the header. Throws Error(file) that names file and line.
    CsvReader(TextReader& text, char separator);

    const std::vector<std::string>& header() const { return header_; }
    /// Index of the column of that name; throws Error(bad_input) that says the nearest.
    std::size_t column(const std::string& name) const;
    /// The next row; false at the end.
    bool row(std::vector<std::string>& fields);
    std::size_t line() const { return line_; } ///< where the last row began, from 1

private:
    bool any_row(std::vector<std::string>& fields);
    void field(std::string& y);
    void add(std::string& field, char taken) const;
    void quoted_field(std::string& y);
    std::string separator_name() const;

    TextReader& text_;
    char separator_;
    std::vector<std::string> header_{};
    std::size_t line_ = 1;
};

/// A CSV file in memory.
struct CsvTable {
    std::string path;
    std::vector<std::string> header{};
    std::vector<std::vector<std::string>> rows{};
    std::vector<std::size_t> lines{}; ///< line of the file where each row begins, from 1

    /// As CsvReader's.
    std::size_t column(const std::string& name) const;
};

/// Reads the whole of a CSV file. Throws Error(file) that names file and line.
CsvTable read_csv(const std::string& path);

} // namespace sweetspot
