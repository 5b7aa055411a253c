#pragma once
#include <chrono>
#include <filesystem>

namespace sweetspot {

/// Has a database that an older program made the newest schema, so that it can be read. Where
/// another process writes to it, which may be doing just that, it is waited for. Throws Error(file)
/// that says what hinders it.
void bring_up_to_date(const std::filesystem::path& database,
                      std::chrono::milliseconds patience = std::chrono::seconds(10));

} // namespace sweetspot
