#pragma once
#include "app/experiment/record.h"
#include <span>

namespace sweetspot {

/// The values of one field down, of another across, and a metric where they meet.
struct PivotChoice {
    std::string row{}, column{}, metric{}; ///< an empty field: one row, or one column
    bool operator==(const PivotChoice&) const = default;
};

struct PivotCell {
    std::optional<double> value{};   ///< the median of the runs' values, in the metric's unit
    double low = 0, high = 0;        ///< the least and the greatest of them
    int measured = 0;                ///< runs that have a value
    std::vector<std::int64_t> ids{}; ///< all runs that meet here, those without a value, too
};

struct Pivot {
    PivotChoice choice{};
    std::vector<std::string> rows{}, columns{}; ///< values, in the order of plots
    std::vector<PivotCell> cells{};             ///< row by row
    const PivotCell& cell(std::size_t row, std::size_t column) const {
        return cells[row * columns.size() + column];
    }
};

/// A run stands where its values meet; where several do, they differ in other fields.
Pivot pivot_of(std::span<const RunRecord>, const PivotChoice&);

/// The two fields with most values as row and column, the one with more across.
PivotChoice default_pivot(std::span<const RunRecord>, const std::string& metric);

/// "attention,batch,peak_bytes" as a choice for these runs. Throws Error(bad_input) with the
/// nearest right name.
PivotChoice read_pivot(const std::string& text);

} // namespace sweetspot
