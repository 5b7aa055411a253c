#pragma once
#include "engine/tasks/run_data.h"
#include <string>
#include <vector>

namespace sweetspot {

/// What a row is for. Only those of train are learned from; those of validation choose penalties
/// and when to end, those of test are scored.
enum class Split { train, validation, test };

/// What is to be predicted of each row, in the order of the data.
struct Labels {
    std::vector<Split> splits{};
    std::vector<double> numbers{};    ///< empty where classes are predicted
    std::vector<int> classes{};       ///< likewise of numbers: places in `names`
    std::vector<std::string> names{}; ///< of the classes, sorted
    std::string note{};               ///< how many rows are for what, and who says so
};

/// Of rows that probe_data() read. Throws Error(bad_input) that names column and row: there is no
/// such column, a target is no number, a split is none of the three or has no rows.
Labels labels_of(const RunData&, const RunConfig&);

} // namespace sweetspot
