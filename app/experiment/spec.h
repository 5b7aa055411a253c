#pragma once
#include "engine/config/run_config.h"
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace sweetspot {

/// A field and the values it takes, as text, in order.
struct Axis {
    std::string field{};
    std::vector<std::string> values{};

    bool operator==(const Axis&) const = default;
};

/// An experiment: a base configuration and what varies.
struct Spec {
    std::string name{};
    std::string description{};
    RunConfig base{};
    std::vector<Axis> axes{};
    bool zip = false; ///< axes go in step instead of making a grid
    std::vector<std::map<std::string, std::string>> points{}; ///< explicit ones, after the grid
};

/// "1,2,4", "1-64*2", "128-1024+128", "[pow2]=[7:11]" or "flash" as the values they stand for.
/// Throws Error(bad_input) that quotes what it could not read.
std::vector<std::string> expand_values(std::string_view text);

/// Why a field cannot have this value, a sentence with the nearest right name or the range; "" if
/// it can. Whether files and models exist is not looked at.
std::string problem_of(std::string_view field, std::string_view value);

/// Everything that is wrong with a spec, a sentence each, unknown names with the nearest right one;
/// empty if nothing is.
std::vector<std::string> problems(const Spec&);

/// Reads a spec file (JSON, as spec_schema() has it). Throws Error(file) or Error(bad_input)
/// with all problems and where they are.
Spec load_spec(const std::filesystem::path&);
Spec spec_from_json(std::string_view text, const std::string& where);
std::string to_json(const Spec&);

} // namespace sweetspot
