#pragma once
#include <cstdint>
#include <vector>

namespace sweetspot {

/// A stretch that one of the threads of the team (team.h) worked on one job.
struct TeamSpan {
    int thread = 0; ///< 0 is whoever had the job
    // Nanoseconds of the steady clock.
    std::int64_t begin = 0, end = 0;
    std::int64_t over = 0; ///< of thread 0: when all had ended, which it waits for
};

/// What the team's threads did from start to stop.
struct TeamWatched {
    std::vector<TeamSpan> spans{}; ///< of each thread in order; threads one after the other
    std::uint64_t dropped = 0;     ///< what came after `most` spans of a thread
};

/// Both while the team has no job. Who does not watch pays a load a job.
void start_watching_team(std::size_t most);
TeamWatched stop_watching_team();

} // namespace sweetspot
