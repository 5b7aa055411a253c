#include "app/experiment/config_json.h"
#include "app/experiment/spec.h"
#include "kernels/core/error.h"
#include <cmath>

namespace sweetspot {

namespace {

/// Json of any field's value.
template <class T>
Json to_json_value(const T& v) {
    if constexpr (std::is_same_v<T, double>)
        return json_number(v);
    else if constexpr (Named<T>)
        return to_text(v);
    else
        return v;
}

} // namespace

Json json_number(double v) {
    return std::isfinite(v) ? Json(v) : Json(to_text(v));
}

double number_from(const Json& json) {
    double v = 0;
    if (json.is_string() && from_text(json.get<std::string>(), v) && !std::isfinite(v)) return v;
    return json.get<double>();
}

Json json_value(std::string_view field, const std::string& text) {
    Json json = text;
    RunConfig config;
    each_field(config, [&](const Field& f, auto& value) {
        if (f.name == field && from_text(text, value)) json = to_json_value(value);
    });
    return json;
}

Json config_to_json(const RunConfig& config) {
    Json json = Json::object();
    each_field(const_cast<RunConfig&>(config), [&](const Field& field, auto& value) {
        json.add(std::string(field.name), to_json_value(value));
    });
    return json;
}

std::string field_text(const Json& json, const std::string& place,
                       std::vector<std::string>& problems) {
    if (json.is_string()) return json.get<std::string>();
    if (json.is_number() || json.is_boolean()) return dump(json);
    problems.push_back(place + ": " + described(json) +
                       " is neither a number nor a string, true or false");
    return {};
}

void read_config(const Json& object, const std::string& place, RunConfig& config,
                 std::vector<std::string>& problems) {
    if (!object.is_object()) {
        problems.push_back(place + " is an object of fields, not " + described(object));
        return;
    }
    for (const auto& [name, value] : object.items()) {
        const auto known = problems.size();
        const auto text = field_text(value, place + "." + name, problems);
        if (problems.size() > known) continue;
        if (const auto wrong = problem_of(name, text); !wrong.empty())
            problems.push_back(place + ": " + wrong);
        else
            set_field(config, name, text);
    }
}

} // namespace sweetspot
