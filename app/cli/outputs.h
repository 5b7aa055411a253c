#pragma once
#include "app/experiment/record.h"
#include <iosfwd>
#include <span>

namespace sweetspot {

/// What tables of runs can be written as.
enum class OutputFormat { none, md, csv, json, jsonl, sql, html };
constexpr std::array<std::string_view, 7> names_of(OutputFormat) {
    return {"none", "md", "csv", "json", "jsonl", "sql", "html"};
}

/// Throws Error(bad_input) with the nearest right one.
OutputFormat output_format(const std::string& text);

/// All runs in that format. md and html are for people: what varies and what matters. The others
/// hold every field, metric and fact, in SI units, a run a row; json and jsonl the samples too.
void write_runs(std::ostream&, std::span<const RunRecord>, OutputFormat, const std::string& title);

/// One run as one line of JSON, without the line break.
std::string json_line_of(const RunRecord&);

/// "2026-11-22T10:00:00Z"; "" for 0.
std::string utc_time(double unix_seconds);

} // namespace sweetspot
