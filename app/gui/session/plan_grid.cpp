#include "app/gui/session/plan_grid.h"
#include <QSet>
#include <algorithm>
#include <set>

namespace sweetspot::gui {
namespace {

bool isNumber(const std::string& field) {
    RunConfig config;
    bool number = false;
    each_field(config, [&](const Field& f, auto& value) {
        using T = std::decay_t<decltype(value)>;
        if (f.name == field) number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
    });
    return number;
}

/// The fields that a plan may vary, in their order.
std::vector<std::string> namedFields(const Spec& spec) {
    std::set<std::string> named;
    for (const Axis& axis : spec.axes) named.insert(axis.field);
    for (const auto& point : spec.points)
        for (const auto& [field, value] : point) named.insert(field);
    std::vector<std::string> ordered;
    RunConfig config;
    each_field(config, [&](const Field& field, auto&) {
        if (named.contains(std::string(field.name))) ordered.emplace_back(field.name);
    });
    return ordered;
}

/// Takes the side of a field out of the list, else the numeric one with most values, else the one
/// with most values.
PlanGrid::Side takeSide(std::vector<PlanGrid::Side>& sides, const std::string& wanted) {
    const auto rank = [&](const PlanGrid::Side& side) {
        return std::tuple(side.field == wanted, isNumber(side.field), side.values.size());
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
        if (isNumber(field))
            std::sort(
                side.values.begin(), side.values.end(),
                [](const QString& a, const QString& b) { return a.toDouble() < b.toDouble(); });
        if (side.values.size() > 1) varying.push_back(side);
    }
    // What does not vary still has a place: one batch, one length.
    for (const std::string field : {"batch", "sequence"})
        if (varying.size() < 2 &&
            std::none_of(varying.begin(), varying.end(),
                         [&](const Side& side) { return side.field == field; }))
            varying.push_back({field, {QString::fromStdString(get_field(runs[0].config, field))}});
    columns_ = takeSide(varying, "sequence");
    rows_ = takeSide(varying, "batch");
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
