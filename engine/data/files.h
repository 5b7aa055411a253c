#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace sweetspot {

/// The contents of a file. Data that begins as gzip does (also of several members) comes unpacked.
/// Throws Error(file) with a sentence that begins with the path: missing, a directory, unreadable,
/// damaged or cut short, or larger than `limit_bytes` unpacked.
/// A relative path that leads nowhere from the current folder may name one of the program's
/// resources, e.g. data/protein-lengths.txt.
std::string read_file(const std::string& path, std::size_t limit_bytes = std::size_t(4) << 30);

/// Writes the whole of `text`; throws Error(file), also when the disk is full.
void write_file(const std::string& path, const std::string& text);

/// SHA-256 of a file's bytes as they lie on disk, 64 lower-case hexadecimal digits.
/// Reads in pieces, so that a file of any size needs 1 MiB. Throws Error(file).
std::string sha256_of_file(const std::string& path);
/// Likewise of a text.
std::string sha256_of_text(std::string_view text);

} // namespace sweetspot
