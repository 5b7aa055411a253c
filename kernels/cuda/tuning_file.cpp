#include "kernels/cuda/tuning_file.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sweetspot {

namespace {

std::filesystem::path cache_folder() {
    const auto named = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value && *value == '/' ? value : "");
    };
    if (const auto cache = named("XDG_CACHE_HOME"); !cache.empty()) return cache / "sweetspot";
    const auto home = named("HOME");
    return home.empty() ? home : home / ".cache/sweetspot";
}

} // namespace

TuningFile::TuningFile(const std::string& name) {
    const auto folder = cache_folder();
    if (folder.empty()) return;
    path_ = folder / name;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);)
        if (const auto tab = line.find('\t'); tab != line.npos)
            known_[line.substr(0, tab)] = line.substr(tab + 1);
}

std::optional<std::string> TuningFile::find(const std::string& key) const {
    const auto found = known_.find(key);
    if (found == known_.end()) return {};
    return found->second;
}

void TuningFile::add(const std::string& key, const std::string& value) {
    known_[key] = value;
    if (path_.empty()) return;
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
    std::ofstream(path_, std::ios::app) << key + '\t' + value + '\n' << std::flush;
}

} // namespace sweetspot
