#pragma once
#include "engine/config/json.h"
#include "engine/config/run_config.h"
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// A number as JSON; what JSON has no number for becomes "inf", "-inf" or "nan".
Json json_number(double);
/// What json_number wrote. Throws Error(bad_input) for anything else.
double number_from(const Json&);

/// One field's text as the JSON value it stands for: a number, true, false or a string.
Json json_value(std::string_view field, const std::string& text);

Json config_to_json(const RunConfig&);
/// Sets the fields that the object names; says what is wrong, a sentence each, after `place`.
void read_config(const Json& object, const std::string& place, RunConfig&,
                 std::vector<std::string>& problems);

/// The one spelling of a field's value, as get_field() has it: "0" for "0.0" and "0e0". What is no
/// value of the field stays, so that it can be said.
std::string usual_text(std::string_view field, std::string text);

/// A number, string, true or false as a field's usual_text(); says so after `place` if it is none
/// of them.
std::string field_text(std::string_view field, const Json&, const std::string& place,
                       std::vector<std::string>& problems);

} // namespace sweetspot
