#pragma once
#include "kernels/core/observer.h"
#include <chrono>
#include <string>
#include <vector>

namespace sweetspot {

/// All calls of one named stretch of work, told apart by the regions around it.
struct RegionTotals {
    std::string path; ///< slash-separated, outermost first: "layer 3/attention/matmul"
    int calls = 0;
    double start_seconds = 0; ///< of the first call, since the profiler was made
    double seconds = 0;       ///< inclusive of what is inside
    Cost cost;                ///< likewise
};

/// Bytes in use by purpose at one moment.
struct MemoryMoment {
    double seconds = 0; ///< since the profiler was made
    std::array<std::size_t, purpose_count> bytes{};

    std::size_t total() const;
};

/// Watches one pass: adds up time and cost by region, and keeps memory over time. Not thread-safe,
/// as observers are called from the engine's thread. Its clock is monotonic host time.
class Profiler : public Observer {
public:
    /// `live`: what is in use already when watching begins.
    explicit Profiler(const std::array<std::size_t, purpose_count>& live = {});

    void began(std::string_view name, const Cost&) noexcept override;
    void ended() noexcept override;
    void allocated(Purpose, MemoryKind, std::size_t bytes) noexcept override;
    void freed(Purpose, MemoryKind, std::size_t bytes) noexcept override;

    /// Every path, a parent before its children, in order of first appearance.
    std::vector<RegionTotals> regions() const;
    /// Work of everything seen.
    Cost total() const { return nodes_.front().cost; }
    /// Memory over time in at most `limit` moments; where they are merged, the fullest one stays,
    /// so the peak is always among them.
    std::vector<MemoryMoment> memory(std::size_t limit = 1000) const;

private:
    using Clock = std::chrono::steady_clock;
    struct Node {
        std::string name;
        std::size_t parent = 0;
        std::vector<std::size_t> children;
        int calls = 0;
        double start_seconds = 0, seconds = 0;
        Cost cost;
        double entered_seconds = 0;
    };
    double now_seconds() const;
    void remember_memory() noexcept;

    Clock::time_point origin_ = Clock::now();
    std::vector<Node> nodes_{Node{}}; ///< a tree; the first is the root, whose name is not shown
    std::size_t current_ = 0;
    std::array<std::size_t, purpose_count> live_;
    std::vector<MemoryMoment> moments_;
};

} // namespace sweetspot
