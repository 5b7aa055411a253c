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

} // namespace sweetspot
