#pragma once
#include <string>

namespace sweetspot {

/// Where a file that comes with the program lies, e.g. resource_path("models/esm2-8m.json"). Looked
/// for in $SWEETSPOT_RESOURCES if that is set, else in ../share/sweetspot beside the program's
/// folder, else in the folder it was built from. The file itself may be missing.
std::string resource_path(const std::string& relative);

/// The path, or the resource of that name for a relative path that leads nowhere from here.
std::string located(const std::string& path);

} // namespace sweetspot
