#include "app/experiment/lines.h"
#include "app/experiment/config_json.h"
#include "engine/config/nearest.h"
#include <cmath>
#include <openssl/sha.h>

namespace sweetspot {

namespace {

// What each line's members are called on the wire: the one place that lists them.
template <class Visit>
void each_member(Started& v, Visit&& visit) {
    visit("hash", v.hash);
    visit("config", v.config);
    visit("unix_seconds", v.unix_seconds);
}
template <class Visit>
void each_member(Environment& v, Visit&& visit) {
    visit("facts", v.facts);
}
template <class Visit>
void each_member(WeightsUsed& v, Visit&& visit) {
    visit("loaded", v.loaded);
    visit("path", v.path);
    visit("sha256", v.sha256);
    visit("seed", v.seed);
    visit("parameters", v.parameters);
}
template <class Visit>
void each_member(Phase& v, Visit&& visit) {
    visit("name", v.name);
    visit("fraction", v.fraction);
}
template <class Visit>
void each_member(Measured& v, Visit&& visit) {
    visit("metric", v.metric);
    visit("index", v.index);
    visit("value", v.value);
    visit("warmup", v.warmup);
}
template <class Visit>
void each_member(Metric& v, Visit&& visit) {
    visit("name", v.name);
    visit("value", v.value);
}
template <class Visit>
void each_member(Text& v, Visit&& visit) {
    visit("name", v.name);
    visit("text", v.text);
}
template <class Visit>
void each_member(RegionSum& v, Visit&& visit) {
    visit("path", v.path);
    visit("calls", v.calls);
    visit("start_seconds", v.start_seconds);
    visit("seconds", v.seconds);
    visit("flops", v.flops);
    visit("bytes", v.bytes);
}
template <class Visit>
void each_member(MemoryPoint& v, Visit&& visit) {
    visit("seconds", v.seconds);
    visit("bytes", v.bytes);
}
template <class Visit>
void each_member(Finished& v, Visit&& visit) {
    visit("unix_seconds", v.unix_seconds);
}
template <class Visit>
void each_member(Failed& v, Visit&& visit) {
    visit("failure", v.failure);
    visit("reason", v.reason);
    visit("unix_seconds", v.unix_seconds);
}

/// In the order of Line's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<Line>> kinds = {
    "started", "environment", "weights", "phase",    "sample", "metric",
    "text",    "region",      "memory",  "finished", "failed"};

template <class T>
Json write(const T& v) {
    return v;
}
Json write(double v) {
    return json_number(v);
}
Json write(const RunConfig& v) {
    return config_to_json(v);
}
Json write(Failure v) {
    return to_text(v);
}
Json write(const std::array<double, 6>& v) {
    Json json = Json::array();
    for (const double one : v) json.push_back(json_number(one));
    return json;
}

[[noreturn]] void refuse(const std::string& what) {
    throw Error(Failure::bad_input, what);
}

void read(const Json& json, std::string& v) {
    if (!json.is_string()) refuse("is not a string");
    v = json.get<std::string>();
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
    if (!json.is_number_integer() || !from_text(dump(json), v)) refuse("is not a whole number");
}
void read(const Json& json, Failure& v) {
    if (!json.is_string() || !from_text(json.get<std::string>(), v)) refuse("is not a failure");
}
void read(const Json& json, std::map<std::string, std::string>& v) {
    if (!json.is_object()) refuse("is not an object");
    for (const auto& [name, value] : json.items()) read(value, v[name]);
}
void read(const Json& json, std::array<double, 6>& v) {
    if (!json.is_array() || json.size() != v.size()) refuse("is not a list of 6 numbers");
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = number_from(json[i]);
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
    each_member(v, [&](const char* name, auto& member) {
        const auto found = json.find(name);
        if (found == json.end()) refuse("\"" + std::string(name) + "\" is missing");
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

template <std::size_t index = 0>
Line read_kind(std::size_t kind, const Json& json) {
    if (kind == index) return read_members<std::variant_alternative_t<index, Line>>(json);
    if constexpr (index + 1 < std::variant_size_v<Line>)
        return read_kind<index + 1>(kind, json);
    else
        refuse("there is no such kind of line");
}

} // namespace

std::string to_json_line(const Line& line) {
    Json json = {{"line", std::string(kinds[line.index()])}};
    std::visit(
        [&](const auto& v) {
            each_member(const_cast<std::decay_t<decltype(v)>&>(v),
                        [&](const char* name, const auto& member) { json[name] = write(member); });
        },
        line);
    return dump(json);
}

Line from_json_line(std::string_view text) {
    const auto json = parse_json(text, "a record line");
    const auto kind = json.is_object() ? json.find("line") : json.end();
    if (kind == json.end() || !kind->is_string())
        refuse("a record line is an object that says its kind, {\"line\": …}");
    const auto name = kind->get<std::string>();
    const auto known = std::find(kinds.begin(), kinds.end(), name);
    if (known == kinds.end())
        refuse("there is no record line \"" + name + "\"" + did_you_mean(name, kinds));
    try {
        return read_kind(known - kinds.begin(), json);
    } catch (const Error& error) {
        throw Error(error.kind, "record line \"" + name + "\": " + error.what());
    }
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

std::string hash_of(const RunConfig& config) {
    std::string canonical; // lengths keep apart what values might imitate
    canonical.reserve(1024);
    each_field(const_cast<RunConfig&>(config), [&](const Field& field, auto& value) {
        const auto text = to_text(value);
        canonical.append(field.name).append(1, '=').append(to_text(text.size()));
        canonical.append(1, ':').append(text).append(1, '\n');
    });
    return hash_of_text(canonical);
}

std::string hash_of_text(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string hash;
    for (std::size_t i = 0; i < 8; ++i)
        for (const int digit : {digest[i] >> 4, digest[i] & 15}) hash += "0123456789abcdef"[digit];
    return hash;
}

} // namespace sweetspot
