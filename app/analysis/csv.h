#pragma once
#include <string>
#include <string_view>

namespace sweetspot {

/// A cell of CSV: in quotes if need be (RFC 4180), printable() throughout, and never a formula to a
/// spreadsheet: text that begins like one (=, +, -, @, a tab), and is no number, follows a '.
std::string csv_cell(std::string_view);

} // namespace sweetspot
