// What a trace's kernels and regions come to, and the tables of it.
#include "app/analysis/kernels.h"
#include "app/analysis/csv.h"
#include "engine/config/json.h"
#include <algorithm>
#include <array>
#include <cctype>

namespace sweetspot {

namespace {

/// What a multiprocessor has, by compute capability.
struct Multiprocessor {
    int capability, warps, blocks, shared_bytes;
};
constexpr int registers = 65536, register_unit = 256, parts = 4, shared_unit = 128,
              shared_of_the_system = 1024, warp_threads = 32;
constexpr std::array known{
    Multiprocessor{80, 64, 32, 164 << 10},  Multiprocessor{86, 48, 16, 100 << 10},
    Multiprocessor{87, 48, 16, 164 << 10},  Multiprocessor{89, 48, 24, 100 << 10},
    Multiprocessor{90, 64, 32, 228 << 10},  Multiprocessor{100, 64, 32, 228 << 10},
    Multiprocessor{120, 48, 24, 100 << 10},
};

int rounded_up(int value, int unit) {
    return (value + unit - 1) / unit * unit;
}

/// One description of a table gives CSV and JSON.
struct Table {
    std::vector<std::string> head{};
    std::vector<std::vector<Json>> rows{};

    std::string csv() const {
        std::string y;
        for (const auto& name : head) y += (y.empty() ? "" : ",") + csv_cell(name);
        for (const auto& row : rows) {
            y += '\n';
            for (std::size_t i = 0; i < row.size(); ++i)
                y += (i ? "," : "") +
                     csv_cell(row[i].is_string() ? row[i].get<std::string>() : dump(row[i]));
        }
        return y + '\n';
    }
    std::string json() const {
        Json all = Json::array();
        for (const auto& row : rows) {
            Json one = Json::object();
            for (std::size_t i = 0; i < row.size(); ++i) one[head[i]] = row[i];
            all.push_back(one);
        }
        return dump(all) + '\n';
    }
};

int capability_of(const Trace& trace) {
    const auto found = trace.facts.find("gpu capability");
    if (found == trace.facts.end()) return 0;
    int major = 0, minor = 0;
    std::size_t at = 0;
    const auto digits = [&](int& value) {
        for (; at < found->second.size() && std::isdigit(std::uint8_t(found->second[at])); ++at)
            value = 10 * value + (found->second[at] - '0');
        ++at;
    };
    digits(major), digits(minor);
    return 10 * major + minor;
}

Table kernel_table(const Trace& trace) {
    constexpr double a_second = 1e9; // nanoseconds: a division rounds once
    Table y{{"kernel", "region", "calls", "total_seconds", "mean_seconds", "shortest_seconds",
             "longest_seconds", "grid_x", "grid_y", "grid_z", "block_x", "block_y", "block_z",
             "registers", "shared_bytes", "theoretical_occupancy"}};
    for (const KernelSum& sum : kernel_sums(trace)) {
        const auto& [grid, block, used, shared] = sum.shape;
        const auto occupancy = theoretical_occupancy(sum.shape, capability_of(trace));
        y.rows.push_back({sum.name, sum.path, std::int64_t(sum.calls), double(sum.total) / a_second,
                          double(sum.total) / a_second / double(sum.calls),
                          double(sum.shortest) / a_second, double(sum.longest) / a_second, grid[0],
                          grid[1], grid[2], block[0], block[1], block[2], used, shared,
                          occupancy ? Json(*occupancy) : Json()});
    }
    return y;
}

Table region_table(const Trace& trace) {
    Table y{{"region", "calls", "host_seconds", "device_seconds", "flops", "bytes"}};
    y.head.insert(y.head.end(), trace.counters.begin(), trace.counters.end());
    for (const RegionTime& region : region_times(trace, true)) {
        std::vector<Json> row{region.path,         std::int64_t(region.calls),
                              region.host_seconds, region.device_seconds,
                              region.cost.flops,   region.cost.bytes};
        for (std::size_t c = 0; c < trace.counters.size(); ++c)
            row.push_back(c < region.counts.size() && region.counts[c] ? Json(*region.counts[c])
                                                                       : Json());
        y.rows.push_back(std::move(row));
    }
    return y;
}

} // namespace

std::string without_layer_numbers(const std::string& path) {
    std::string y;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const bool digit = path[i] >= '0' && path[i] <= '9';
        const bool after_space = !y.empty() && (y.back() == ' ' || y.back() == '*');
        if (!digit || !after_space)
            y += path[i];
        else if (y.back() == ' ')
            y += '*';
    }
    return y;
}

