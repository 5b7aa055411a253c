#pragma once
#include "app/experiment/plan.h"
#include <QStringList>
#include <unordered_map>

namespace sweetspot::gui {

/// A plan laid out as tables: rows, columns, and for each other field that varies a choice of which
/// table is shown. Plans that are no grid have empty places.
class PlanGrid {
public:
    /// A field and the values it takes in the plan, numbers in order.
    struct Side {
        std::string field{};
        QStringList values{};
    };

    PlanGrid() = default;
    PlanGrid(const Spec& spec, const std::vector<PlannedRun>& runs);

    const Side& rows() const { return rows_; }
    const Side& columns() const { return columns_; }
    const std::vector<Side>& choices() const { return choices_; }
    /// The place of a run in the plan, -1 where there is none. `chosen`: a value of each choice.
    int at(const std::vector<int>& chosen, int row, int column) const;

private:
    std::size_t place(const std::vector<int>& chosen, int row, int column) const;

    Side rows_{}, columns_{};
    std::vector<Side> choices_{};
    std::unordered_map<std::size_t, int> runs_{};
};

} // namespace sweetspot::gui
