#include "engine/data/sniff.h"
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

// What a file is by its first lines. Each looks_like_…() demands enough that prose or source code
// is not taken for data: a text that begins with ">" may be a quotation.

namespace sweetspot {

namespace {
constexpr std::size_t window = 64 << 10; ///< bytes looked at
constexpr std::array separators{',', '\t', ';'};

using Lines = std::vector<std::string_view>;

/// The first lines, blank ones left out; the last one may be cut by the window's end.
Lines first_lines(std::string_view text) {
    Lines lines;
    while (!text.empty() && lines.size() < 1000) {
        const auto end = std::min(text.find_first_of("\r\n"), text.size());
        const auto line = text.substr(0, end);
        if (line.find_first_not_of(" \t") != line.npos) lines.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

bool looks_like_fasta(const Lines& lines, bool residues) {
    std::size_t at = 0;
    while (at < lines.size() && lines[at].starts_with(';')) ++at; // comments of old FASTA
    if (at == lines.size() || !lines[at].starts_with('>')) return false;
    if (residues) return true;
    const auto is_header = [](std::string_view line) {
        return line.starts_with('>') || line.starts_with(';');
    };
    const auto last_may_be_cut = lines.end() - (lines.size() > 2);
    return !std::all_of(lines.begin(), lines.end(), is_header) &&
           std::all_of(lines.begin(), last_may_be_cut,
                       [&](auto line) { return is_header(line) || is_residues(line); });
}

bool looks_like_fastq(const Lines& lines) {
    if (lines.size() < 4 || !lines[0].starts_with('@') || !is_residues(lines[1])) return false;
    std::size_t at = 1;
    while (at < lines.size() && is_residues(lines[at])) ++at;
    return at < lines.size() && lines[at].starts_with('+');
}

bool looks_like_json_lines(const Lines& lines) {
    const auto whole = [](std::string_view line) {
        const auto end = line.find_last_not_of(" \t");
        return line.starts_with('{') && line[end] == '}';
    };
    if (lines.empty() || !whole(lines[0])) return false;
    return lines.size() < 2 || lines[1].starts_with('{');
}

std::vector<std::string> fields_of(std::string_view line, char separator) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (const char letter : line)
        if (letter == '"')
            quoted = !quoted;
        else if (letter == separator && !quoted)
            fields.emplace_back();
        else
            fields.back() += letter;
    return fields;
}

/// The separator by which the first line is a header that has the column.
std::optional<char> separator_with(const Lines& lines, const std::string& column) {
    if (lines.empty()) return {};
    for (const char separator : separators) {
        const auto fields = fields_of(lines[0], separator);
        if (fields.size() > 1 && std::find(fields.begin(), fields.end(), column) != fields.end())
            return separator;
    }
    return {};
}

/// Residues decide at once: no sequence has separators. Of text the next line must be alike.
bool looks_like_table(const Lines& lines, const std::string& column, bool residues) {
    const auto separator = separator_with(lines, column);
    if (!separator) return false;
    return residues || lines.size() < 2 || lines[1].find('"') != lines[1].npos ||
           fields_of(lines[1], *separator).size() == fields_of(lines[0], *separator).size();
}

std::string ending_of(std::string path) {
    const auto ending = [&] {
        std::string text = std::filesystem::path(path).extension().string();
        for (char& letter : text)
            if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
        return text;
    };
    const std::string packed = ending();
    for (const auto* each : {".gz", ".bgz", ".bgzf"})
        if (packed == each) path.resize(path.size() - packed.size());
    return ending();
}

SequenceFormat format_by_ending(const std::string& path) {
    struct Ending {
        std::string_view text;
        SequenceFormat format;
    };
    using enum SequenceFormat;
    constexpr Ending endings[]{
        {".fasta", fasta}, {".fa", fasta},         {".faa", fasta},         {".fas", fasta},
        {".fna", fasta},   {".mpfa", fasta},       {".pep", fasta},         {".fastq", fastq},
        {".fq", fastq},    {".csv", csv},          {".tsv", tsv},           {".tab", tsv},
        {".lines", lines}, {".jsonl", json_lines}, {".ndjson", json_lines},
    };
    const std::string own = ending_of(path);
    for (const auto& [ending, format] : endings)
        if (own == ending) return format;
    return text;
}
} // namespace

SequenceFormat format_of(TextReader& text, const ReadOptions& options, bool residues) {
    const auto by_ending = format_by_ending(text.path());
    if (by_ending == SequenceFormat::lines) return by_ending;
    const Lines lines = first_lines(text.ahead(window));
    residues |= by_ending == SequenceFormat::fasta || by_ending == SequenceFormat::fastq;
    const bool table = by_ending == SequenceFormat::csv || by_ending == SequenceFormat::tsv;
    if (looks_like_fasta(lines, residues)) return SequenceFormat::fasta;
    if (looks_like_fastq(lines)) return SequenceFormat::fastq;
    if (looks_like_json_lines(lines)) return SequenceFormat::json_lines;
    if (!table && looks_like_table(lines, options.column, residues)) return SequenceFormat::csv;
    return by_ending;
}

char separator_of(TextReader& text, const std::string& column, SequenceFormat format) {
    const Lines lines = first_lines(text.ahead(window));
    if (const auto found = separator_with(lines, column)) return *found;
    if (format == SequenceFormat::tsv || lines.empty())
        return format == SequenceFormat::tsv ? '\t' : ',';
    return *std::max_element(separators.begin(), separators.end(), [&](char a, char b) {
        return std::count(lines[0].begin(), lines[0].end(), a) <
               std::count(lines[0].begin(), lines[0].end(), b);
    });
}

} // namespace sweetspot
