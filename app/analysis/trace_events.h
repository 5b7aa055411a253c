#pragma once
#include "profiler/trace/trace.h"
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sweetspot {

/// A trace as what timelines draw: slices and values on tracks. Slices of one track nest or follow
/// each other, never overlap: where a stream's activities do, it has several tracks.
struct TraceEvents {
    struct Track {
        std::string name{};
        std::string unit{}; ///< of values
        bool counter = false;
    };
    struct Slice {
        std::size_t track = 0;
        std::string_view name{}; ///< the trace's
        Nanoseconds begin = 0, end = 0;
        std::uint32_t flow = 0; ///< the same for a launch and what it launched; 0 = none
        bool launches = false;  ///< the flow begins here
        std::vector<std::pair<std::string_view, std::string>> facts{};
    };
    struct Value {
        std::size_t track = 0;
        Nanoseconds time = 0;
        double value = 0;
    };
    std::vector<Track> tracks{};
    std::vector<Slice> slices{}; ///< by their begins; what holds another before it
    std::vector<Value> values{};
};

/// Good while the trace is.
TraceEvents events_of(const Trace&);

/// As Chrome's trace JSON, for chrome://tracing and Perfetto.
std::string chrome_trace(const Trace&, const std::string& title);
/// As Perfetto's own TrackEvent protobuf (.pftrace), which keeps nanoseconds.
std::string perfetto_trace(const Trace&, const std::string& title);

} // namespace sweetspot
