#pragma once
#include "app/store/store.h"
#include <span>

namespace sweetspot {

/// The runs that may hold the steps before the first of these: of the same trainings, which ended
/// before they were done and left a checkpoint to go on from. Without details.
std::vector<RunRecord> earlier_steps(const Store&, std::span<const RunRecord>);

} // namespace sweetspot
