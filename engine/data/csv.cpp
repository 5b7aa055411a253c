#include "engine/data/csv.h"
#include "engine/config/nearest.h"
#include "kernels/core/error.h"
#include <algorithm>

namespace sweetspot {

namespace {
std::size_t index_of(const std::vector<std::string>& header, const std::string& name,
                     const std::string& path) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end())
        throw Error(Failure::bad_input,
                    path + " has no column \"" + name + "\"" + did_you_mean(name, header));
    if (std::find(found + 1, header.end(), name) != header.end())
        throw Error(Failure::bad_input, path + " has several columns \"" + name + "\"");
    return std::size_t(found - header.begin());
}
} // namespace

CsvReader::CsvReader(TextReader& text, char separator) : text_(text), separator_(separator) {
    if (!any_row(header_))
        throw Error(Failure::file, text.path() + ": is empty; a header line was expected");
}

std::size_t CsvReader::column(const std::string& name) const {
    return index_of(header_, name, text_.path());
}

bool CsvReader::row(std::vector<std::string>& fields) {
    if (!any_row(fields)) return false;
    if (fields.size() != header_.size())
        text_.refuse(line_, std::to_string(fields.size()) + " fields where the header has " +
                                std::to_string(header_.size()));
    return true;
}

bool CsvReader::any_row(std::vector<std::string>& fields) {
    while (text_.take_line_end()) {}
    if (text_.at_end()) return false;
    line_ = text_.number();
    fields.clear();
    constexpr std::size_t most_fields = 1 << 20;
    do {
        if (fields.size() == most_fields)
            text_.refuse(line_, "more than " + std::to_string(most_fields) + " fields");
        field(fields.emplace_back());
    } while (text_.take(separator_));
    if (!text_.at_end() && !text_.take_line_end())
        text_.refuse(text_.number(), "a quoted field must be followed by a " + separator_name() +
                                         " or the line's end");
    return true;
}

std::string CsvReader::separator_name() const {
    return separator_ == '\t' ? "tab" : separator_ == ';' ? "semicolon" : "comma";
}

void CsvReader::add(std::string& field, char taken) const {
    if (field.size() == longest_line_bytes)
        text_.refuse(line_, "a field is longer than " + std::to_string(longest_line_bytes >> 20) +
                                " MiB, and more is not read of one");
    field += taken;
}

void CsvReader::field(std::string& y) {
    if (text_.take('"')) return quoted_field(y);
    while (!text_.at_end()) {
        const char next = text_.peek();
        if (next == separator_ || next == '\n' || next == '\r') return;
        if (next == '"' && separator_ != '\t')
            text_.refuse(text_.number(), "a quote inside a field that does not begin with one");
        add(y, text_.take());
    }
}

void CsvReader::quoted_field(std::string& y) {
    const auto begin = text_.number();
    while (!text_.at_end()) {
        const char taken = text_.take();
        if (taken == '"' && !text_.take('"')) return; // else it is doubled
        add(y, taken);
    }
    text_.refuse(begin, "the quote that begins here is never closed");
}

std::size_t CsvTable::column(const std::string& name) const {
    return index_of(header, name, path);
}

CsvTable read_csv(const std::string& path) {
    TextReader text(path);
    CsvReader reader(text, ',');
    CsvTable table{.path = path, .header = reader.header()};
    for (std::vector<std::string> row; reader.row(row);) {
        table.rows.push_back(row);
        table.lines.push_back(reader.line());
    }
    return table;
}

} // namespace sweetspot
