#pragma once
#include <filesystem>
#include <string>

namespace sweetspot {

/// What changes when a file does, without reading it: size, times, inode and device.
struct FileStamp {
    std::string text{};
    double changed_unix_seconds = 0;
};

/// Throws Error(file) for what is no regular file.
FileStamp stamp_of(const std::filesystem::path&);

} // namespace sweetspot
