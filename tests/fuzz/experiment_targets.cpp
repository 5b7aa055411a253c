#include "app/experiment/devices.h"
#include "app/experiment/key.h"
#include "app/experiment/lines.h"
#include "app/experiment/plan.h"
#include "engine/config/variants.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include <algorithm>

// What goes between programs and people as text: specs, lists of values, the worker's lines.

namespace sweetspot::fuzz {

namespace {

constexpr std::size_t most_points = 200; // of a plan that is made: more is the same again

std::size_t points_of(const Spec& spec) {
    std::size_t points = 1;
    for (const auto& axis : spec.axes) points = std::min(points, most_points) * axis.values.size();
    return points + spec.points.size();
}

/// What is read is the same when it is written and read again, and can be planned.
void spec(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const Spec read = spec_from_json(text_of(data, size), "the spec");
        const std::string written = to_json(read);
        expect(to_json(spec_from_json(written, "what was written")) == written, written);
        if (points_of(read) > most_points) return;
        for (const auto& run : plan(read)) expect(!run.hash.empty(), "a point has a hash");
    });
}

/// A list of values: "1,2,4", "1-64*2".
void values(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const auto all = expand_values(text_of(data, size));
        expect(!all.empty(), "a list has values");
    });
}

/// What a worker says. What is read is the same when it is written and read again.
void record_line(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const Line read = from_json_line(text_of(data, size));
        const std::string written = to_json_line(read);
        expect(to_json_line(from_json_line(written)) == written, written);
        RunRecord record;
        apply(read, record);
    });
}

/// What a worker is told.
void config_line(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const RunConfig read = config_from_json_line(text_of(data, size));
        expect(config_from_json_line(to_json_line(read)) == read, to_json_line(read));
        const RunConfig same = canonical(read);
        expect(canonical(same) == same, "canonical: " + to_json_line(same));
        expect(hash_of(same) == hash_of(read), "hash: " + to_json_line(read));
    });
}

void device_line(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const auto written = to_json_line(device_from_json_line(text_of(data, size)));
        expect(to_json_line(device_from_json_line(written)) == written, written);
    });
}

constexpr Target targets[] = {{"spec", spec},
                              {"values", values},
                              {"record_line", record_line},
                              {"config_line", config_line},
                              {"device_line", device_line}};

} // namespace

std::span<const Target> experiment_targets() {
    return targets;
}

} // namespace sweetspot::fuzz
