#include "app/gui/models/strip_layout.h"
#include "app/analysis/format.h"
#include "app/gui/models/run_text.h"
#include <algorithm>
#include <map>
#include <set>

// Where the cell of each run stands: variants in rows, as in the plots, the values of x in groups,
// the rest side by side; in order where the runs are no full grid.

namespace sweetspot::gui {
namespace {

/// The values of a field in their order, as places.
std::map<std::string, int> order(std::span<const RunRecord> runs, const std::string& field) {
    std::vector<std::string> values = categories(runs, field);
    if (values.empty()) {
        for (const RunRecord& run : runs) values.push_back(get_field(run.config, field));
        std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
            double left = 0, right = 0;
            from_text(a, left);
            from_text(b, right);
            return left < right;
        });
        values.erase(std::unique(values.begin(), values.end()), values.end());
    }
    std::map<std::string, int> places;
    for (const auto& value : values) places.emplace(value, int(places.size()));
    return places;
}

struct Cell {
    std::vector<int> key; ///< x, then the rest
    int run;
};

} // namespace

StripLayout stripLayout(std::span<const RunRecord> runs, const PlotLayout& layout,
                        const std::vector<std::string>& varying) {
    const auto& choice = layout.choice;
    std::vector<std::pair<std::string, std::map<std::string, int>>> fields;
    const bool x_varies = std::find(varying.begin(), varying.end(), choice.x) != varying.end();
    if (x_varies) fields.emplace_back(choice.x, order(runs, choice.x));
    for (const auto& field : varying)
        if (field != choice.x &&
            std::find(choice.colour.begin(), choice.colour.end(), field) == choice.colour.end())
            fields.emplace_back(field, order(runs, field));

    std::vector<std::vector<Cell>> rows(std::max<size_t>(1, layout.series.size()));
    for (size_t i = 0; i < runs.size(); ++i) {
        const int row = std::max(0, layout.series_of(series_name(runs[i].config, choice)));
        Cell cell{{}, int(i)};
        for (const auto& [field, places] : fields)
            cell.key.push_back(places.at(get_field(runs[i].config, field)));
        rows[size_t(row)].push_back(std::move(cell));
    }
    std::set<std::vector<int>> first_keys;
    StripLayout result;
    result.places.resize(runs.size());
    bool grid = x_varies;
    for (size_t row = 0; row < rows.size(); ++row) {
        auto& cells = rows[row];
        std::stable_sort(cells.begin(), cells.end(),
                         [](const Cell& a, const Cell& b) { return a.key < b.key; });
        std::set<std::vector<int>> keys;
        for (const Cell& cell : cells) keys.insert(cell.key);
        if (row == 0) first_keys = keys;
        grid = grid && keys == first_keys && keys.size() == cells.size();
        StripRow strip;
        if (row < layout.series.size()) strip.name = QString::fromStdString(layout.series[row]);
        if (strip.name.isEmpty()) strip.name = QObject::tr("points");
        result.runs.emplace_back();
        for (const Cell& cell : cells) {
            result.places[size_t(cell.run)] = QPoint(int(strip.cells.size()), int(row));
            result.runs.back().push_back(cell.run);
            strip.cells << runState(runs[size_t(cell.run)]);
            const RunRecord& run = runs[size_t(cell.run)];
            // What tells it from its neighbours: the field that varies within a group.
            strip.labels << (fields.size() > 1 ? QString::fromStdString(
                                                     get_field(run.config, fields.back().first))
                                               : QString());
            strip.tips << QString("#%1 %2").arg(run.id).arg(runLabel(run.config, varying));
        }
        result.rows << strip;
    }
    const size_t count = x_varies ? fields.front().second.size() : 1;
    grid = grid && first_keys.size() % count == 0;
    for (size_t group = 0; grid && group < count; ++group) { // each x with as many points
        const auto here = std::count_if(first_keys.begin(), first_keys.end(),
                                        [&](const auto& key) { return key.front() == int(group); });
        grid = size_t(here) == first_keys.size() / count;
    }
    if (!grid) return result.groups << QObject::tr("points in order"), result;
    std::map<int, std::string> names;
    for (const auto& [value, place] : fields.front().second) names[place] = value;
    for (const auto& [_, value] : names)
        result.groups << QString::fromStdString(with_unit(value, layout.x.unit));
    return result;
}

} // namespace sweetspot::gui
