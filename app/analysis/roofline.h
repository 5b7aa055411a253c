#pragma once
#include "app/analysis/kernels.h"
#include "app/experiment/ceilings.h"
#include <string>
#include <vector>

namespace sweetspot {

/// What holds a stretch of work back.
enum class Bound { compute, memory, launch, copy, synchronisation, waiting };
constexpr std::array<std::string_view, 6> names_of(Bound) {
    return {"compute", "memory", "launch", "copy", "synchronisation", "waiting"};
}

/// What is known of a stretch of work, in seconds.
struct Stretch {
    double seconds = 0;       ///< from its begin to its end
    double busy = 0;          ///< that the device worked for it; on a CPU all of it
    double copying = 0;       ///< of busy: copies and fills
    double synchronising = 0; ///< that the host waited for the device within it
    double flops = 0, bytes = 0;
    std::size_t launches = 0; ///< kernels; on a CPU calls of ops
};

/// Where a stretch lies below the roofs. Shares are of the time it was busy.
struct Placement {
    double intensity = 0;     ///< FLOPs a byte
    double compute_share = 0; ///< of the matrix-product rate measured here
    double memory_share = 0;  ///< of the bandwidth measured here
    Bound bound = Bound::waiting;

    double share() const { return compute_share > memory_share ? compute_share : memory_share; }
};

/// By these rules, the first that holds:
///  1. nothing ran: waiting;
///  2. the device was idle for more than half of the time: synchronisation if the host waited for
///     it for more than half of that, else launch;
///  3. copies and fills took more than half of the busy time: copy;
///  4. a launch took less than `launch_seconds`, and neither roof is reached to a half: launch;
///  5. neither roof is reached to a twentieth: waiting, for what is not known here;
///  6. the nearer roof: compute or memory.
Placement place(const Stretch&, double flops_per_second, double bytes_per_second,
                double launch_seconds);

/// A launch shorter than this is mostly overhead: of a GPU's kernel, of a CPU's op with its region
/// of threads.
constexpr double gpu_launch_seconds = 4e-6, cpu_launch_seconds = 5e-6;

/// Dense matrix-product FLOP/s by the vendor's data sheet; 0 for what is not known here.
double data_sheet_flops(std::string_view gpu, DType);

/// One line of a table of ops.
struct PlacedRegion {
    RegionTime time{};
    Placement placement{};
    bool bytes_counted = false; ///< by the GPU; else estimated
};
/// Each op of a trace, all layers together, longest first.
std::vector<PlacedRegion> placed_ops(const Trace&, const Ceilings&);

} // namespace sweetspot
