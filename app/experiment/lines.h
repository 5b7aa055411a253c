#pragma once
#include "app/experiment/record.h"
#include <string>
#include <string_view>

namespace sweetspot {

/// One line of the worker's standard output, without the line break.
std::string to_json_line(const Line&);

/// Reads what to_json_line wrote. Throws Error(bad_input) with the place for anything else, and for
/// what cannot have been measured: negative seconds, a share of 7, …
Line from_json_line(std::string_view);

/// One line of the worker's standard input: the configuration of a run.
std::string to_json_line(const RunConfig&);

/// Throws Error(bad_input) with the place, naming an unknown field and the nearest right one.
RunConfig config_from_json_line(std::string_view);

/// By field: what stands in a hash for a value that names a file.
using Contents = std::map<std::string, std::string, std::less<>>;

/// 16 hexadecimal digits that stand for the configuration: equal for equal configs, on every
/// machine and in every version that has the same fields.
std::string hash_of(const RunConfig&, const Contents& contents = {});

/// Likewise for any text, e.g. a spec's.
std::string hash_of_text(std::string_view);

} // namespace sweetspot
