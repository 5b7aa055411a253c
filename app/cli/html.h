#pragma once
#include "app/analysis/waterfall.h"
#include "app/cli/run_table.h"

/// Pieces of a page that needs no other file: its style in light and dark, tables that sort when
/// their heads are clicked, bars that tell their numbers when pointed at.
namespace sweetspot {

std::string html_escaped(const std::string&);

void begin_page(std::ostream&, const std::string& title);
void end_page(std::ostream&);

/// `classes`: a CSS class for each row, e.g. "failed"; fewer than rows: none for the rest.
void write_html_table(std::ostream&, const RunTable&, std::span<const std::string> classes = {});
/// Nothing if there are no sentences.
void write_html_list(std::ostream&, const std::string& title, std::span<const std::string>);
/// A section with the bars of a waterfall, or the sentence why there is none.
void write_html_waterfall(std::ostream&, const Waterfall&);

} // namespace sweetspot
