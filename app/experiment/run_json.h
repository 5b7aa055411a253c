#pragma once
#include "app/experiment/record.h"
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// How much is read of a file of runs at most: of a thousand runs with all their samples there are
/// some tens of megabytes.
constexpr std::size_t most_bytes_of_runs = std::size_t(512) << 20;

/// Runs that `export` or `run` wrote with -o json or jsonl: a list of objects, or an object a line.
/// What such a file does not hold (regions, memory over time) the records lack. Throws
/// Error(bad_input) with the place for anything else, and for what cannot have been measured.
std::vector<RunRecord> runs_from_json(std::string_view text, const std::string& where);

/// What a worker would have said to make this record: Started first, Finished or Failed last, if it
/// ended.
std::vector<Line> lines_of(const RunRecord&);

} // namespace sweetspot
