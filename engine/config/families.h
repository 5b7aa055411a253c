#pragma once
#include <span>
#include <string>
#include <string_view>

/// The kinds of models that people come with: those that are read, and what the others have that
/// the engine does not.
namespace sweetspot {

struct KnownFamily {
    std::string_view model_type;   ///< in a config.json; also what it is listed as
    std::string_view models;       ///< some that people know
    std::string_view architecture; ///< in GGUF, or "" where such files are not read
    std::string_view made_of;      ///< beside attention and an MLP
};
std::span<const KnownFamily> known_families();
/// These as README has them, in Markdown.
std::string table_of_families();

/// What a model of another kind has that the engine has no op or no place for, by its name in a
/// config.json or in GGUF; "" if nobody here knows it.
std::string_view what_is_missing(std::string_view model_type);

} // namespace sweetspot
