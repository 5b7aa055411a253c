#pragma once
#include "engine/data/byte_source.h"
#include <string>
#include <string_view>

namespace sweetspot {

/// How much of a file that is held as a whole is read at most: vocabularies and lists of lengths
/// have some tens of megabytes.
constexpr std::size_t whole_file_limit_bytes = std::size_t(256) << 20;

/// The contents of a regular file, as ByteSource gives them: gzip data comes unpacked. A relative
/// path that leads nowhere from the current folder may name one of the program's resources.
/// Throws Error(file) with a sentence that begins with the path: missing, no regular file,
/// unreadable, damaged or cut short, or larger than `limit_bytes` unpacked.
std::string read_file(const std::string& path, std::size_t limit_bytes = whole_file_limit_bytes);

/// Writes the whole of `text`; throws Error(file), also when the disk is full.
void write_file(const std::string& path, const std::string& text);

} // namespace sweetspot
