// Which track each part of a trace goes to, and the JSON of it. perfetto.cpp has the other format.
#include "app/analysis/trace_events.h"
#include "engine/config/json.h"
#include <algorithm>

namespace sweetspot {

namespace {

constexpr double microseconds = 1e-3; ///< in a nanosecond

std::string shape_text(const std::array<std::int32_t, 3>& size) {
    return std::to_string(size[0]) + " x " + std::to_string(size[1]) + " x " +
           std::to_string(size[2]);
}

/// Finds tracks by name; makes them, and more of the same name where slices overlap.
class Tracks {
public:
    explicit Tracks(std::vector<TraceEvents::Track>& tracks) : tracks_(tracks) {}

    std::size_t named(const std::string& name, const std::string& unit = {}, bool counter = false) {
        const auto [place, is_new] = known_.try_emplace(name, tracks_.size());
        if (is_new) {
            tracks_.push_back({name, unit, counter});
            ends_.push_back(0);
        }
        return place->second;
    }
    /// For slices in order of their begins: the first track of that name that is free.
    std::size_t free_at(const std::string& name, Nanoseconds begin, Nanoseconds end) {
        for (int lane = 1;; ++lane) {
            const auto track = named(lane == 1 ? name : name + " (" + std::to_string(lane) + ")");
            if (ends_[track] > begin) continue;
            ends_[track] = end;
            return track;
        }
    }

private:
    std::vector<TraceEvents::Track>& tracks_;
    std::map<std::string, std::size_t> known_{};
    std::vector<Nanoseconds> ends_{};
};

std::string lane_of(const Activity& activity) {
    switch (activity.kind) {
    case ActivityKind::runtime_call:
    case ActivityKind::driver_call: return "calls of thread " + std::to_string(activity.track);
    case ActivityKind::sync: return "waits";
    case ActivityKind::overhead: return "overhead of the driver and of tracing";
    case ActivityKind::migration: return "migrations";
    case ActivityKind::memory: return "the driver's memory";
    default: return "GPU stream " + std::to_string(activity.track);
    }
}

TraceEvents::Slice slice_of(const Trace& trace, const Activity& activity, Tracks& tracks) {
    const bool call =
        activity.kind == ActivityKind::runtime_call || activity.kind == ActivityKind::driver_call;
    const std::string lane = lane_of(activity);
    TraceEvents::Slice slice{.track = call ? tracks.named(lane)
                                           : tracks.free_at(lane, activity.begin, activity.end),
                             .name = trace.names[activity.name],
                             .begin = activity.begin,
                             .end = activity.end,
                             .flow = call || on_device(activity.kind) ? activity.correlation : 0,
                             .launches = call};
    if (activity.region != none) slice.facts.emplace_back("region", trace.path(activity.region));
    if (activity.shape != none) {
        const KernelShape& shape = trace.shapes[activity.shape];
        slice.facts.emplace_back("grid", shape_text(shape.grid));
        slice.facts.emplace_back("block", shape_text(shape.block));
        slice.facts.emplace_back("registers", std::to_string(shape.registers));
        slice.facts.emplace_back("shared bytes", std::to_string(shape.shared_bytes));
    }
    if (activity.bytes) slice.facts.emplace_back("bytes", std::to_string(activity.bytes));
    return slice;
}

/// A call and what it launched are joined by an arrow; a call that launched nothing has none, nor
/// has the runtime's call around the driver's.
void keep_flows_with_two_ends(std::vector<TraceEvents::Slice>& slices) {
    std::map<std::uint32_t, int> launched;
    for (const auto& slice : slices)
        if (slice.flow && !slice.launches) ++launched[slice.flow];
    std::map<std::uint32_t, bool> started;
    for (auto& slice : slices)
        if (slice.launches && (!launched.contains(slice.flow) || started[slice.flow]))
            slice.flow = 0;
        else if (slice.launches)
            started[slice.flow] = true;
    for (auto& slice : slices)
        if (!slice.launches && slice.flow && !started.contains(slice.flow)) slice.flow = 0;
}

void add_memory(const Trace& trace, Tracks& tracks, std::vector<TraceEvents::Value>& values) {
    auto live = trace.live_at_begin;
    const auto add = [&](Purpose purpose, Nanoseconds time) {
        const std::string name = "memory: " + std::string(names_of(purpose)[std::size_t(purpose)]);
        values.push_back({tracks.named(name, "B", true), time, double(live[std::size_t(purpose)])});
    };
    for (std::size_t p = 0; p < purpose_count; ++p)
        if (live[p]) add(Purpose(p), 0);
    for (const MemoryChange& change : trace.memory) {
        live[std::size_t(change.purpose)] += change.bytes;
        add(change.purpose, change.time);
    }
}

} // namespace

TraceEvents events_of(const Trace& trace) {
    TraceEvents y;
    Tracks tracks(y.tracks);
    const auto host = tracks.named("host");
    for (const TraceRegion& region : trace.regions)
        if (region.begin >= 0) // not one of a graph that was recorded before the pass
            y.slices.push_back({.track = host,
                                .name = trace.names[region.name],
                                .begin = region.begin,
                                .end = region.end});
    for (const ThreadSpan& span : trace.threads)
        y.slices.push_back(
            {.track = tracks.named("thread " + std::to_string(span.thread)),
             .name = span.region == none ? "work" : trace.names[trace.regions[span.region].name],
             .begin = span.begin,
             .end = span.end});
    for (const Activity& activity : trace.activities)
        y.slices.push_back(slice_of(trace, activity, tracks));
    std::stable_sort(y.slices.begin(), y.slices.end(), [](const auto& a, const auto& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    keep_flows_with_two_ends(y.slices);
    for (const Reading& reading : trace.readings) {
        const auto& [name, unit] = trace.series[reading.series];
        y.values.push_back({tracks.named(name, unit, true), reading.time, reading.value});
    }
    add_memory(trace, tracks, y.values);
    return y;
}

std::string chrome_trace(const Trace& trace, const std::string& title) {
    const TraceEvents events = events_of(trace);
    std::string y = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n";
    const char* before = "";
    const auto write = [&](const Json& event) {
        y += before + dump(event);
        before = ",\n";
    };
    const auto time = [](Nanoseconds t) { return double(t) * microseconds; };
    write({{"ph", "M"}, {"name", "process_name"}, {"pid", 1}, {"args", {{"name", title}}}});
    for (std::size_t i = 0; i < events.tracks.size(); ++i)
        if (!events.tracks[i].counter)
            write({{"ph", "M"},
                   {"name", "thread_name"},
                   {"pid", 1},
                   {"tid", i + 1},
                   {"args", {{"name", events.tracks[i].name}}}});
    for (const auto& slice : events.slices) {
        Json facts = Json::object();
        for (const auto& [name, value] : slice.facts) facts[std::string(name)] = value;
        Json event{{"ph", "X"},
                   {"name", slice.name},
                   {"pid", 1},
                   {"tid", slice.track + 1},
                   {"ts", time(slice.begin)},
                   {"dur", time(slice.end - slice.begin)},
                   {"args", facts}};
        write(event);
        if (slice.flow)
            write({{"ph", slice.launches ? "s" : "f"},
                   {"bp", "e"},
                   {"name", "launch"},
                   {"cat", "launch"},
                   {"id", slice.flow},
                   {"pid", 1},
                   {"tid", slice.track + 1},
                   {"ts", time(slice.begin)}});
    }
    for (const auto& value : events.values) {
        const auto& track = events.tracks[value.track];
        const std::string name = track.name + (track.unit.empty() ? "" : " [" + track.unit + "]");
        write({{"ph", "C"},
               {"name", name},
               {"pid", 1},
               {"ts", time(value.time)},
               {"args", {{"value", value.value}}}});
    }
    return y + "\n]}\n";
}

} // namespace sweetspot
