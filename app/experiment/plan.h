#pragma once
#include "app/experiment/identity.h"
#include "app/experiment/spec.h"
#include <functional>

namespace sweetspot {

/// One point of a sweep.
struct PlannedRun {
    RunConfig config{};       ///< canonical
    std::string hash{};       ///< hash_of(config, contents)
    std::string impossible{}; ///< why it cannot be run, a sentence; empty if it can
    Contents contents{};      ///< of its files; empty until identify() looked at them
    Place place{};            ///< where it is to be measured; likewise
    /// Where a training of several that were told one folder writes: its own in it (own_folders.h).
    /// Empty: where it was told. No part of what it is known by, since it decides nothing.
    std::string own_save{}, own_checkpoint{};
    int rounds_done = 0; ///< rounds of it that were measured before and stand
};

/// Calls visit(config) for each point as it is asked for: the axes' grid, the last axis varying
/// fastest, then the explicit points. The spec has no problems().
void each_point(const Spec&, const std::function<void(const RunConfig&)>& visit);

/// One run for each point of the axes' grid, the last axis varying fastest, then the explicit
/// points; configurations that do the same work, as canonical() has them, stand once. Impossible
/// points are kept, with their reason. Points that would write into one folder each have their own
/// in it (own_folders.h). Throws Error(bad_input) if problems(spec) is not empty.
std::vector<PlannedRun> plan(const Spec&);

/// Finds out what the possible runs are told apart by: sets contents, place and, with these, the
/// hash. `machine` gives the facts of a run of this configuration before it starts; it is asked
/// once for each device and number of threads. A run whose files cannot be read stays as it is: it
/// will fail with the reason.
void identify(std::vector<PlannedRun>&, const HashOfFile&,
              const std::function<Environment(const RunConfig&)>& machine);

/// The same in the order that gives plots a shape early: corners, then the middles between them.
/// Runs of several rounds stay as they are: each round draws an order of its own (rounds.h).
std::vector<PlannedRun> corners_first(std::vector<PlannedRun>, const Spec&);

} // namespace sweetspot
