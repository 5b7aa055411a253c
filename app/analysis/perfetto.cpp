// Perfetto's TrackEvent packets, written directly: a message is fields, a field a number (its place
// in the schema and its type) and a value (https://protobuf.dev/programming-guides/encoding).
// Numbers are those of Perfetto's published schema, protos/perfetto/trace/*.
#include "app/analysis/trace_events.h"
#include <algorithm>
#include <bit>
#include <limits>

namespace sweetspot {

namespace {

class Message {
public:
    Message& number(int field, std::uint64_t value) {
        raw(std::uint64_t(field) << 3);
        return raw(value);
    }
    Message& fixed(int field, std::uint64_t value) {
        raw(std::uint64_t(field) << 3 | 1);
        for (int byte = 0; byte < 8; ++byte) bytes_ += char(value >> 8 * byte);
        return *this;
    }
    Message& real(int field, double value) {
        return fixed(field, std::bit_cast<std::uint64_t>(value));
    }
    Message& text(int field, std::string_view value) {
        raw(std::uint64_t(field) << 3 | 2);
        raw(value.size());
        bytes_ += value;
        return *this;
    }
    Message& message(int field, const Message& value) { return text(field, value.bytes_); }
    const std::string& bytes() const { return bytes_; }

private:
    Message& raw(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes_ += char(0x80 | (value & 0x7f));
        bytes_ += char(value);
        return *this;
    }
    std::string bytes_{};
};

// Trace
constexpr int packet = 1;
// TracePacket
constexpr int timestamp = 8, sequence = 10, track_event = 11, sequence_flags = 13,
              track_descriptor = 60;
constexpr std::uint64_t state_cleared = 1; ///< of sequence_flags: nothing came before
// TrackDescriptor
constexpr int uuid = 1, track_name = 2, process = 3, parent = 5, counter = 8;
// ProcessDescriptor, CounterDescriptor
constexpr int pid = 1, process_name = 6, unit_name = 6;
// TrackEvent
constexpr int annotation = 4, type = 9, track = 11, name = 23, double_value = 44, flow = 47,
              last_of_flow = 48;
constexpr std::uint64_t slice_begin = 1, slice_end = 2, value = 4;
// DebugAnnotation
constexpr int annotation_name = 10, annotation_text = 6;

constexpr std::uint64_t process_track = 1, first_track = 2;
constexpr Nanoseconds zero = 1'000'000'000; ///< times are not negative there

class Packets {
public:
    void add(Message event, Nanoseconds time) {
        Message y;
        y.number(timestamp, std::uint64_t(time + zero)).number(sequence, 1);
        add(y.message(track_event, event));
    }
    void add(const Message& packet_message) {
        Message whole;
        if (bytes_.empty()) {
            Message first;
            first.number(sequence, 1).number(sequence_flags, state_cleared);
            bytes_ += whole.message(packet, first).bytes();
            whole = {};
        }
        bytes_ += whole.message(packet, packet_message).bytes();
    }
    std::string&& bytes() { return std::move(bytes_); }

private:
    std::string bytes_{};
};

Message event_on(std::size_t track_index, std::uint64_t what) {
    Message y;
    return y.number(type, what).number(track, first_track + track_index);
}

Message begin_of(const TraceEvents::Slice& slice) {
    Message y = event_on(slice.track, slice_begin);
    y.text(name, slice.name);
    for (const auto& [fact, text] : slice.facts) {
        Message one;
        y.message(annotation, one.text(annotation_name, fact).text(annotation_text, text));
    }
    if (slice.flow) y.fixed(slice.launches ? flow : last_of_flow, slice.flow);
    return y;
}

/// Begins and ends in turn, as a stack of each track has them.
void add_slices(const TraceEvents& events, Packets& packets) {
    std::vector<std::vector<Nanoseconds>> open(events.tracks.size());
    const auto end_until = [&](std::size_t track_index, Nanoseconds time) {
        auto& ends = open[track_index];
        for (; !ends.empty() && ends.back() <= time; ends.pop_back())
            packets.add(event_on(track_index, slice_end), ends.back());
    };
    for (const auto& slice : events.slices) {
        end_until(slice.track, slice.begin);
        auto& ends = open[slice.track];
        packets.add(begin_of(slice), slice.begin);
        ends.push_back(ends.empty() ? slice.end : std::min(slice.end, ends.back()));
    }
    for (std::size_t i = 0; i < open.size(); ++i)
        end_until(i, std::numeric_limits<Nanoseconds>::max());
}

} // namespace

std::string perfetto_trace(const Trace& trace, const std::string& title) {
    const TraceEvents events = events_of(trace);
    Packets packets;
    const auto describe = [&](const Message& track_message) {
        Message y;
        packets.add(y.number(sequence, 1).message(track_descriptor, track_message));
    };
    Message about, root;
    about.number(pid, 1).text(process_name, title);
    describe(root.number(uuid, process_track).message(process, about));
    for (std::size_t i = 0; i < events.tracks.size(); ++i) {
        const auto& one = events.tracks[i];
        Message y;
        y.number(uuid, first_track + i).text(track_name, one.name).number(parent, process_track);
        if (one.counter) {
            Message values;
            y.message(counter, values.text(unit_name, one.unit));
        }
        describe(y);
    }
    add_slices(events, packets);
    for (const auto& one : events.values) {
        Message y = event_on(one.track, value);
        packets.add(y.real(double_value, one.value), one.time);
    }
    return packets.bytes();
}

} // namespace sweetspot
