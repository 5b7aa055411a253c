#include "app/gui/models/strip_layout.h"
#include "app/analysis/format.h"
#include <algorithm>
#include <unordered_map>

// Where the cell of each run stands: variants in rows, as in the plots, the values of x in groups,
// the rest side by side; in order where the runs are no full grid.

namespace sweetspot::gui {
namespace {

/// A field's values in their order, and of each run its place among them.
struct InOrder {
    std::vector<std::string> values;
    std::vector<int> places;
};

InOrder order(std::span<const RunRecord> runs, const std::string& field) {
    const RunField& known = *find_field(field);
    std::unordered_map<std::string, int> places;
    std::vector<int*> found;
    for (const RunRecord& run : runs)
        found.push_back(&places.try_emplace(known.get(run.config)).first->second);
    InOrder result;
    for (const auto& [value, _] : places) result.values.push_back(value);
    const auto words = categories(runs, field);
    const auto rank = [&](const std::string& value) { // what others have no use for comes last
        double number = 0;
        if (known.is_number()) from_text(value, number);
        return known.is_number()
                   ? number
                   : double(std::find(words.begin(), words.end(), value) - words.begin());
    };
    std::sort(result.values.begin(), result.values.end(), [&](const auto& a, const auto& b) {
        return std::pair(rank(a), a) < std::pair(rank(b), b);
    });
    for (size_t i = 0; i < result.values.size(); ++i) places[result.values[i]] = int(i);
    for (const int* place : found) result.places.push_back(*place);
    return result;
}

struct Cell {
    std::vector<int> key; ///< x, then the rest
    int run;
};

/// As many points in the same places in every row, and at each x.
bool isGrid(const std::vector<std::vector<Cell>>& rows, size_t groups) {
    const auto same = [](const Cell& a, const Cell& b) { return a.key == b.key; };
    const auto& first = rows.front();
    for (const auto& cells : rows)
        if (!std::equal(cells.begin(), cells.end(), first.begin(), first.end(), same) ||
            std::adjacent_find(cells.begin(), cells.end(), same) != cells.end())
            return false;
    if (groups == 0 || first.size() % groups != 0) return false;
    const size_t per_group = first.size() / groups;
    for (size_t i = 0; i < first.size(); ++i)
        if (first[i].key.front() != int(i / per_group)) return false;
    return true;
}

} // namespace

StripLayout stripLayout(std::span<const RunRecord> runs, const PlotLayout& layout,
                        const std::vector<std::string>& varying) {
    const auto& choice = layout.choice;
    std::vector<InOrder> fields;
    const bool x_varies = std::find(varying.begin(), varying.end(), choice.x) != varying.end();
    if (x_varies) fields.push_back(order(runs, choice.x));
    for (const auto& field : varying)
        if (field != choice.x &&
            std::find(choice.colour.begin(), choice.colour.end(), field) == choice.colour.end())
            fields.push_back(order(runs, field));

    std::vector<std::vector<Cell>> rows(std::max<size_t>(1, layout.series.size()));
    for (size_t i = 0; i < runs.size(); ++i) {
        Cell cell{{}, int(i)};
        for (const InOrder& field : fields) cell.key.push_back(field.places[i]);
        rows[size_t(layout.places[i].series)].push_back(std::move(cell));
    }
    QStringList labels; // what tells cells from their neighbours: what varies within a group
    if (fields.size() > 1)
        for (const auto& value : fields.back().values) labels << QString::fromStdString(value);
    StripLayout result;
    result.places.resize(runs.size());
    for (size_t row = 0; row < rows.size(); ++row) {
        auto& cells = rows[row];
        std::stable_sort(cells.begin(), cells.end(),
                         [](const Cell& a, const Cell& b) { return a.key < b.key; });
        StripRow strip;
        if (row < layout.series.size()) strip.name = QString::fromStdString(layout.series[row]);
        if (strip.name.isEmpty()) strip.name = QObject::tr("points");
        result.runs.emplace_back();
        for (const Cell& cell : cells) {
            result.places[size_t(cell.run)] = QPoint(int(strip.cells.size()), int(row));
            result.runs.back().push_back(cell.run);
            strip.cells << RunState::queued;
            strip.labels << (labels.isEmpty() ? QString() : labels[cell.key.back()]);
        }
        result.rows << strip;
    }
    if (!x_varies || !isGrid(rows, fields.front().values.size()))
        return result.groups << QObject::tr("points in order"), result;
    for (const auto& value : fields.front().values)
        result.groups << QString::fromStdString(with_unit(value, layout.x.unit));
    return result;
}

} // namespace sweetspot::gui
