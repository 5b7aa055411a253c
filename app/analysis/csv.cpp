#include "app/analysis/csv.h"
#include "app/experiment/printable.h"
#include "engine/config/fields.h"

namespace sweetspot {

namespace {

bool is_formula(std::string_view text) {
    double number = 0;
    return !text.empty() && std::string_view("=+-@\t").find(text.front()) != text.npos &&
           !from_text(text, number);
}

} // namespace

std::string csv_cell(std::string_view text) {
    std::string cell = printable(text);
    if (is_formula(cell)) cell.insert(cell.begin(), '\'');
    if (cell.find_first_of("\",\n") == cell.npos) return cell;
    std::string quoted = "\"";
    for (const char c : cell) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + '"';
}

} // namespace sweetspot
