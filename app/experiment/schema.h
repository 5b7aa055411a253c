#pragma once
#include <string>

namespace sweetspot {

/// What a spec file may say, as a JSON schema (draft 2020-12) for editors, from the field list.
std::string spec_schema();

} // namespace sweetspot
