#include "engine/data/csv.h"
#include "engine/config/nearest.h"
#include "engine/data/files.h"
#include "kernels/core/error.h"
#include <algorithm>

namespace sweetspot {

namespace {
/// Walks through CSV text field by field.
class CsvReader {
public:
    CsvReader(const std::string& path, std::string_view text) : path_(path), text_(text) {}

    bool at_end() const { return at_ == text_.size(); }
    std::size_t line() const { return line_; }

    std::vector<std::string> row() {
        std::vector<std::string> fields;
        do fields.push_back(field());
        while (take(","));
        if (!at_end() && !take_line_end())
            refuse("a quoted field must be followed by a comma or the line's end");
        return fields;
    }

    bool take_line_end() {
        const bool taken = take("\r\n") || take("\n");
        line_ += taken;
        return taken;
    }

private:
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(Failure::file, path_ + ", line " + std::to_string(line_) + ": " + why);
    }

    bool take(std::string_view expected) {
        if (!text_.substr(at_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }

    std::string field() {
        if (take("\"")) return quoted_field();
        const auto end = std::min(text_.find_first_of(",\n", at_), text_.size());
        std::string field(text_.substr(at_, end - at_));
        if (end < text_.size() && text_[end] == '\n' && field.ends_with('\r')) field.pop_back();
        at_ += field.size();
        if (field.find('"') != std::string::npos)
            refuse("a quote inside a field that does not begin with one");
        return field;
    }

    std::string quoted_field() {
        const auto begin = line_;
        std::string field;
        for (; !at_end(); ++at_) {
            if (take("\"") && !text_.substr(at_).starts_with('"')) return field;
            if (at_end()) break;
            line_ += text_[at_] == '\n';
            field += text_[at_];
        }
        line_ = begin;
        refuse("the quote that begins here is never closed");
    }

    const std::string& path_;
    std::string_view text_;
    std::size_t at_ = 0, line_ = 1;
};
} // namespace

std::size_t CsvTable::column(const std::string& name) const {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found != header.end()) return std::size_t(found - header.begin());
    throw Error(Failure::bad_input,
                path + " has no column \"" + name + "\"" + did_you_mean(name, header));
}

CsvTable read_csv(const std::string& path) {
    const std::string text = read_file(path);
    std::string_view rest = text;
    if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3); // a byte order mark
    CsvReader reader(path, rest);
    CsvTable table{.path = path};
    while (!reader.at_end()) {
        if (reader.take_line_end()) continue;
        const auto line = reader.line();
        auto row = reader.row();
        if (table.header.empty()) {
            table.header = std::move(row);
            continue;
        }
        if (row.size() != table.header.size())
            throw Error(Failure::file, path + ", line " + std::to_string(line) + ": " +
                                           std::to_string(row.size()) +
                                           " fields where the header has " +
                                           std::to_string(table.header.size()));
        table.rows.push_back(std::move(row));
        table.lines.push_back(line);
    }
    if (table.header.empty())
        throw Error(Failure::file, path + ": is empty; a header line was expected");
    return table;
}

} // namespace sweetspot
