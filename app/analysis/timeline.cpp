// A timeline of a trace: which rows there are, what lies in memory, and sums over a range. Nothing
// here knows how it is drawn.
#include "app/analysis/timeline.h"
#include <algorithm>
#include <numeric>

namespace sweetspot {

namespace {

constexpr std::size_t most_depths = 3; ///< of regions: the outermost, those inside, and ops

/// Rows on which no two spans overlap: each goes to the first that is free.
std::vector<SpanRow> packed(std::vector<TimeSpan> spans) {
    std::stable_sort(spans.begin(), spans.end(),
                     [](const TimeSpan& a, const TimeSpan& b) { return a.begin < b.begin; });
    std::vector<std::vector<TimeSpan>> rows;
    for (const TimeSpan& span : spans) {
        auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const auto& one) { return one.back().end <= span.begin; });
        if (row == rows.end()) row = rows.insert(rows.end(), std::vector<TimeSpan>());
        row->push_back(span);
    }
    std::vector<SpanRow> y;
    for (auto& row : rows) y.emplace_back(std::move(row));
    return y;
}

std::string busy_note(const std::vector<TimeSpan>& spans, Nanoseconds end) {
    Nanoseconds busy = 0, until = 0;
    for (const TimeSpan& span : spans) {
        busy += std::max<Nanoseconds>(0, span.end - std::max(span.begin, until));
        until = std::max(until, span.end);
    }
    return end > 0 ? std::to_string(100 * busy / end) + " % busy" : "";
}

/// Ops are on the last row, whatever is around them; regions between the second and them are not
/// shown.
Lane region_lane(const Timeline& timeline) {
    const Trace& trace = timeline.trace;
    const auto device = timeline.gpu ? device_times(trace) : std::vector<DeviceTime>();
    std::vector<std::vector<TimeSpan>> rows(most_depths);
    std::vector<std::size_t> depths(trace.regions.size());
    for (std::size_t i = 0; i < trace.regions.size(); ++i) {
        const TraceRegion& region = trace.regions[i];
        depths[i] = region.parent == none ? 0 : depths[region.parent] + 1;
        const std::size_t row = region.op ? most_depths - 1 : depths[i];
        if (row >= most_depths || (row == most_depths - 1 && !region.op)) continue;
        TimeSpan span{region.begin, region.end, region.name, Index(i), none};
        if (timeline.gpu) {
            if (device[i].activities == 0) continue;
            span.begin = device[i].begin, span.end = device[i].end;
        }
        rows[row].push_back(span);
    }
    Lane lane{.name = "Regions", .note = "phase, layer, op"};
    for (auto& row : rows)
        if (!row.empty())
            for (SpanRow& one : packed(std::move(row))) lane.rows.push_back(std::move(one));
    return lane;
}

std::string lane_name(const Activity& activity) {
    switch (activity.kind) {
    case ActivityKind::runtime_call:
    case ActivityKind::driver_call: return "Calls, thread " + std::to_string(activity.track);
    case ActivityKind::sync: return "Waits";
    case ActivityKind::overhead: return "Overhead";
    case ActivityKind::migration: return "Migrations";
    case ActivityKind::memory: return "Driver's memory";
    default: return "Stream " + std::to_string(activity.track);
    }
}

void add_lanes(Timeline& timeline) {
    std::map<std::string, std::vector<TimeSpan>> spans;
    std::vector<std::string> order; // the device before the host
    for (const bool device : {true, false})
        for (std::size_t i = 0; i < timeline.trace.activities.size(); ++i) {
            const Activity& one = timeline.trace.activities[i];
            if (on_device(one.kind) != device) continue;
            const std::string name = lane_name(one);
            auto& lane = spans[name];
            if (lane.empty()) order.push_back(name);
            lane.push_back({one.begin, one.end, one.name, one.region, Index(i)});
        }
    for (const ThreadSpan& one : timeline.trace.threads) {
        const std::string name = "Thread " + std::to_string(one.thread);
        auto& lane = spans[name];
        if (lane.empty()) order.push_back(name);
        const Index title = one.region == none ? Index(0) : timeline.trace.regions[one.region].name;
        lane.push_back({one.begin, one.end, title, one.region, none});
    }
    for (const std::string& name : order) {
        auto& lane = spans[name];
        const std::string note = busy_note(lane, timeline.end);
        timeline.lanes.push_back({name, note, packed(std::move(lane))});
    }
}

