#pragma once
#include "app/analysis/kernels.h"
#include <memory>
#include <string>
#include <vector>

namespace sweetspot {

/// Something between two moments on a row of a timeline.
struct TimeSpan {
    Nanoseconds begin = 0, end = 0;
    Index name = none;     ///< in Trace::names
    Index region = none;   ///< in Trace::regions: itself, or the one that it belongs to
    Index activity = none; ///< in Trace::activities; none for a region
};

/// Spans that follow each other, drawn in time that depends on the pixels and not on their number:
/// above them stand blocks of eight, of eight blocks, and so on, of which the largest are taken
/// that are small enough.
class SpanRow {
public:
    SpanRow() = default;
    /// In order of their begins; none overlaps the next.
    explicit SpanRow(std::vector<TimeSpan> spans);

    /// What is drawn as one: a span, or several that are too close to be told apart.
    struct Shown {
        Nanoseconds begin = 0, end = 0;
        std::size_t first = 0, count = 1; ///< of spans()
        std::size_t longest = 0;          ///< which of them lasts longest
        Nanoseconds busy = 0;             ///< the sum of all
    };
    /// Calls visit(Shown) for all between two moments, in order. Spans are drawn together where all
    /// of them take less than `pixel`.
    template <class Visit>
    void visit(Nanoseconds begin, Nanoseconds end, Nanoseconds pixel, Visit&& visit) const {
        if (!levels_.empty())
            descend(levels_.size() - 1, 0, levels_.back().size(), begin, end, pixel, visit);
    }
    /// The span at a moment, or the nearest within `reach`; spans().size() if there is none.
    std::size_t at(Nanoseconds time, Nanoseconds reach) const;
    const std::vector<TimeSpan>& spans() const { return spans_; }

private:
    static constexpr std::size_t fan = 8;

    template <class Visit>
    void descend(std::size_t level, std::size_t from, std::size_t to, Nanoseconds begin,
                 Nanoseconds end, Nanoseconds pixel, Visit& visit) const {
        for (std::size_t i = from; i < to; ++i) {
            const Shown& block = levels_[level][i];
            if (block.end < begin) continue;
            if (block.begin > end) return;
            if (level == 0 || block.end - block.begin < pixel)
                visit(block);
            else
                descend(level - 1, i * fan, std::min((i + 1) * fan, levels_[level - 1].size()),
                        begin, end, pixel, visit);
        }
    }

    std::vector<TimeSpan> spans_{};
    std::vector<std::vector<Shown>> levels_{};
};

/// A stripe of a timeline.
struct Lane {
    std::string name{}, note{}; ///< "GPU stream 7", "97 % busy"
    std::vector<SpanRow> rows{};
};

/// Memory in use from a moment on.
struct MemoryStep {
    Nanoseconds time = 0;
    std::array<std::int64_t, purpose_count> bytes{};

    std::int64_t total() const;
};

/// A trace made ready to be looked at.
struct Timeline {
    Trace trace{};
    Nanoseconds end = 0; ///< of all that is in it; it begins at 0
    std::vector<Lane> lanes{};
    std::vector<MemoryStep> memory{};
    std::vector<std::vector<Reading>> curves{}; ///< one for each of Trace::series
    bool gpu = false;                           ///< regions are where the GPU worked for them
};
Timeline make_timeline(Trace);

/// What lay in memory at a moment: bytes that the same region allocated for the same purpose, most
/// bytes first; numbers of layers are left out, so that what each of them keeps is one line. What
/// is freed is taken for the youngest of its purpose and size.
struct LiveMemory {
    std::string path{}; ///< of the region; "before the pass" for what was there already
    Purpose purpose = Purpose::weights;
    std::int64_t bytes = 0;
    int count = 0; ///< allocations
};
std::vector<LiveMemory> live_memory(const Trace&, Nanoseconds time);
/// The first moment at which most was in use.
Nanoseconds memory_peak(const Timeline&);

/// What takes the time between two moments, by kernel, op or layer: the device's where there is
/// one, else the host's.
enum class SumsBy { kernel, op, layer };
constexpr std::array<std::string_view, 3> names_of(SumsBy) {
    return {"kernel", "op", "layer"};
}
struct RangeSum {
    std::string name{};
    std::size_t calls = 0;
    double seconds = 0; ///< of the parts that lie in the range
    Cost cost{};        ///< likewise, of ops and layers: a kernel's share of its op's is not known
    DType dtype = DType::f32;
    Index region = none; ///< one of those it is the sum of
};
/// Longest first.
std::vector<RangeSum> range_sums(const Timeline&, SumsBy, Nanoseconds begin, Nanoseconds end);

/// How much of a range the host waited for the device, by calls that do nothing else; and how
/// often.
struct Waiting {
    double seconds = 0;
    std::size_t calls = 0;
};
Waiting waiting_in(const Timeline&, Nanoseconds begin, Nanoseconds end);

} // namespace sweetspot
