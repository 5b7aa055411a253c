#pragma once
#include "app/experiment/record.h"
#include <span>
#include <string_view>
#include <unordered_set>

namespace sweetspot {

/// The metrics of the catalogue of which some run has a value_of(). Most are of none, which is told
/// without asking each run for each.
std::unordered_set<std::string_view> metrics_of_runs(std::span<const RunRecord>);

} // namespace sweetspot