double overlap_seconds(Nanoseconds a, Nanoseconds b, Nanoseconds begin, Nanoseconds end) {
    return double(std::max<Nanoseconds>(0, std::min(b, end) - std::max(a, begin))) * 1e-9;
}

std::string layer_of(const Trace& trace, Index region) {
    if (region == none) return "no region";
    while (trace.regions[region].parent != none) region = trace.regions[region].parent;
    return trace.names[trace.regions[region].name];
}

} // namespace

SpanRow::SpanRow(std::vector<TimeSpan> spans) : spans_(std::move(spans)) {
    if (spans_.empty()) return;
    auto& lowest = levels_.emplace_back();
    for (std::size_t i = 0; i < spans_.size(); ++i)
        lowest.push_back({.begin = spans_[i].begin,
                          .end = spans_[i].end,
                          .first = i,
                          .longest = i,
                          .busy = spans_[i].end - spans_[i].begin});
    const auto length = [&](std::size_t i) { return spans_[i].end - spans_[i].begin; };
    while (levels_.back().size() > fan) {
        const auto& below = levels_.back();
        std::vector<Shown> level;
        for (std::size_t i = 0; i < below.size(); ++i) {
            if (i % fan == 0) {
                level.push_back(below[i]);
                continue;
            }
            Shown& block = level.back();
            block.end = std::max(block.end, below[i].end);
            block.count += below[i].count;
            block.busy += below[i].busy;
            if (length(below[i].longest) > length(block.longest)) block.longest = below[i].longest;
        }
        levels_.push_back(std::move(level));
    }
}

std::size_t SpanRow::at(Nanoseconds time, Nanoseconds reach) const {
    const auto after =
        std::upper_bound(spans_.begin(), spans_.end(), time,
                         [](Nanoseconds t, const TimeSpan& span) { return t < span.begin; });
    std::size_t best = spans_.size();
    Nanoseconds nearest = reach + 1;
    const auto consider = [&](std::vector<TimeSpan>::const_iterator one) {
        const Nanoseconds away = std::max<Nanoseconds>({0, one->begin - time, time - one->end});
        if (away < nearest) nearest = away, best = std::size_t(one - spans_.begin());
    };
    if (after != spans_.begin()) consider(after - 1);
    if (after != spans_.end()) consider(after);
    return best;
}

std::int64_t MemoryStep::total() const {
    return std::accumulate(bytes.begin(), bytes.end(), std::int64_t(0));
}

Timeline make_timeline(Trace trace) {
    Timeline y{.trace = std::move(trace)};
    y.end = y.trace.end;
    for (const Activity& one : y.trace.activities) {
        if (!on_device(one.kind))
            continue; // what instruments do when the pass is over is none of it
        y.end = std::max(y.end, one.end);
        y.gpu = true;
    }
    y.lanes.push_back(region_lane(y));
    add_lanes(y);
    y.memory.push_back({0, y.trace.live_at_begin});
    for (const MemoryChange& change : y.trace.memory) {
        MemoryStep step = y.memory.back();
        step.time = change.time;
        step.bytes[std::size_t(change.purpose)] += change.bytes;
        y.memory.push_back(step);
    }
    y.curves.resize(y.trace.series.size());
    for (const Reading& one : y.trace.readings) y.curves[one.series].push_back(one);
    return y;
}

