#include "engine/data/sequences.h"
#include "engine/data/csv.h"
#include "engine/data/files.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <filesystem>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace sweetspot {

namespace {
bool is_lower(char letter) {
    return letter >= 'a' && letter <= 'z';
}
bool is_blank(char letter) {
    return letter == ' ' || letter == '\t' || letter == '\r';
}
bool is_residue(char letter) {
    return is_lower(letter) || (letter >= 'A' && letter <= 'Z') || letter == '*' || letter == '-' ||
           letter == '.';
}

/// Adds records to a set under the policies of the options.
class Collector {
public:
    Collector(const std::string& path, const ReadOptions& options, Contents contents)
        : path_(path), stops_(options.stops), residues_(contents == Contents::residues) {}

    bool residues() const { return residues_; }

    [[noreturn]] void refuse(std::size_t line, const std::string& why) const {
        throw Error(Failure::file, path_ + ", line " + std::to_string(line) + ": " + why);
    }

    /// Letters of one line of the file, as they belong into a sequence.
    std::string letters(std::string_view text, std::size_t line) {
        if (!residues_) return std::string(text);
        std::string letters;
        for (const char letter : text) {
            if (is_blank(letter)) continue;
            if (!is_residue(letter))
                refuse(line, std::string("a residue was expected, not ") +
                                 (letter > ' ' && letter < 127
                                      ? "\"" + std::string(1, letter) + "\""
                                      : "byte " + std::to_string(std::uint8_t(letter))));
            set_.lower_case += is_lower(letter);
            letters += is_lower(letter) ? char(letter - 'a' + 'A') : letter;
        }
        return letters;
    }

    void add(Sequence sequence) {
        if (residues_) end_at_stop(sequence.letters);
        if (!names_.insert(sequence.name).second) ++set_.duplicates;
        if (sequence.letters.empty())
            ++set_.empty;
        else
            set_.items.push_back(std::move(sequence));
    }

    SequenceSet finish() {
        if (set_.items.empty())
            throw Error(Failure::file,
                        path_ + (set_.empty ? ": has only empty sequences" : ": is empty"));
        return std::move(set_);
    }

private:
    void end_at_stop(std::string& letters) {
        const auto length = letters.size();
        if (stops_ == Stops::drop_final && letters.ends_with('*')) letters.pop_back();
        if (stops_ == Stops::cut) letters.resize(std::min(letters.find('*'), length));
        set_.stops += letters.size() < length;
    }

    const std::string& path_;
    Stops stops_;
    bool residues_;
    SequenceSet set_;
    std::unordered_set<std::string> names_;
};

template <class Visit>
void each_line(std::string_view text, Visit&& visit) {
    std::size_t number = 1;
    for (std::size_t begin = 0; begin < text.size(); ++number) {
        const auto end = std::min(text.find('\n', begin), text.size());
        auto line = text.substr(begin, end - begin);
        if (line.ends_with('\r')) line.remove_suffix(1);
        visit(line, number);
        begin = end + 1;
    }
}

SequenceSet read_fasta(const std::string& path, Collector collector) {
    const std::string text = read_file(path);
    Sequence record;
    std::size_t records = 0;
    each_line(text, [&](std::string_view line, std::size_t number) {
        if (line.starts_with('>')) {
            if (records++) collector.add(std::exchange(record, {}));
            const auto blank = std::min(line.find_first_of(" \t"), line.size());
            record.name = line.substr(1, blank - 1);
            if (record.name.empty()) record.name = "record " + std::to_string(records);
            record.description = line.substr(std::min(blank + 1, line.size()));
        } else if (records) {
            record.letters += collector.letters(line, number);
        } else if (!std::all_of(line.begin(), line.end(), is_blank)) {
            collector.refuse(number, "a record of FASTA must begin with \">\"");
        }
    });
    if (records) collector.add(std::move(record));
    return collector.finish();
}

SequenceSet read_csv_column(const std::string& path, const ReadOptions& options,
                            Collector collector) {
    const auto table = read_csv(path);
    const auto column = table.column(options.column);
    const bool named = !options.name_column.empty();
    const auto names = named ? table.column(options.name_column) : 0;
    for (std::size_t row = 0; row < table.rows.size(); ++row)
        collector.add({.name = named ? table.rows[row][names] : "row " + std::to_string(row + 1),
                       .description = {},
                       .letters = collector.letters(table.rows[row][column], table.lines[row])});
    return collector.finish();
}

SequenceSet read_lines(const std::string& path, Collector collector) {
    const std::string text = read_file(path);
    each_line(text, [&](std::string_view line, std::size_t number) {
        collector.add({.name = "line " + std::to_string(number),
                       .description = {},
                       .letters = collector.letters(line, number)});
    });
    return collector.finish();
}

SequenceSet read_document(const std::string& path, Collector collector) {
    const std::string text = read_file(path);
    Sequence document{.name = std::filesystem::path(path).filename().string()};
    if (collector.residues())
        each_line(text, [&](std::string_view line, std::size_t number) {
            document.letters += collector.letters(line, number);
        });
    else
        document.letters = text;
    collector.add(std::move(document));
    return collector.finish();
}

SequenceFormat format_by_ending(std::string path) {
    if (path.ends_with(".gz")) path.resize(path.size() - 3);
    const auto ending = std::filesystem::path(path).extension().string();
    for (const auto* fasta : {".fasta", ".fa", ".faa", ".fas"})
        if (ending == fasta) return SequenceFormat::fasta;
    if (ending == ".csv") return SequenceFormat::csv;
    return ending == ".lines" ? SequenceFormat::lines : SequenceFormat::text;
}
} // namespace

double SequenceSet::mean_length() const {
    double letters = 0;
    for (const auto& item : items) letters += double(item.letters.size());
    return items.empty() ? 0 : letters / double(items.size());
}

std::size_t SequenceSet::longest() const {
    std::size_t longest = 0;
    for (const auto& item : items) longest = std::max(longest, item.letters.size());
    return longest;
}

SequenceSet read_sequences(const std::string& path, const ReadOptions& options) {
    const auto format =
        options.format == SequenceFormat::automatic ? format_by_ending(path) : options.format;
    auto contents = options.contents;
    if (contents == Contents::automatic)
        contents = format == SequenceFormat::fasta ? Contents::residues : Contents::text;
    Collector collector(path, options, contents);
    switch (format) {
    case SequenceFormat::fasta: return read_fasta(path, std::move(collector));
    case SequenceFormat::csv: return read_csv_column(path, options, std::move(collector));
    case SequenceFormat::lines: return read_lines(path, std::move(collector));
    default: return read_document(path, std::move(collector));
    }
}

} // namespace sweetspot
