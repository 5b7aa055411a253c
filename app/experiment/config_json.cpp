#include "app/experiment/config_json.h"
#include "app/experiment/spec.h"
#include "kernels/core/error.h"
#include <cmath>
#include <set>

namespace sweetspot {

namespace {

/// "line 3, column 5: …" from the library's longer sentence.
std::string place_and_reason(const nlohmann::json::parse_error& error) {
    const std::string text = error.what();
    const auto line = text.find("line ");
    return line == std::string::npos ? text : text.substr(line);
}

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

Json parse_json(std::string_view text, const std::string& where) {
    std::vector<std::set<std::string>> names; // of the objects that are open
    const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start) names.emplace_back();
        if (event == Json::parse_event_t::object_end) names.pop_back();
        if (event == Json::parse_event_t::key && !names.back().insert(parsed).second)
            throw Error(Failure::bad_input,
                        where + ": \"" + parsed.get<std::string>() + "\" is given twice");
        return true;
    };
    try {
        return Json::parse(text, watch);
    } catch (const nlohmann::json::parse_error& error) {
        throw Error(Failure::bad_input, where + ": " + place_and_reason(error));
    }
}

std::string dump(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json json_number(double v) {
    return std::isfinite(v) ? Json(v) : Json(to_text(v));
}

double number_from(const Json& json) {
    double v = 0;
    if (json.is_number()) return json.get<double>();
    if (json.is_string() && from_text(json.get_ref<const std::string&>(), v) && !std::isfinite(v))
        return v;
    throw Error(Failure::bad_input, dump(json) + " is not a number");
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
        json.push_back({std::string(field.name), to_json_value(value)});
    });
    return json;
}

std::string field_text(const Json& json, const std::string& place,
                       std::vector<std::string>& problems) {
    if (json.is_string()) return json.get<std::string>();
    if (!json.is_number() && !json.is_boolean())
        problems.push_back(place + ": " + dump(json).substr(0, 60) +
                           " is neither a number nor a string, true or false");
    return dump(json);
}

void read_config(const Json& object, const std::string& place, RunConfig& config,
                 std::vector<std::string>& problems) {
    if (!object.is_object()) {
        problems.push_back(place + " is an object of fields, not " + dump(object).substr(0, 60));
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