std::vector<LiveMemory> live_memory(const Trace& trace, Nanoseconds time) {
    struct Live {
        Index region;
        std::int64_t bytes;
    };
    std::array<std::vector<Live>, purpose_count> live;
    auto before = trace.live_at_begin;
    for (const MemoryChange& change : trace.memory) {
        if (change.time > time) break;
        auto& those = live[std::size_t(change.purpose)];
        if (change.bytes > 0) {
            those.push_back({change.region, change.bytes});
            continue;
        }
        const auto youngest = std::find_if(those.rbegin(), those.rend(), [&](const Live& one) {
            return one.bytes == -change.bytes;
        });
        if (youngest != those.rend())
            those.erase(std::next(youngest).base());
        else
            before[std::size_t(change.purpose)] += change.bytes;
    }
    std::map<std::pair<std::string, Purpose>, LiveMemory> sums;
    const auto add = [&](const std::string& path, Purpose purpose, std::int64_t bytes) {
        LiveMemory& sum = sums[{path, purpose}];
        sum.path = path;
        sum.purpose = purpose;
        sum.bytes += bytes;
        ++sum.count;
    };
    for (std::size_t p = 0; p < purpose_count; ++p) {
        if (before[p] > 0) add("before the pass", Purpose(p), before[p]);
        for (const Live& one : live[p])
            add(one.region == none ? "outside regions"
                                   : without_layer_numbers(trace.path(one.region)),
                Purpose(p), one.bytes);
    }
    std::vector<LiveMemory> y;
    for (auto& [key, sum] : sums) y.push_back(std::move(sum));
    std::stable_sort(y.begin(), y.end(),
                     [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    return y;
}

Nanoseconds memory_peak(const Timeline& timeline) {
    const auto fullest =
        std::max_element(timeline.memory.begin(), timeline.memory.end(),
                         [](const auto& a, const auto& b) { return a.total() < b.total(); });
    return fullest == timeline.memory.end() ? 0 : fullest->time;
}

std::vector<RangeSum> range_sums(const Timeline& timeline, SumsBy by, Nanoseconds begin,
                                 Nanoseconds end) {
    const Trace& trace = timeline.trace;
    std::map<std::string, RangeSum> sums;
    const auto add = [&](const std::string& name, Index region, Nanoseconds from, Nanoseconds to) {
        const double seconds = overlap_seconds(from, to, begin, end);
        if (seconds <= 0) return;
        RangeSum& sum = sums[name];
        sum.name = name;
        sum.seconds += seconds;
        sum.region = region;
        ++sum.calls;
    };
    if (timeline.gpu) {
        std::vector<std::string> names(trace.regions.size());
        for (std::size_t i = 0; i < names.size() && by != SumsBy::kernel; ++i)
            names[i] = by == SumsBy::op ? without_layer_numbers(trace.path(Index(i)))
                                        : layer_of(trace, Index(i));
        std::vector<double> seconds(trace.regions.size()); // of all kernels of an op
        for (const Activity& one : trace.activities)
            if (on_device(one.kind) && one.region != none)
                seconds[one.region] += double(one.end - one.begin) * 1e-9;
        for (const Activity& one : trace.activities) {
            if (!on_device(one.kind)) continue;
            const bool by_region = by != SumsBy::kernel && one.region != none;
            const std::string& name = by_region ? names[one.region] : trace.names[one.name];
            add(name, one.region, one.begin, one.end);
            const double part = overlap_seconds(one.begin, one.end, begin, end);
            if (!by_region || part <= 0 || seconds[one.region] <= 0) continue;
            const TraceRegion& region = trace.regions[one.region];
            RangeSum& sum = sums[name];
            sum.cost.flops += region.cost.flops * part / seconds[one.region];
            sum.cost.bytes += region.cost.bytes * part / seconds[one.region];
            if (region.op) sum.dtype = region.dtype;
        }
    } else {
        for (std::size_t i = 0; i < trace.regions.size(); ++i) {
            const TraceRegion& region = trace.regions[i];
            if (!region.op) continue;
            const std::string name = by == SumsBy::kernel ? trace.names[region.name]
                                     : by == SumsBy::op
                                         ? without_layer_numbers(trace.path(Index(i)))
                                         : layer_of(trace, Index(i));
            add(name, Index(i), region.begin, region.end);
            if (const auto found = sums.find(name);
                found != sums.end() && region.end > begin && region.begin < end) {
                found->second.cost.flops += region.cost.flops;
                found->second.cost.bytes += region.cost.bytes;
                found->second.dtype = region.dtype;
            }
        }
    }
    std::vector<RangeSum> y;
    for (auto& [name, sum] : sums) y.push_back(std::move(sum));
    std::stable_sort(y.begin(), y.end(),
                     [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
    return y;
}

Waiting waiting_in(const Timeline& timeline, Nanoseconds begin, Nanoseconds end) {
    Waiting y;
    for (const Activity& one : timeline.trace.activities) {
        if (one.kind != ActivityKind::sync) continue;
        const double seconds = overlap_seconds(one.begin, one.end, begin, end);
        if (seconds <= 0) continue;
        y.seconds += seconds;
        ++y.calls;
    }
    return y;
}

} // namespace sweetspot
