#include "app/analysis/pivot.h"
#include "app/analysis/columns.h"
#include "app/analysis/objective.h"
#include "app/analysis/series.h"
#include "app/experiment/spec.h"
#include "app/experiment/statistics.h"
#include <algorithm>
#include <cmath>
#include <unordered_map>

// A table of runs turned: what a sweep of two axes looks like on paper.

namespace sweetspot {

namespace {

/// Where each value of a field stands; one place for all where there is no field.
struct Places {
    Places(std::span<const RunRecord> runs, const std::string& field)
        : field(field),
          values(field.empty() ? std::vector<std::string>{""} : ordered_values(runs, field)) {
        for (std::size_t i = 0; i < values.size(); ++i) place.emplace(values[i], i);
        // Runs that the field makes no difference to stand behind the others.
        for (const auto& run : runs)
            if (!field.empty())
                if (auto value = get_field(run.config, field);
                    place.emplace(value, values.size()).second)
                    values.push_back(std::move(value));
    }
    std::size_t of(const RunRecord& run) const {
        return field.empty() ? 0 : place.at(get_field(run.config, field));
    }

    std::string field;
    std::vector<std::string> values;
    std::unordered_map<std::string, std::size_t> place;
};

} // namespace

Pivot pivot_of(std::span<const RunRecord> runs, const PivotChoice& choice) {
    const Places rows(runs, choice.row), columns(runs, choice.column);
    Pivot pivot{.choice = choice, .rows = rows.values, .columns = columns.values};
    pivot.cells.resize(pivot.rows.size() * pivot.columns.size());
    std::vector<std::vector<double>> values(pivot.cells.size());
    for (const auto& run : runs) {
        const auto at = rows.of(run) * pivot.columns.size() + columns.of(run);
        pivot.cells[at].ids.push_back(run.id);
        if (!has_result(run)) continue;
        if (const auto value = value_of(run, choice.metric); value && !std::isnan(*value))
            values[at].push_back(*value);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        auto& of_cell = values[i];
        if (of_cell.empty()) continue;
        std::sort(of_cell.begin(), of_cell.end());
        pivot.cells[i].value = quantile(of_cell, 0.5);
        pivot.cells[i].low = of_cell.front();
        pivot.cells[i].high = of_cell.back();
        pivot.cells[i].measured = int(of_cell.size());
    }
    return pivot;
}

PivotChoice default_pivot(std::span<const RunRecord> runs, const std::string& metric) {
    std::vector<std::pair<std::size_t, std::string>> fields;
    for (const auto& field : varying_fields(runs))
        fields.emplace_back(ordered_values(runs, field).size(), field);
    std::stable_sort(fields.begin(), fields.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    PivotChoice choice{.metric = metric};
    if (!fields.empty()) choice.column = fields[0].second;
    if (fields.size() > 1) choice.row = fields[1].second;
    return choice;
}

PivotChoice read_pivot(const std::string& text) {
    const auto first = text.find(','), second = text.find(',', first + 1);
    if (first == text.npos || second == text.npos)
        throw Error(Failure::bad_input, "A pivot is ROW,COLUMN,METRIC, e.g. "
                                        "attention,batch,peak_bytes, and not \"" +
                                            text + "\".");
    PivotChoice choice{text.substr(0, first), text.substr(first + 1, second - first - 1),
                       text.substr(second + 1)};
    for (const auto& field : {choice.row, choice.column})
        if (!field.empty() && !find_field(field))
            throw Error(Failure::bad_input, problem_of(field, ""));
    const MetricInfo* metric = metric_called(choice.metric);
    choice.metric = (metric ? *metric : objective_called(choice.metric)).name;
    return choice;
}

} // namespace sweetspot
