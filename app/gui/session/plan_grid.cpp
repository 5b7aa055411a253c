#include "app/gui/session/plan_grid.h"
#include <QSet>
#include <algorithm>
#include <set>

// A plan as a table: two fields make rows and columns, the others are chosen. Where a spec is no
// full grid, places stay empty.

namespace sweetspot::gui {
namespace {

/// The fields that a plan may vary, in their order.
std::vector<std::string> namedFields(const Spec& spec) {
    std::set<std::string> named;
    for (const Axis& axis : spec.axes) named.insert(axis.field);
    for (const auto& point : spec.points)
        for (const auto& [field, value] : point) named.insert(field);
    std::vector<std::string> ordered;
    for (const RunField& field : run_fields())
        if (named.contains(std::string(field.name))) ordered.emplace_back(field.name);
    return ordered;
}

/// Takes the field that likes to stand there out of the list, else the numeric one with most
/// values, else the one with most values.
PlanGrid::Side takeSide(std::vector<PlanGrid::Side>& sides, GridSide wanted) {
    const auto rank = [&](const PlanGrid::Side& side) {
        const RunField& field = *find_field(side.field);
        return std::tuple(field.side == wanted, field.is_number(), side.values.size());
    };
    const auto best = std::max_element(sides.begin(), sides.end(),
                                       [&](auto& a, auto& b) { return rank(a) < rank(b); });
    PlanGrid::Side taken = *best;
    sides.erase(best);
    return taken;
}

} // namespace

PlanGrid::PlanGrid(const Spec& spec, const std::vector<PlannedRun>& runs) {
    if (runs.empty()) return;
    std::vector<Side> varying;
    for (const std::string& field : namedFields(spec)) {
        Side side{field};
        QSet<QString> seen;
        for (const PlannedRun& run : runs) {
            const QString value = QString::fromStdString(get_field(run.config, field));
            if (seen.contains(value)) continue;
            seen.insert(value);
            side.values << value;
        }
        if (find_field(field)->is_number())
            std::sort(
                side.values.begin(), side.values.end(),
                [](const QString& a, const QString& b) { return a.toDouble() < b.toDouble(); });
        if (side.values.size() > 1) varying.push_back(side);
    }
    // What does not vary still has a place: one batch, one length.
    for (const RunField& field : run_fields())
        if (field.side != GridSide::none && varying.size() < 2 &&
            std::none_of(varying.begin(), varying.end(),
                         [&](const Side& side) { return side.field == field.name; }))
            varying.push_back(
                {std::string(field.name), {QString::fromStdString(field.get(runs[0].config))}});
    columns_ = takeSide(varying, GridSide::columns);
    rows_ = takeSide(varying, GridSide::rows);
    choices_ = std::move(varying);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto index = [&](const Side& side) {
            return int(
                side.values.indexOf(QString::fromStdString(get_field(runs[i].config, side.field))));
        };
        std::vector<int> chosen;
        for (const Side& side : choices_) chosen.push_back(index(side));
        runs_.emplace(place(chosen, index(rows_), index(columns_)), int(i));
    }
}

std::size_t PlanGrid::place(const std::vector<int>& chosen, int row, int column) const {
    std::size_t place = 0;
    for (std::size_t i = 0; i < choices_.size(); ++i)
        place = place * std::size_t(choices_[i].values.size()) + std::size_t(chosen[i]);
    place = place * std::size_t(rows_.values.size()) + std::size_t(row);
    return place * std::size_t(columns_.values.size()) + std::size_t(column);
}

int PlanGrid::at(const std::vector<int>& chosen, int row, int column) const {
    const auto found = runs_.find(place(chosen, row, column));
    return found == runs_.end() ? -1 : found->second;
}

} // namespace sweetspot::gui
