#include "app/experiment/own_folders.h"
#include "app/experiment/key.h"
#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

namespace sweetspot {

namespace {

constexpr std::size_t longest_name = 120;

/// "learning_rate-0.001": what is no part of a name is left out, as the folders of a model's path.
std::string part(const RunField& field, const RunConfig& config) {
    std::string value = field.get(config);
    value.erase(0, value.find_last_of('/') + 1);
    for (char& letter : value)
        if (!std::isalnum(static_cast<unsigned char>(letter)) && !std::strchr(".+-_", letter))
            letter = '-';
    return std::string(field.name) + '-' + value;
}

std::vector<std::string> names_of(const std::vector<const RunConfig*>& group,
                                  std::string_view folder_field) {
    std::vector<std::string> names(group.size());
    for (const RunField& field : run_fields()) {
        if (field.name == folder_field || std::ranges::all_of(group, [&](const RunConfig* config) {
                return field.get(*config) == field.get(*group.front());
            }))
            continue;
        for (std::size_t i = 0; i < group.size(); ++i)
            names[i] += (names[i].empty() ? "" : "_") + part(field, *group[i]);
    }
    std::set<std::string> taken;
    for (std::size_t i = 0; i < group.size(); ++i)
        if (names[i].size() > longest_name || !taken.insert(names[i]).second)
            names[i] = hash_of(*group[i]);
    return names;
}

} // namespace

void give_own_folders(std::vector<PlannedRun>& runs) {
    struct Folder {
        const char* field;
        std::string RunConfig::*told;
        std::string PlannedRun::*own;
    };
    for (const auto& [field, told, own] :
         {Folder{"save", &RunConfig::save, &PlannedRun::own_save},
          Folder{"checkpoint", &RunConfig::checkpoint, &PlannedRun::own_checkpoint}}) {
        std::map<std::string, std::vector<PlannedRun*>> groups;
        for (PlannedRun& run : runs)
            if (!(run.config.*told).empty()) groups[run.config.*told].push_back(&run);
        for (const auto& [path, group] : groups) {
            if (group.size() < 2) continue;
            std::vector<const RunConfig*> configs;
            for (const PlannedRun* run : group) configs.push_back(&run->config);
            const auto names = names_of(configs, field);
            for (std::size_t i = 0; i < group.size(); ++i)
                group[i]->*own = (std::filesystem::path(path) / names[i]).string();
        }
    }
}

} // namespace sweetspot
