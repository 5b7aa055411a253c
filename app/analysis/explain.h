#pragma once
#include "app/analysis/waterfall.h"

namespace sweetspot {

/// Why B takes other time and memory than A, in sentences, from facts that are in the records
/// alone: work, traffic, padding, moved weights, the machine's state, the traces. What is not
/// recorded is not guessed at. Empty if the records say nothing.
std::vector<std::string> explain_difference(const RunRecord& a, const RunRecord& b);

/// "+1.2 ms", "−300 MiB": a bar's change in its waterfall's unit.
std::string change_text(const Waterfall&, std::int64_t change);
/// "in A only", "inside the noise", "".
std::string remark_on(const Bar&);

} // namespace sweetspot
