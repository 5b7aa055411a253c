#include "profiler/trace/trace.h"
#include <algorithm>
#include <tuple>

namespace sweetspot {

std::string Trace::path(Index region) const {
    std::string path;
    for (; region != none; region = regions[region].parent)
        path = names[regions[region].name] + (path.empty() ? "" : "/" + path);
    return path;
}

Attribution attribution(const Trace& trace) {
    Attribution y;
    for (const Activity& activity : trace.activities) {
        if (activity.kind != ActivityKind::kernel) continue;
        ++y.kernels;
        y.in_an_op += activity.region != none && trace.regions[activity.region].op;
    }
    return y;
}

std::vector<DeviceTime> device_times(const Trace& trace) {
    std::vector<DeviceTime> times(trace.regions.size());
    for (const Activity& activity : trace.activities) { // in order of their begins
        if (!on_device(activity.kind)) continue;
        for (Index r = activity.region; r != none; r = trace.regions[r].parent) {
            DeviceTime& time = times[r];
            if (time.activities++ == 0) time.begin = time.end = activity.begin;
            time.busy +=
                std::max<Nanoseconds>(0, activity.end - std::max(activity.begin, time.end));
            time.end = std::max(time.end, activity.end);
        }
    }
    return times;
}

std::vector<KernelSum> kernel_sums(const Trace& trace) {
    std::map<std::tuple<Index, std::string, Index>, KernelSum> sums;
    for (const Activity& activity : trace.activities) {
        if (activity.kind != ActivityKind::kernel) continue;
        KernelSum& sum = sums[{activity.name, trace.path(activity.region), activity.shape}];
        const Nanoseconds took = activity.end - activity.begin;
        sum.shortest = sum.calls++ == 0 ? took : std::min(sum.shortest, took);
        sum.longest = std::max(sum.longest, took);
        sum.total += took;
    }
    std::vector<KernelSum> y;
    for (auto& [key, sum] : sums) {
        sum.name = trace.names[std::get<0>(key)];
        sum.path = std::get<1>(key);
        if (std::get<2>(key) != none) sum.shape = trace.shapes[std::get<2>(key)];
        y.push_back(std::move(sum));
    }
    std::stable_sort(y.begin(), y.end(),
                     [](const auto& a, const auto& b) { return a.total > b.total; });
    return y;
}

} // namespace sweetspot
