#pragma once
#include "app/experiment/plan.h"
#include <filesystem>

namespace sweetspot {

/// Where what was kept of a run lies, for others to be held against: in a folder beside the
/// database of runs. It may not be there.
std::filesystem::path reference_path(const std::filesystem::path& store, std::int64_t run);

/// In the field `reference`, the file in place of a run's number; a run whose file is not there
/// becomes impossible, with the reason.
void find_references(std::vector<PlannedRun>&, const std::filesystem::path& store);

} // namespace sweetspot
