#pragma once
#include "profiler/trace/trace.h"

namespace sweetspot {

/// What stands before a trace's content in its file.
constexpr int trace_file_version = 1;

/// A trace as a file's bytes: a magic word with the version, the SHA-256 and the length of the
/// content, and the content compressed (zlib): lists whose members are differences to the element
/// before, as variable-length integers. A million events are some ten million bytes.
std::string to_bytes(const Trace&);
/// Throws Error(file), a sentence: no trace, of a later version, truncated or damaged.
Trace trace_from_bytes(std::string_view bytes);

/// Throws Error(file). A file is there whole or not at all.
void write_trace(const Trace&, const std::string& path);
Trace read_trace(const std::string& path);

} // namespace sweetspot
