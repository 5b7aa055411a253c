#include "engine/data/settings.h"
#include "kernels/core/error.h"

namespace sweetspot {

Settings::Settings(const Json& object, std::string where)
    : object_(object), where_(std::move(where)) {
    if (!object.is_object()) refuse("an object was expected");
}

std::int64_t Settings::whole_number(const Json& json) {
    if (!json.is_number_integer()) return -1;
    const auto number = json.get<double>();
    return number >= 0 && number <= double(most) ? std::int64_t(number) : -1;
}

void Settings::refuse(const std::string& why) const {
    throw Error(Failure::file, where_ + ": " + why);
}

const Json& Settings::any(const std::string& name) {
    static const Json null;
    known_.insert(name);
    const Json* found = object_.find(name);
    return found ? *found : null;
}

bool Settings::flag(const std::string& name, bool otherwise) {
    const Json& value = any(name);
    if (value.is_null()) return otherwise;
    if (!value.is_boolean()) refuse(name + " must be true or false");
    return value.get<bool>();
}

std::string Settings::optional_text(const std::string& name) {
    const Json& value = any(name);
    if (value.is_null()) return {};
    if (!value.is_string()) refuse(name + " must be a text");
    return value.get<std::string>();
}

std::string Settings::text(const std::string& name) {
    if (any(name).is_null()) refuse("has no " + name);
    return optional_text(name);
}

std::int64_t Settings::integer(const std::string& name) {
    const auto integer = whole_number(any(name));
    if (integer < 0) refuse(name + " must be an integer from 0 to " + std::to_string(most));
    return integer;
}

std::int64_t Settings::integer(const std::string& name, std::int64_t otherwise) {
    return any(name).is_null() ? otherwise : integer(name);
}

const Json& Settings::list(const std::string& name) {
    const Json& value = any(name);
    if (!value.is_array()) refuse(name + " must be a list");
    return value;
}

Settings Settings::object(const std::string& name) {
    return Settings(any(name), where_ + ", " + name);
}

void Settings::ignore(std::initializer_list<const char*> names) {
    for (const auto* name : names) known_.insert(name);
}

void Settings::finish() const {
    for (const auto& [name, value] : object_.items())
        if (!known_.contains(name)) refuse("the setting \"" + name + "\" is not supported");
}

} // namespace sweetspot
