#pragma once
#include "kernels/core/observer.h"
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// One pass of a workload as instruments saw it: plain values, which are written, read and joined
/// without any device. Times are nanoseconds of the host's steady clock since the pass began; what
/// happened before has negative ones.
namespace sweetspot {

using Nanoseconds = std::int64_t;

/// An index into a list of the trace, or none.
using Index = std::uint32_t;
constexpr Index none = ~Index(0);

/// One call of a region or op: when the host was in it. A GPU's own time is its activities'.
struct TraceRegion {
    Index name = none;   ///< in Trace::names
    Index parent = none; ///< in Trace::regions, before this one
    Nanoseconds begin = 0, end = 0;
    Cost cost{}; ///< an op's
    bool op = false;
    DType dtype = DType::f32; ///< an op's
};

/// What a device, or a call of the host, was busy with.
enum class ActivityKind {
    kernel,
    copy,
    fill,
    sync,
    runtime_call,
    driver_call,
    migration,
    overhead,
    memory ///< is allocated or freed: a moment
};
constexpr std::array<std::string_view, 9> names_of(ActivityKind) {
    return {"kernel",      "copy",      "fill",     "sync",  "runtime_call",
            "driver_call", "migration", "overhead", "memory"};
}
/// Whether the GPU does it, and not the host.
constexpr bool on_device(ActivityKind kind) {
    return kind == ActivityKind::kernel || kind == ActivityKind::copy ||
           kind == ActivityKind::fill || kind == ActivityKind::migration;
}

struct Activity {
    ActivityKind kind = ActivityKind::kernel;
    Index name = none;             ///< in Trace::names
    Index region = none;           ///< in Trace::regions: which launched it
    Index shape = none;            ///< a kernel's, in Trace::shapes
    std::uint32_t track = 0;       ///< the stream; of a call the thread
    std::uint32_t correlation = 0; ///< the same for a call and what it launched; 0 = none
    Nanoseconds begin = 0, end = 0;
    std::uint64_t bytes = 0; ///< copied, filled, migrated, allocated or freed
};

/// How a kernel was launched.
struct KernelShape {
    std::array<std::int32_t, 3> grid{}, block{};
    std::int32_t registers = 0;    ///< a thread
    std::int32_t shared_bytes = 0; ///< a block, static and dynamic

    auto operator<=>(const KernelShape&) const = default;
};

/// A value at a moment, of a series such as "power".
struct Reading {
    Index series = none; ///< in Trace::series
    Nanoseconds time = 0;
    double value = 0;
};
struct ReadingSeries {
    std::string name, unit;

    bool operator==(const ReadingSeries&) const = default;
};

/// Bytes that were allocated, or freed if negative.
struct MemoryChange {
    Nanoseconds time = 0;
    Purpose purpose = Purpose::weights;
    Index region = none; ///< in which the host was
    std::int64_t bytes = 0;
};

/// What a counter of the processor's counted while the host was in a region, what is inside it
/// included, on all threads of the process.
struct RegionCount {
    Index region = none;  ///< in Trace::regions
    Index counter = none; ///< in Trace::counters
    double value = 0;     ///< scaled up where counters took turns
    double counted = 1;   ///< for what share of the time it was really counted
};

/// When a thread of the process worked for an op; between its spans it waits.
struct ThreadSpan {
    std::uint32_t thread = 0;
    Index region = none;
    Nanoseconds begin = 0, end = 0;
};

struct Trace {
    std::vector<std::string> names{};
    std::vector<TraceRegion> regions{}; ///< a parent before its children, in order of their begins
    std::vector<Activity> activities{}; ///< in order of their begins
    std::vector<KernelShape> shapes{};
    std::vector<ReadingSeries> series{};
    std::vector<Reading> readings{};
    std::vector<std::string> counters{};
    std::vector<RegionCount> counts{};
    std::vector<ThreadSpan> threads{};
    std::vector<MemoryChange> memory{};
    std::array<std::int64_t, purpose_count> live_at_begin{}; ///< bytes, by purpose
    std::map<std::string, std::string> facts{};              ///< versions, states, totals
    std::map<std::string, std::string> absent{}; ///< instruments that are not there, and why
    std::uint64_t dropped = 0;                   ///< records that were lost
    Nanoseconds end = 0;                         ///< of the pass

    /// Slash-separated, outermost first: "layer 3/attention/matmul"; "" for none.
    std::string path(Index region) const;
};

/// Whom a pass's kernels belong to.
struct Attribution {
    std::size_t kernels = 0;
    std::size_t in_an_op = 0; ///< of them, those that an op launched
};
Attribution attribution(const Trace&);

/// What a GPU did for one region and all inside it.
struct DeviceTime {
    Nanoseconds busy = 0;  ///< when at least one activity of it ran
    Nanoseconds begin = 0; ///< of its first
    Nanoseconds end = 0;   ///< of its last
    std::size_t activities = 0;
};
/// By region, for each of Trace::regions.
std::vector<DeviceTime> device_times(const Trace&);

/// All launches of one kernel by one op, whatever layer.
struct KernelSum {
    std::string name{}; ///< demangled
    std::string path{}; ///< of the region that launched it
    KernelShape shape{};
    std::size_t calls = 0;
    Nanoseconds total = 0, shortest = 0, longest = 0;
};
/// Longest total first.
std::vector<KernelSum> kernel_sums(const Trace&);

} // namespace sweetspot
