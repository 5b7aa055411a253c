#include "app/cli/run_table.h"
#include "app/analysis/series.h"
#include "app/cli/outputs.h"
#include "app/experiment/printable.h"
#include <algorithm>
#include <ostream>

// The table of runs as text. Which columns there are and what a cell says is
// app/analysis/columns.h's; here they are padded, and nothing in a cell can end it.

namespace sweetspot {

namespace {

/// Letters as a terminal counts them: bytes that go on a UTF-8 letter take no room.
std::size_t width_of(const std::string& text) {
    return std::size_t(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// A cell as Markdown and a terminal can have it: nothing in it ends the cell or its line.
std::string as_cell(std::string text) {
    text = printable(text);
    for (std::size_t at = 0; (at = text.find_first_of("|\n\t", at)) != std::string::npos; at += 2)
        text.replace(at, 1, text[at] == '|' ? "\\|" : text[at] == '\n' ? "; " : "  ");
    return text;
}

std::string reuse_note(const RunRecord& run) {
    const auto host = run.environment.find("host");
    return "reused: measured " + utc_time(run.started_unix_seconds) +
           (host == run.environment.end() ? "" : " on " + host->second);
}

} // namespace

std::vector<std::string> notes_of(const RunRecord& run, std::optional<RunMark::What> but) {
    std::vector<std::string> notes;
    for (const auto& mark : marks_of(run))
        if (mark.what != but)
            notes.push_back(mark.what == RunMark::What::reused ? reuse_note(run)
                            : mark.detail.empty()              ? mark.text
                                                               : mark.detail);
    return notes;
}

RunTable run_table(std::span<const RunRecord> runs) {
    RunTable table;
    table.rows.resize(runs.size());
    for (const auto& column : run_columns(runs)) {
        using What = RunColumn::What;
        const bool notes = column.what == What::flags; // which hold the reasons too
        if (!column.usual || column.what == What::reason) continue;
        const auto& title = column.what == What::field ? column.name : column.title;
        table.columns.push_back(
            {notes ? "notes" : title + (column.unit.empty() ? "" : " [" + column.unit + "]"),
             column.number});
        for (std::size_t i = 0; i < runs.size(); ++i) {
            std::string text;
            if (notes)
                for (const auto& note : notes_of(runs[i]))
                    text += (text.empty() ? "" : "; ") + note;
            table.rows[i].push_back(notes ? text : cell_text(column, runs[i]));
        }
    }
    return table;
}

std::string common_facts(std::span<const RunRecord> runs) {
    if (runs.empty()) return {};
    const auto varying = varying_fields(runs);
    std::string line;
    const auto add = [&](const std::string& text) {
        if (!text.empty()) line += (line.empty() ? "" : " · ") + text;
    };
    for (const RunField& field : run_fields()) {
        const bool varies = std::find(varying.begin(), varying.end(), field.name) != varying.end();
        const RunConfig& config = runs.front().config;
        if (field.headline == Headline::none || varies || !field.scope.applies(config)) continue;
        const auto value = field.get(config);
        add(field.headline == Headline::value ? value : std::string(field.name) + " " + value);
    }
    for (const auto fact : {"cpu", "isa", "threads", "commit"})
        for (const auto& run : runs)
            if (const auto found = run.environment.find(fact); found != run.environment.end()) {
                const bool plain =
                    std::string_view(fact) == "cpu" || std::string_view(fact) == "isa";
                add(plain ? found->second : std::string(fact) + " " + found->second);
                break;
            }
    return line;
}

void write_markdown_table(std::ostream& out, RunTable table) {
    for (auto& column : table.columns) column.head = as_cell(column.head);
    for (auto& row : table.rows)
        for (auto& cell : row) cell = as_cell(cell);
    std::vector<std::size_t> widths;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
        std::size_t width = std::max<std::size_t>(3, width_of(table.columns[c].head));
        for (const auto& row : table.rows) width = std::max(width, width_of(row[c]));
        widths.push_back(width);
    }
    const auto cell = [&](const std::string& text, std::size_t c) {
        const std::string room(widths[c] - std::min(width_of(text), widths[c]), ' ');
        return table.columns[c].number ? room + text : text + room;
    };
    for (std::size_t c = 0; c < table.columns.size(); ++c)
        out << "| " << cell(table.columns[c].head, c) << ' ';
    out << "|\n";
    for (std::size_t c = 0; c < table.columns.size(); ++c)
        out << '|' << (table.columns[c].number ? "" : ":") << std::string(widths[c] + 1, '-')
            << (table.columns[c].number ? ":" : "");
    out << "|\n";
    for (const auto& row : table.rows) {
        for (std::size_t c = 0; c < row.size(); ++c) out << "| " << cell(row[c], c) << ' ';
        out << "|\n";
    }
}

void write_markdown(std::ostream& out, std::span<const RunRecord> runs) {
    if (const auto facts = common_facts(runs); !facts.empty()) out << printable(facts) << "\n\n";
    write_markdown_table(out, run_table(runs));
}

} // namespace sweetspot
