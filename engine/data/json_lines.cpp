#include "engine/data/json_lines.h"
#include "engine/config/json.h"
#include "engine/config/nearest.h"
#include <vector>

namespace sweetspot {

static Json object_of(const std::string& line, const TextReader& file, std::size_t number) {
    try {
        Json object = parse_json(line, "its JSON");
        if (object.is_object()) return object;
    } catch (const Error& error) { // the line in the file goes before the place in the line
        file.refuse(number, error.what());
    }
    file.refuse(number, "is no JSON object");
}

std::string text_member(const std::string& line, const std::string& name, const TextReader& file,
                        std::size_t number) {
    const Json object = object_of(line, file, number);
    const Json* member = object.find(name);
    if (!member) {
        std::vector<std::string> names;
        for (const auto& other : object.items()) names.push_back(other.name);
        file.refuse(number,
                    "the object has no member \"" + name + "\"" + did_you_mean(name, names));
    }
    if (!member->is_string()) file.refuse(number, "the member \"" + name + "\" is no text");
    return member->get<std::string>();
}

} // namespace sweetspot