std::optional<double> theoretical_occupancy(const KernelShape& shape, int capability) {
    const auto of = std::find_if(known.begin(), known.end(),
                                 [&](const auto& one) { return one.capability == capability; });
    const int threads = shape.block[0] * shape.block[1] * shape.block[2];
    if (of == known.end() || threads <= 0) return {};
    const int warps = (threads + warp_threads - 1) / warp_threads;
    int blocks = std::min(of->blocks, of->warps / warps);
    if (shape.registers > 0) {
        const int of_a_warp = rounded_up(shape.registers * warp_threads, register_unit);
        // Each of a multiprocessor's four parts has its own registers.
        const int resident = registers / of_a_warp / parts * parts;
        blocks = std::min(blocks, resident / warps);
    }
    blocks = std::min(blocks, of->shared_bytes / (rounded_up(shape.shared_bytes, shared_unit) +
                                                  shared_of_the_system));
    return double(blocks * warps) / of->warps;
}

namespace {

bool is_share(std::string_view counter) {
    return counter.ends_with('%');
}

/// Of regions' counts those of paths: place_of[region] in `times`.
void add_counts(const Trace& trace, const std::vector<DeviceTime>& device,
                const std::vector<std::size_t>& place_of, std::vector<RegionTime>& times) {
    const std::size_t n = trace.counters.size();
    std::vector<double> weights(times.size() * n);
    for (const RegionCount& one : trace.counts) {
        RegionTime& time = times[place_of[one.region]];
        time.counts.resize(n);
        const TraceRegion& region = trace.regions[one.region];
        const Nanoseconds busy = device[one.region].busy;
        const double weight = !is_share(trace.counters[one.counter]) ? 1
                              : busy > 0                             ? double(busy)
                                         : double(region.end - region.begin);
        auto& sum = time.counts[one.counter];
        sum = sum.value_or(0) + one.value * weight;
        weights[place_of[one.region] * n + one.counter] += weight;
    }
    for (std::size_t i = 0; i < times.size(); ++i)
        for (std::size_t c = 0; c < times[i].counts.size(); ++c)
            if (auto& sum = times[i].counts[c]; sum && is_share(trace.counters[c]))
                sum = weights[i * n + c] > 0 ? *sum / weights[i * n + c] : 0;
}

} // namespace

std::optional<double> count_of(const Trace& trace, const RegionTime& time,
                               std::string_view counter) {
    const auto found = std::find(trace.counters.begin(), trace.counters.end(), counter);
    if (found == trace.counters.end() || time.counts.empty()) return {};
    return time.counts[std::size_t(found - trace.counters.begin())];
}

std::vector<RegionTime> region_times(const Trace& trace, bool layers) {
    const auto device = device_times(trace);
    std::vector<Cost> costs(trace.regions.size());
    for (std::size_t i = trace.regions.size(); i-- > 0;) { // children before their parents
        costs[i].flops += trace.regions[i].cost.flops;
        costs[i].bytes += trace.regions[i].cost.bytes;
        if (const Index parent = trace.regions[i].parent; parent != none) {
            costs[parent].flops += costs[i].flops;
            costs[parent].bytes += costs[i].bytes;
        }
    }
    std::map<std::string, std::size_t> places;
    std::vector<std::size_t> place_of(trace.regions.size());
    std::vector<RegionTime> y;
    for (std::size_t i = 0; i < trace.regions.size(); ++i) {
        const TraceRegion& region = trace.regions[i];
        const std::string whole = trace.path(Index(i)),
                          path = layers ? whole : without_layer_numbers(whole);
        const auto [place, is_new] = places.try_emplace(path, y.size());
        if (is_new) y.push_back({.path = path, .dtype = region.dtype, .op = region.op});
        RegionTime& sum = y[place->second];
        place_of[i] = place->second;
        ++sum.calls;
        sum.host_seconds += double(region.end - region.begin) * 1e-9;
        sum.device_seconds += double(device[i].busy) * 1e-9;
        sum.cost.flops += costs[i].flops;
        sum.cost.bytes += costs[i].bytes;
    }
    add_counts(trace, device, place_of, y);
    return y;
}

std::string kernels_csv(const Trace& trace) {
    return kernel_table(trace).csv();
}
std::string kernels_json(const Trace& trace) {
    return kernel_table(trace).json();
}
std::string regions_csv(const Trace& trace) {
    return region_table(trace).csv();
}
std::string regions_json(const Trace& trace) {
    return region_table(trace).json();
}

} // namespace sweetspot
