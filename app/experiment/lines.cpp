#include "app/experiment/lines.h"
#include "app/experiment/base64.h"
#include "app/experiment/config_json.h"
#include "engine/config/nearest.h"
#include <cmath>
#include <cstring>
#include <span>

// The wire between worker and runner: a line is a JSON object, written and read by looping over the
// members that its kind lists in record.h.

namespace sweetspot {

namespace {

template <class T>
requires(!std::is_enum_v<T>) Json write(const T& v) {
    return v;
}
Json write(double v) {
    return json_number(v);
}
Json write(const RunConfig& v) {
    return config_to_json(v);
}
template <class Choice>
requires std::is_enum_v<Choice> Json write(Choice v) {
    return to_text(v);
}

Json write(const std::vector<float>& v) {
    return to_base64(std::as_bytes(std::span(v)));
}

[[noreturn]] void refuse(const std::string& what) {
    throw Error(Failure::bad_input, what);
}

void read(const Json& json, std::string& v) {
    if (!json.is_string()) refuse("is not a string");
    v = json.get<std::string>();
}
void read(const Json& json, std::vector<float>& v) {
    const auto bytes = json.is_string() ? from_base64(json.get<std::string>()) : std::nullopt;
    if (!bytes || bytes->size() % sizeof(float)) refuse("is no list of f32 as base64");
    v.resize(bytes->size() / sizeof(float));
    if (!v.empty()) std::memcpy(v.data(), bytes->data(), bytes->size());
}
void read(const Json& json, bool& v) {
    if (!json.is_boolean()) refuse("is neither true nor false");
    v = json.get<bool>();
}
void read(const Json& json, double& v) {
    v = number_from(json);
}
template <std::integral Whole>
void read(const Json& json, Whole& v) {
    if (!json.is_number_integer()) refuse("is not a whole number");
    v = json.get<Whole>();
}
template <class Choice>
requires std::is_enum_v<Choice>
void read(const Json& json, Choice& v) {
    std::string all;
    for (const auto name : names_of(v)) all += (all.empty() ? "" : ", ") + std::string(name);
    if (!json.is_string() || !from_text(json.get<std::string>(), v)) refuse("is none of " + all);
}
void read(const Json& json, std::map<std::string, std::string>& v) {
    if (!json.is_object()) refuse("is not an object");
    for (const auto& [name, value] : json.items()) read(value, v[name]);
}
void read(const Json& json, RunConfig& v) {
    std::vector<std::string> problems;
    read_config(json, "config", v, problems);
    if (!problems.empty()) refuse(problems.front());
}

/// Reads all members, and holds that there are no others.
template <class T>
Line read_members(const Json& json) {
    T v;
    std::size_t known = 1; // "line"
    T::each_member(v, [&](const char* name, auto& member) {
        const Json* found = json.find(name);
        if (!found) refuse("\"" + std::string(name) + "\" is missing");
        try {
            read(*found, member);
        } catch (const Error& error) {
            throw Error(error.kind, "\"" + std::string(name) + "\" " + error.what());
        }
        ++known;
    });
    if (json.size() != known) refuse("it has more than it should");
    return v;
}

/// In the order of Line's alternatives.
std::vector<std::string_view> kinds() {
    std::vector<std::string_view> names;
    each_kind([&]<class Kind>() { names.push_back(Kind::kind.line); });
    return names;
}

} // namespace

std::string to_json_line(const Line& line) {
    Json json;
    std::visit(
        [&](const auto& v) {
            json["line"] = v.kind.line;
            v.each_member(
                v, [&](const char* name, const auto& member) { json[name] = write(member); });
        },
        line);
    return dump(json);
}

Line from_json_line(std::string_view text) {
    const auto json = parse_json(text, "a record line");
    const Json* kind = json.find("line");
    if (!kind || !kind->is_string())
        refuse("a record line is an object that says its kind, {\"line\": …}");
    const auto name = kind->get<std::string>();
    std::optional<Line> line;
    try {
        each_kind([&]<class Kind>() {
            if (Kind::kind.line == name) line = read_members<Kind>(json);
        });
    } catch (const Error& error) {
        throw Error(error.kind, "record line \"" + name + "\": " + error.what());
    }
    if (!line) refuse("there is no record line \"" + name + "\"" + did_you_mean(name, kinds()));
    if (const auto wrong = nonsense(*line); !wrong.empty())
        refuse("record line \"" + name + "\": " + wrong);
    return *std::move(line);
}

std::string to_json_line(const RunConfig& config) {
    return dump(config_to_json(config));
}

RunConfig config_from_json_line(std::string_view text) {
    RunConfig config;
    std::vector<std::string> problems;
    read_config(parse_json(text, "a configuration"), "a configuration", config, problems);
    if (problems.empty()) return config;
    std::string all;
    for (const auto& problem : problems) all += (all.empty() ? "" : "\n") + problem;
    refuse(all);
}

} // namespace sweetspot
