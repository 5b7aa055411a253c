#include "engine/config/resources.h"
#include <cstdlib>
#include <filesystem>

namespace sweetspot {

namespace fs = std::filesystem;

static fs::path resource_folder() {
    if (const char* chosen = std::getenv("SWEETSPOT_RESOURCES")) return chosen;
    std::error_code unreadable;
    const fs::path program = fs::read_symlink("/proc/self/exe", unreadable);
    const fs::path installed = program.parent_path().parent_path() / "share" / "sweetspot";
    if (!unreadable && fs::is_directory(installed, unreadable)) return installed;
    return SWEETSPOT_RESOURCE_DIR;
}

std::string resource_path(const std::string& relative) {
    return (resource_folder() / relative).string();
}

std::string located(const std::string& path) {
    std::error_code ignored;
    if (fs::path(path).is_absolute() || fs::exists(path, ignored)) return path;
    const std::string resource = resource_path(path);
    return fs::exists(resource, ignored) ? resource : path;
}

} // namespace sweetspot
