#pragma once
#include "engine/config/run_config.h"
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sweetspot {

// A sweep measures its points several times over, each time in another order and in new workers.
// What differs between such rounds is what one run alone cannot know: the state a machine is in,
// where a process lies in memory, what else the machine does. Rounds share what a run may measure:
// together they take as many steps and seconds as one round would. Within a round points that share
// a model (shared_model.h) follow each other and share a worker, which loads it once.

/// How many rounds a run is measured in: one where nothing is measured (the device plan) and where
/// steps build on each other (training), and never more than it has steps at most.
int rounds_of(const RunConfig&);

/// What the worker of a round is given: its share of repeats, max_repeats and min_seconds, the
/// noise that leaves all of them together with the noise asked for, and the traced pass and
/// the quality pass in the first round only.
RunConfig round_config(const RunConfig&, int round);

/// The order of a round's points: a permutation that the seed draws, which the next round goes
/// through backwards, so that no point always comes before another. Points with equal `models`, but
/// "", follow each other: drawn is the order of these groups, and that of the points within each.
std::vector<std::size_t> round_order(std::span<const std::string> models, int round,
                                     std::int64_t seed);

} // namespace sweetspot
