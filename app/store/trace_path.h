#pragma once
#include <cstdint>
#include <filesystem>

namespace sweetspot {

/// Where the recorded trace of a run lies: in a folder beside the database of runs. It may not be
/// there.
inline std::filesystem::path trace_path(const std::filesystem::path& store, std::int64_t run) {
    std::filesystem::path folder = store;
    folder += ".traces";
    return folder / ("run-" + std::to_string(run) + ".trace");
}

} // namespace sweetspot
