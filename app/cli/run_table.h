#pragma once
#include "app/analysis/columns.h"
#include <iosfwd>
#include <span>

namespace sweetspot {

/// The usual columns of app/analysis/columns.h as text, with their units in the head, and what must
/// be said of a run in the last.
struct RunTable {
    struct Column {
        std::string head{}; ///< with the unit in brackets
        bool number = true; ///< right aligned
    };
    std::vector<Column> columns{};
    std::vector<std::vector<std::string>> rows{}; ///< a row a run
};
RunTable run_table(std::span<const RunRecord>);

/// What must be said of a run next to its numbers: why it failed, that it was measured
/// earlier and when, noise over its limit, random weights where there is a perplexity.
std::vector<std::string> notes_of(const RunRecord&, std::optional<RunMark::What> but = {});

/// What the runs have in common, in a line: model, weights, task, machine, commit.
std::string common_facts(std::span<const RunRecord>);

/// A table in Markdown, its columns padded so that it reads well in a terminal too.
void write_markdown_table(std::ostream&, RunTable);

/// common_facts and the table.
void write_markdown(std::ostream&, std::span<const RunRecord>);

} // namespace sweetspot
