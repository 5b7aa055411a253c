#include "app/experiment/config_json.h"
#include "app/experiment/spec.h"
#include "engine/config/nearest.h"
#include "engine/config/regular_file.h"
#include "kernels/core/error.h"
#include <algorithm>

// Spec files: read with a sentence for each mistake, and written so that reading gives the same
// spec.

namespace sweetspot {

namespace {

/// Reads a spec and remembers all that is wrong with it.
class Reader {
public:
    explicit Reader(const Json& json) { read(json); }

    Spec spec;
    std::vector<std::string> problems;

private:
    void read(const Json& json) {
        static constexpr std::string_view keys[] = {"$schema", "name", "description", "base",
                                                    "axes",    "zip",  "points"};
        if (!json.is_object()) {
            problems.push_back("an experiment is a JSON object with \"base\" and \"axes\"");
            return;
        }
        for (const auto& [key, value] : json.items()) {
            if (key == "name") spec.name = text(key, value);
            if (key == "description") spec.description = text(key, value);
            if (key == "base") read_config(value, "base", spec.base, problems);
            if (key == "axes") read_axes(value);
            if (key == "points") read_points(value);
            if (key == "zip") {
                if (value.is_boolean())
                    spec.zip = value.get<bool>();
                else
                    problems.push_back("\"zip\" is true or false, not " + described(value));
            }
            if (std::find(std::begin(keys), std::end(keys), key) == std::end(keys))
                problems.push_back("there is no \"" + key + "\" in an experiment" +
                                   did_you_mean(key, keys));
        }
    }

    std::string text(const std::string& key, const Json& value) {
        if (value.is_string()) return value.get<std::string>();
        problems.push_back("\"" + key + "\" is a text, not " + described(value));
        return {};
    }

    void read_axes(const Json& axes) {
        if (!axes.is_object()) {
            problems.push_back("\"axes\" is an object of fields and their values, "
                               "{\"batch\": [1, 2, 4]}, not " +
                               described(axes));
            return;
        }
        for (const auto& [field, values] : axes.items()) {
            const auto known = problems.size();
            Axis axis{field, axis_values(field, values)};
            if (problems.size() == known) spec.axes.push_back(std::move(axis));
        }
    }

    std::vector<std::string> axis_values(const std::string& field, const Json& values) {
        const auto place = "axis \"" + field + "\"";
        std::vector<std::string> all;
        if (values.is_string()) {
            try {
                all = expand_values(values.get<std::string>());
                for (auto& value : all) value = usual_text(field, std::move(value));
                return all;
            } catch (const Error& error) { // one problem of several
                problems.push_back(place + ": " + error.what());
                return {};
            }
        }
        if (values.is_array())
            for (const auto& value : values)
                all.push_back(field_text(field, value, place, problems));
        else
            all.push_back(field_text(field, values, place, problems));
        return all;
    }

    void read_points(const Json& points) {
        if (!points.is_array()) {
            problems.push_back("\"points\" is a list of objects, not " + described(points));
            return;
        }
        for (const auto& point : points) {
            const auto place = "point " + to_text(spec.points.size() + 1);
            auto& fields = spec.points.emplace_back();
            if (!point.is_object())
                problems.push_back(place + " is an object of fields, not " + described(point));
            else
                for (const auto& [field, value] : point.items())
                    fields[field] = field_text(field, value, place, problems);
        }
    }
};

} // namespace

Spec spec_from_json(std::string_view text, const std::string& where) {
    const Reader reader(parse_json(text, where));
    auto all = reader.problems;
    const auto more = problems(reader.spec);
    all.insert(all.end(), more.begin(), more.end());
    if (all.empty()) return reader.spec;
    std::string sentences;
    for (const auto& problem : all)
        sentences += (sentences.empty() ? "" : "\n") + where + ": " + problem;
    throw Error(Failure::bad_input, sentences);
}

Spec load_spec(const std::filesystem::path& path) {
    constexpr std::size_t most_bytes = 16 << 20; // of a hundred thousand points
    return spec_from_json(read_regular_file(path.string(), most_bytes), path.string());
}

std::string to_json(const Spec& spec) {
    Json json = Json::object();
    json["name"] = spec.name;
    if (!spec.description.empty()) json["description"] = spec.description;
    json["base"] = Json::object();
    for (const RunField& field : run_fields())
        if (const auto text = field.get(spec.base); text != field.usual)
            json["base"][std::string(field.name)] = json_value(field.name, text);
    json["axes"] = Json::object();
    for (const auto& axis : spec.axes)
        for (const auto& value : axis.values)
            json["axes"][axis.field].push_back(json_value(axis.field, value));
    json["zip"] = spec.zip;
    for (const auto& point : spec.points) {
        Json fields = Json::object();
        for (const auto& [field, value] : point) fields[field] = json_value(field, value);
        json["points"].push_back(fields);
    }
    return dump(json, 2) + "\n";
}

} // namespace sweetspot
