#include "app/experiment/schema.h"
#include "app/experiment/config_json.h"

// The JSON schema of spec files, printed from the field list: `sweetspot list fields --schema`.

namespace sweetspot {

namespace {

// All but the fields.
constexpr const char* frame = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Sweetspot experiment",
  "description": "A base configuration and what varies: sweetspot run FILE.json",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "$schema": {"type": "string"},
    "name": {"type": "string", "description": "what lists and reports call it"},
    "description": {"type": "string", "description": "one or two sentences on what it is to show"},
    "base": {"description": "what all points share; fields left out have their default",
             "$ref": "#/$defs/fields"},
    "axes": {"description": "the fields that vary and their values; they make a grid, the last varying fastest",
             "type": "object", "additionalProperties": false, "properties": {}},
    "zip": {"type": "boolean", "default": false,
            "description": "axes go in step instead of making a grid"},
    "points": {"type": "array",
               "description": "explicit points after the grid: fields that differ from base",
               "items": {"$ref": "#/$defs/fields"}}
  },
  "$defs": {
    "range": {"type": "string", "minLength": 1,
              "description": "a list or range: 1,2,4 or 1-64*2 or 128-1024+128 or [pow2]=[7:11]"},
    "fields": {"type": "object", "additionalProperties": false, "properties": {}}
  }
})";

const char* type_of(const RunField& field) {
    switch (field.kind) {
    case RunField::Kind::toggle: return "boolean";
    case RunField::Kind::whole: return "integer";
    case RunField::Kind::number: return "number";
    default: return "string";
    }
}

/// A bound as a spec would write it, without a needless ".0".
Json bound(double v) {
    return parse_json(plain_text(v), "a bound");
}

Json field_schema(const RunField& field) {
    Json json;
    json["description"] = field.meaning;
    json["type"] = type_of(field);
    if (field.kind == RunField::Kind::choice) json["enum"] = field.choices;
    json["default"] = json_value(field.name, field.usual);
    if (field.is_number() && field.range.least > Range{}.least)
        json[field.range.above ? "exclusiveMinimum" : "minimum"] = bound(field.range.least);
    if (field.is_number() && field.range.most < Range{}.most)
        json["maximum"] = bound(field.range.most);
    return json;
}

/// One value, a list of values, or a range of them as text.
Json axis_schema(const RunField& field) {
    Json value, list, range, json;
    value["$ref"] = "#/$defs/fields/properties/" + std::string(field.name);
    list["type"] = "array";
    list["minItems"] = 1;
    list["items"] = value;
    range["$ref"] = "#/$defs/range";
    for (const Json& one : {value, list, range}) json["anyOf"].push_back(one);
    return json;
}

} // namespace

std::string spec_schema() {
    Json json = parse_json(frame, "the schema");
    Json& fields = json["$defs"]["fields"]["properties"];
    Json& axes = json["properties"]["axes"]["properties"];
    for (const RunField& field : run_fields()) {
        fields[std::string(field.name)] = field_schema(field);
        axes[std::string(field.name)] = axis_schema(field);
    }
    return dump(json, 2) + "\n";
}

} // namespace sweetspot
