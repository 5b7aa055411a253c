#pragma once
#include "profiler/trace/trace.h"
#include <optional>

namespace sweetspot {

/// The share of a multiprocessor's warps that a kernel of this shape can have resident, by the
/// limits on warps, blocks, registers and shared memory of that compute capability (90 is 9.0).
/// None for capabilities that are not known here. NVIDIA, CUDA C++ Programming Guide, "Compute
/// Capabilities".
std::optional<double> theoretical_occupancy(const KernelShape&, int capability);

/// "layer 3/mlp" as "layer */mlp".
std::string without_layer_numbers(const std::string& path);

/// All calls of regions with one path, in seconds; a number stands for any: "layer */mlp/matmul".
struct RegionTime {
    std::string path{};
    std::size_t calls = 0;
    double host_seconds = 0;   ///< that the host was in them
    double device_seconds = 0; ///< that a GPU was busy for them; 0 without one
    Cost cost{};               ///< of what is inside
    DType dtype = DType::f32;
    bool op = false;
    /// What each of Trace::counters counted, where it did; of a share (its name ends in %) the mean
    /// by time.
    std::vector<std::optional<double>> counts{};

    double seconds() const { return device_seconds > 0 ? device_seconds : host_seconds; }
};
/// What a counter of this name counted in all calls; none if it did not.
std::optional<double> count_of(const Trace&, const RegionTime&, std::string_view counter);
/// In order of first appearance. With `layers` layers are told apart.
std::vector<RegionTime> region_times(const Trace&, bool layers = false);

/// Tables for other programs, in SI units.
std::string kernels_csv(const Trace&);
std::string kernels_json(const Trace&);
std::string regions_csv(const Trace&);
std::string regions_json(const Trace&);

} // namespace sweetspot
