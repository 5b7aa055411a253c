#include "app/experiment/config_json.h"
#include "app/experiment/spec.h"
#include "kernels/core/error.h"
#include <cmath>

namespace sweetspot {

Json json_number(double v) {
    return std::isfinite(v) ? Json(v) : Json(to_text(v));
}

double number_from(const Json& json) {
    double v = 0;
    if (json.is_string() && from_text(json.get<std::string>(), v) && !std::isfinite(v)) return v;
    return json.get<double>();
}

Json json_value(std::string_view field, const std::string& text) {
    const RunField* known = find_field(field);
    const auto kind = known ? known->kind : RunField::Kind::text;
    bool toggle = false;
    std::int64_t whole = 0;
    double number = 0;
    if (kind == RunField::Kind::toggle && from_text(text, toggle)) return toggle;
    if (kind == RunField::Kind::whole && from_text(text, whole)) return whole;
    if (kind == RunField::Kind::number && from_text(text, number)) return json_number(number);
    return text;
}

Json config_to_json(const RunConfig& config) {
    Json json = Json::object();
    for (const RunField& field : run_fields())
        json.add(std::string(field.name), json_value(field.name, field.get(config)));
    return json;
}

std::string usual_text(std::string_view field, std::string text) {
    const RunField* known = find_field(field);
    std::int64_t whole = 0;
    double number = 0;
    if (!known) return text;
    if (known->kind == RunField::Kind::whole && from_text(text, whole)) return to_text(whole);
    if (known->kind == RunField::Kind::number && from_text(text, number)) return to_text(number);
    return text;
}

std::string field_text(std::string_view field, const Json& json, const std::string& place,
                       std::vector<std::string>& problems) {
    if (json.is_string()) return usual_text(field, json.get<std::string>());
    if (json.is_number() || json.is_boolean()) return usual_text(field, dump(json));
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
        const auto text = field_text(name, value, place + "." + name, problems);
        if (problems.size() > known) continue;
        if (const auto wrong = problem_of(name, text); !wrong.empty())
            problems.push_back(place + ": " + wrong);
        else
            set_field(config, name, text);
    }
}

} // namespace sweetspot
