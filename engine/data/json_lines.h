#pragma once
#include "engine/data/text_reader.h"

namespace sweetspot {

/// The text that the JSON object in `line` has as its own member of that name; members of others
/// are passed over, however deep. Throws Error(file) that names file and line: no object, no such
/// member, twice there, or no text.
std::string text_member(const std::string& line, const std::string& name, const TextReader& file,
                        std::size_t number);

} // namespace sweetspot
