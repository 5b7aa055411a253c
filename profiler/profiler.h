#pragma once
#include "kernels/core/clock.h"
#include "kernels/core/context.h"
#include "kernels/core/observer.h"
#include <chrono>
#include <exception>
#include <string>
#include <vector>

namespace sweetspot {

/// Those calls of a stretch that were its nth within a call of the stretch around it.
struct OccurrenceTotals {
    int calls = 0;
    double seconds = 0;
    Cost cost;
};

/// All calls of one named stretch of work, told apart by the regions around it. Seconds are the
/// device's: on a GPU from when what was launched before is done to when its own is.
struct RegionTotals {
    std::string path; ///< slash-separated, outermost first: "layer 3/attention/matmul"
    int calls = 0;
    double start_seconds = 0; ///< of the first call, since the profiler was made
    double seconds = 0;       ///< inclusive of what is inside
    Cost cost;                ///< likewise
    /// Seconds by turn: one begins whenever the first region of the pass begins anew, as it does
    /// for each batch. As long as there were turns when it was called last; what is missing is 0.
    std::vector<double> turns;
    /// Where it occurs several times within the stretch around it, in that order; later ones than
    /// the 16th count as that.
    std::vector<OccurrenceTotals> occurrences;
};

/// Bytes in use by purpose at one moment.
struct MemoryMoment {
    double seconds = 0; ///< since the profiler was made
    std::array<std::size_t, purpose_count> bytes{};

    std::size_t total() const;
};

/// Watches one pass: adds up time and cost by region, and keeps memory over time. Not thread-safe,
/// as observers are called from the engine's thread. Regions have the device's clock; memory is
/// taken and given by the host, so its moments are the host's.
class Profiler : public Observer {
public:
    /// The clock must outlive it. `live`: what is in use already when watching begins.
    explicit Profiler(DeviceClock& clock, const std::array<std::size_t, purpose_count>& live = {});
    ~Profiler() override;
    Profiler(const Profiler&) = delete;
    Profiler& operator=(const Profiler&) = delete;

    void began(const Work&) noexcept override;
    void ended() noexcept override;
    void allocated(Purpose, MemoryKind, std::size_t bytes) noexcept override;
    void freed(Purpose, MemoryKind, std::size_t bytes) noexcept override;

    /// Every path, a parent before its children, in order of first appearance. Waits for the
    /// device; throws what its clock has thrown.
    std::vector<RegionTotals> regions();
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
        std::vector<double> turns;
        int call_around = 0; ///< of the parent, in which it was last
        std::size_t nth = 0; ///< occurrence within that
        std::vector<OccurrenceTotals> occurrences;
    };
    /// A call between two marks that the clock has not been asked about yet: the device may be far
    /// behind, and asking waits for it.
    struct Call {
        std::size_t node = 0;
        DeviceClock::Mark from = 0, to = 0;
        bool first = false;
        int turn = 0;
        std::size_t nth = 0;
    };
    /// Marks that are kept before the clock is asked: so many events a GPU can spare.
    static constexpr std::size_t most_calls = 4096;
    /// Moments that are kept: at so many, neighbours are merged and the fuller one stays. A plan of
    /// a billion tokens has a hundred million.
    static constexpr std::size_t most_moments = 1 << 16;
    /// Later turns, and occurrences, count as the last.
    static constexpr int most_turns = 256;
    static constexpr std::size_t most_occurrences = 16;

    double host_seconds() const;
    void remember_memory() noexcept;
    void add_up();
    void occur(Node&) noexcept;
    template <class Ask>
    void ask_clock(Ask&&) noexcept;

    DeviceClock& clock_;
    DeviceClock::Mark origin_{};
    Clock::time_point host_origin_ = Clock::now();
    std::vector<Node> nodes_{Node{}}; ///< a tree; the first is the root, whose name is not shown
    std::size_t current_ = 0;
    int turn_ = -1;
    std::vector<Call> open_{}, done_{}; ///< outermost first; in the order of their ends
    std::exception_ptr failure_{};      ///< of the clock, which is asked no more
    std::array<std::size_t, purpose_count> live_;
    std::vector<MemoryMoment> moments_;
};

/// Lets an observer watch until the end of a scope, however that ends: what is freed after a failed
/// step must not be told to an observer that is gone.
class Watching {
public:
    Watching(Context& context, Observer& observer) : context_(context) { context.watch(&observer); }
    ~Watching() { context_.watch(nullptr); }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;

private:
    Context& context_;
};

} // namespace sweetspot
