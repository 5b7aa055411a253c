#pragma once
#include "app/analysis/timeline.h"

namespace sweetspot {

/// From the top: what each region's time went into. From the bottom: by whom each kernel or op was
/// called.
enum class FlameFrom { top, bottom };

/// Calls of one name below the same others, numbers of layers left out. B. Gregg, "The flame
/// graph", CACM 59 (6), 2016.
struct FlameFrame {
    std::string name{};
    std::size_t parent = 0; ///< in the list, before this one; the first frame, of all, is its own
    int depth = 0;          ///< 0 for all
    double seconds = 0;     ///< of what is inside, too
    double own_seconds = 0; ///< of what no frame below has
    double begin = 0;       ///< where it stands in its row, in seconds: within its parent
    std::size_t calls = 0;  ///< that have time of their own here or below
    Index region = none;    ///< one of those it is the sum of
};

/// What took the time between two moments: the device's where there is one, with its kernels as the
/// innermost frames, else the host's. Longest first in each row; nothing where nothing ran.
std::vector<FlameFrame> flame(const Timeline&, FlameFrom, Nanoseconds begin, Nanoseconds end);

/// "layer */mlp/matmul": the frames from the outermost to this one.
std::string path_of(const std::vector<FlameFrame>&, std::size_t frame);

} // namespace sweetspot
