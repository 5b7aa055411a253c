// Rooflines: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for
// multicore architectures", CACM 52 (4), 2009; with roofs that were measured on the machine.
#include "app/analysis/roofline.h"
#include <algorithm>

namespace sweetspot {

namespace {

struct DataSheet {
    std::string_view name;
    double bf16;
};
/// Dense bf16 with f32 sums, FLOP/s; f16 is the same, tf32 half of it. The first name that fits.
constexpr std::array data_sheets{DataSheet{"H200", 989.5e12}, DataSheet{"H100 PCIe", 756e12},
                                 DataSheet{"H100", 989.5e12}, DataSheet{"A100", 312e12},
                                 DataSheet{"L40S", 362e12},   DataSheet{"RTX 4090", 165.2e12}};

} // namespace

Placement place(const Stretch& of, double flops_per_second, double bytes_per_second,
                double launch_seconds) {
    Placement y;
    if (of.busy <= 0) return y;
    y.intensity = of.bytes > 0 ? of.flops / of.bytes : 0;
    if (flops_per_second > 0) y.compute_share = of.flops / of.busy / flops_per_second;
    if (bytes_per_second > 0) y.memory_share = of.bytes / of.busy / bytes_per_second;
    const double idle = of.seconds - of.busy;
    const bool short_launches =
        of.launches > 0 && of.busy / double(of.launches) < launch_seconds && y.share() < 0.5;
    if (idle > of.seconds / 2)
        y.bound = of.synchronising > idle / 2 ? Bound::synchronisation : Bound::launch;
    else if (of.copying > of.busy / 2)
        y.bound = Bound::copy;
    else if (short_launches)
        y.bound = Bound::launch;
    else if (y.share() < 0.05)
        y.bound = Bound::waiting;
    else
        y.bound = y.compute_share > y.memory_share ? Bound::compute : Bound::memory;
    return y;
}

double data_sheet_flops(std::string_view gpu, DType dtype) {
    for (const auto& [name, bf16] : data_sheets)
        if (gpu.find(name) != gpu.npos)
            return dtype == DType::bf16 || dtype == DType::f16 ? bf16 : 0;
    return 0;
}

std::vector<PlacedRegion> placed_ops(const Trace& trace, const Ceilings& ceilings) {
    const bool gpu = std::any_of(trace.activities.begin(), trace.activities.end(),
                                 [](const Activity& one) { return on_device(one.kind); });
    std::vector<PlacedRegion> y;
    for (RegionTime& time : region_times(trace)) {
        if (!time.op) continue;
        const auto counted = count_of(trace, time, "DRAM bytes");
        if (counted) time.cost.bytes = *counted;
        const Stretch stretch{.seconds = time.seconds(),
                              .busy = time.seconds(),
                              .flops = time.cost.flops,
                              .bytes = time.cost.bytes,
                              .launches = time.calls};
        const Placement placement =
            place(stretch, ceilings.compute(time.dtype), ceilings.bandwidth(),
                  gpu ? gpu_launch_seconds : cpu_launch_seconds);
        y.push_back({std::move(time), placement, counted.has_value()});
    }
    std::stable_sort(y.begin(), y.end(), [](const auto& a, const auto& b) {
        return a.time.seconds() > b.time.seconds();
    });
    return y;
}

} // namespace sweetspot
