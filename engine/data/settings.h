#pragma once
#include "engine/config/json.h"
#include <set>
#include <string>

namespace sweetspot {

/// An object of settings in a JSON file. Every member must be asked for: finish() refuses one that
/// was not, by its name, because it may change what is computed.
class Settings {
public:
    /// Integers are at most this: more than any vocabulary has, less than would hurt.
    static constexpr std::int64_t most = (1 << 24) - 1;
    /// An integer from 0 to that; -1 for all else.
    static std::int64_t whole_number(const Json&);

    /// `where` names file and place in errors. Throws Error(file) unless it is an object.
    Settings(const Json& object, std::string where);

    const std::string& where() const { return where_; }
    /// The member, null if there is none.
    const Json& any(const std::string& name);
    bool flag(const std::string& name, bool otherwise);
    /// Throws Error(file) if it is no text, or is missing.
    std::string text(const std::string& name);
    /// "" for null and what is missing.
    std::string optional_text(const std::string& name);
    std::int64_t integer(const std::string& name);
    std::int64_t integer(const std::string& name, std::int64_t otherwise);
    const Json& list(const std::string& name); ///< throws Error(file) unless it is one
    /// The settings of a member, with its place.
    Settings object(const std::string& name);
    /// Members that are known not to matter.
    void ignore(std::initializer_list<const char*> names);
    void finish() const;
    [[noreturn]] void refuse(const std::string& why) const;

private:
    const Json& object_;
    std::string where_;
    std::set<std::string> known_{};
};

} // namespace sweetspot
