#pragma once
#include "app/analysis/timeline.h"
#include "app/experiment/record.h"
#include <cstdint>
#include <optional>

/// From one run to another: where the difference is. Amounts are whole numbers, nanoseconds, bytes
/// or floating-point operations, so that bars add up to it exactly.
namespace sweetspot {

enum class Quantity { time, memory, traffic, work };
constexpr std::array<std::string_view, 4> names_of(Quantity) {
    return {"time", "memory", "traffic", "work"};
}

/// phase: prefill and decode, or the model's parts. region: each stretch by its path. op: by what
/// it does, wherever. layer: by number. kernel: by what the device ran, of recorded traces.
enum class By { phase, region, op, layer, kernel };
constexpr std::array<std::string_view, 5> names_of(By) {
    return {"phase", "region", "op", "layer", "kernel"};
}

enum class Presence { both, only_a, only_b };

struct Bar {
    std::string name{};
    std::int64_t a = 0, b = 0;
    int calls_a = 0, calls_b = 0; ///< 0 where nothing was called, e.g. of memory
    Presence in = Presence::both;
    /// As much may a time differ between two passes that do the same, by how single steps scatter;
    /// 0 of what is exact.
    std::int64_t noise = 0;

    std::int64_t change() const { return b - a; }
    bool inside_noise() const { return noise > 0 && change() <= noise && -change() <= noise; }
};

struct Waterfall {
    Quantity quantity = Quantity::time;
    By by = By::phase;
    std::string_view unit{}; ///< of MetricInfo; amounts are 1e-9 of it for times
    std::int64_t a = 0,
                 b = 0; ///< the two runs' whole: step time, peak memory, a step's traffic, work
    /// In the order of the model; then what both have beside their regions. The sum of changes is
    /// b - a, to the last unit.
    std::vector<Bar> bars{};
    std::string problem{}; ///< why there is none, a sentence; "" if there is
};

/// Of runs with details. Times come from one traced pass of each, so "outside the trace" holds what
/// the measured steps took more or less than it; on a GPU "launch and host" what the host took
/// beside the device. Memory is what was live for each purpose at the peak, whatever `by` says.
Waterfall waterfall(const RunRecord& a, const RunRecord& b, Quantity, By);

/// The time by kernel, of a recorded trace of each (`sweetspot trace`); without a GPU by op. "gaps"
/// is what nothing ran in, less what ran beside another.
Waterfall kernel_waterfall(const RunRecord& a, const Timeline& of_a, const RunRecord& b,
                           const Timeline& of_b);

/// As much may the times of a part differ between one traced pass of each run that do the same: by
/// how single steps scatter, and by reading a clock at each call.
class PassNoise {
public:
    PassNoise(const RunRecord& a, const RunRecord& b);
    std::int64_t of(const Bar&) const; ///< nanoseconds

private:
    double scatter_a_, scatter_b_;
};

/// A stretch of the model in either run.
struct Aligned {
    std::string path{}; ///< of the second of several within the one around it "…/matmul #2"
    int depth = 0;      ///< of its place in the model, from 0; an occurrence is below its sum
    Presence in = Presence::both;
    std::optional<RegionSum> a{}, b{}; ///< nothing where it is not
    bool changed = false;              ///< calls, work or traffic differ, or it is in one alone
};
/// All regions of both by their paths in the order of the model, not by names of kernels; and by
/// occurrence where a region occurs several times within the one around it, if both runs tell.
std::vector<Aligned> aligned(const RunRecord& a, const RunRecord& b);

} // namespace sweetspot
