#pragma once
#include "app/experiment/plan.h"

namespace sweetspot {

/// Where several points would write what they train into one folder, each gets one of its own in
/// it, called by what these points differ in: "learning_rate-0.001_lora_rank-8".
void give_own_folders(std::vector<PlannedRun>&);

} // namespace sweetspot
