#pragma once
#include "app/experiment/spec.h"

namespace sweetspot {

/// One point of a sweep.
struct PlannedRun {
    RunConfig config{};
    std::string hash{};       ///< hash_of(config)
    std::string impossible{}; ///< why it cannot be run, a sentence; empty if it can
};

/// One run for each point of the axes' grid, the last axis varying fastest, then the explicit
/// points; equal configurations stand once. Impossible points are kept, with their reason. Throws
/// Error(bad_input) if problems(spec) is not empty.
std::vector<PlannedRun> plan(const Spec&);

/// The same in the order that gives plots a shape early: corners, then the middles between them.
std::vector<PlannedRun> corners_first(std::vector<PlannedRun>, const Spec&);

} // namespace sweetspot
