#include "app/cli/trace_json.h"
#include "app/analysis/series.h"
#include "app/cli/run_table.h"
#include "app/experiment/config_json.h"
#include "app/experiment/printable.h"
#include <ostream>

namespace sweetspot {

namespace {

constexpr double microseconds = 1e6;

Json named_process(const RunRecord& run, const std::string& name) {
    return {{"ph", "M"}, {"name", "process_name"}, {"pid", run.id}, {"args", {{"name", name}}}};
}

Json event_of(const RunRecord& run, const RegionSum& region) {
    const auto slash = region.path.rfind('/');
    return {{"ph", "X"},
            {"name", slash == std::string::npos ? region.path : region.path.substr(slash + 1)},
            {"cat", "region"},
            {"pid", run.id},
            {"tid", 1},
            {"ts", json_number(region.start_seconds * microseconds)},
            {"dur", json_number(region.seconds * microseconds)},
            {"args",
             {{"path", region.path},
              {"calls", region.calls},
              {"flops", json_number(region.flops)},
              {"bytes", json_number(region.bytes)}}}};
}

/// A counter has all of its values at each moment; points say what changed.
class MemoryCounter {
public:
    explicit MemoryCounter(const RunRecord& run) : run_(run) {
        for (const auto name : names_of(Purpose{})) bytes_[std::string(name)] = 0.0;
    }
    Json after(const MemoryPoint& point) {
        bytes_[to_text(point.purpose)] = json_number(point.bytes);
        return {{"ph", "C"},
                {"name", "memory [bytes]"},
                {"pid", run_.id},
                {"ts", json_number(point.seconds * microseconds)},
                {"args", bytes_}};
    }

private:
    const RunRecord& run_;
    Json bytes_;
};

} // namespace

void write_trace(std::ostream& out, std::span<const RunRecord> runs) {
    const auto varying = varying_fields(runs);
    const char* before = "";
    out << "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n";
    const auto write = [&](const Json& event) {
        out << before << printable_json(dump(event));
        before = ",\n";
    };
    for (const auto& run : runs) {
        write(named_process(run, "run " + std::to_string(run.id) + " " +
                                     point_name(run.config, varying)));
        for (const auto& region : run.regions) write(event_of(run, region));
        MemoryCounter counter(run);
        for (const auto& point : run.memory) write(counter.after(point));
    }
    out << "\n]}\n";
}

} // namespace sweetspot
