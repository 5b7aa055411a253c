#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace sweetspot {

/// SHA-256 of a file's bytes as they lie on disk, 64 lower-case hexadecimal digits.
/// Reads in pieces, so that a file of any size needs 1 MiB; tells after each which share of the
/// file has been read. Throws Error(file).
std::string sha256_of_file(const std::string& path,
                           const std::function<void(double share)>& progress = {});
/// Likewise of a text.
std::string sha256_of_text(std::string_view text);

} // namespace sweetspot
