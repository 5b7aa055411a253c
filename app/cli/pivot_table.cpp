#include "app/cli/pivot_table.h"
#include "app/analysis/csv.h"
#include "app/analysis/format.h"
#include "app/analysis/pivot.h"
#include "app/cli/run_table.h"
#include "app/experiment/config_json.h"
#include "app/experiment/metrics.h"
#include <cmath>
#include <ostream>

namespace sweetspot {

namespace {

/// Numbers in one unit for people, in the metric's own for programs.
RunTable table_of(const Pivot& pivot) {
    double largest = 0;
    for (const auto& cell : pivot.cells) largest = std::max(largest, cell.value.value_or(0));
    const MetricInfo& metric = *find_metric(pivot.choice.metric);
    const auto unit = scaled_unit(largest, metric.unit);
    RunTable table{.columns = {{pivot.choice.row, false}}};
    for (const auto& column : pivot.columns)
        table.columns.push_back({pivot.choice.column + " " + column +
                                 (unit.label.empty() ? "" : " [" + unit.label + "]")});
    for (std::size_t row = 0; row < pivot.rows.size(); ++row) {
        auto& cells = table.rows.emplace_back();
        cells.push_back(pivot.rows[row]);
        for (std::size_t column = 0; column < pivot.columns.size(); ++column) {
            const auto& value = pivot.cell(row, column).value;
            cells.push_back(value ? format_number(*value / unit.factor, 4) : "");
        }
    }
    return table;
}

Json json_of(const Pivot& pivot) {
    Json cells = Json::array();
    for (std::size_t row = 0; row < pivot.rows.size(); ++row)
        for (std::size_t column = 0; column < pivot.columns.size(); ++column) {
            const auto& cell = pivot.cell(row, column);
            if (cell.ids.empty()) continue;
            cells.push_back(
                {{pivot.choice.row, json_value(pivot.choice.row, pivot.rows[row])},
                 {pivot.choice.column, json_value(pivot.choice.column, pivot.columns[column])},
                 {pivot.choice.metric, cell.value ? Json(*cell.value) : Json()},
                 {"low", cell.value ? Json(cell.low) : Json()},
                 {"high", cell.value ? Json(cell.high) : Json()},
                 {"runs", cell.ids}});
        }
    return cells;
}

void write_csv(std::ostream& out, const Pivot& pivot) {
    out << csv_cell(pivot.choice.row);
    for (const auto& column : pivot.columns)
        out << ',' << csv_cell(pivot.choice.column + " " + column);
    for (std::size_t row = 0; row < pivot.rows.size(); ++row) {
        out << '\n' << csv_cell(pivot.rows[row]);
        for (std::size_t column = 0; column < pivot.columns.size(); ++column) {
            const auto& value = pivot.cell(row, column).value;
            out << ',' << (value ? to_text(*value) : "");
        }
    }
    out << '\n';
}

} // namespace

void write_pivot(std::ostream& out, std::span<const RunRecord> runs, const std::string& choice,
                 OutputFormat format) {
    const Pivot pivot = pivot_of(runs, read_pivot(choice));
    switch (format) {
    case OutputFormat::md: return write_markdown_table(out, table_of(pivot));
    case OutputFormat::csv: return write_csv(out, pivot);
    case OutputFormat::json: out << dump(json_of(pivot), 2) << '\n'; return;
    default: throw Error(Failure::bad_input, "A pivot is written as csv, json or md.");
    }
}

} // namespace sweetspot
