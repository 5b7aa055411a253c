#include "app/analysis/waterfall.h"
#include "app/analysis/compare.h"
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"
#include <algorithm>
#include <cmath>
#include <map>

// Where the difference between two runs is. What a region holds beyond those inside it is its own;
// own amounts are grouped and taken from each other, and what is left of the whole is a bar, too.
// Bars are sums by path, the rows of aligned() that have no number. An occurrence is told by its
// place in the region around it, not by which occurrence of that one it was in: what an occurrence
// has of its own is therefore not known, and bars by occurrence could not add up. They are rows
// below that of their path, and their sum is that row.

namespace sweetspot {

namespace {

std::int64_t whole(double amount) {
    return std::isfinite(amount) ? std::llround(amount) : 0;
}

std::int64_t amount_of(const RegionSum& region, Quantity quantity) {
    switch (quantity) {
    case Quantity::time: return whole(region.seconds * 1e9);
    case Quantity::traffic: return whole(region.bytes);
    case Quantity::work: return whole(region.flops);
    case Quantity::memory: break;
    }
    return 0;
}

std::string_view parent_of(std::string_view path) {
    const auto at = path.rfind('/');
    return at == std::string_view::npos ? std::string_view() : path.substr(0, at);
}

/// What a stretch takes without those inside it.
struct Own {
    std::string_view path;
    bool inner = false; ///< others are inside it
    std::int64_t amount = 0;
    int calls = 0;
};

std::map<std::string_view, Own> own_amounts(const RunRecord& run, Quantity quantity) {
    std::map<std::string_view, Own> all;
    for (const auto& region : run.regions) {
        const auto amount = amount_of(region, quantity);
        if (!all.emplace(region.path, Own{region.path, false, amount, region.calls}).second)
            continue; // a path is listed once
        if (const auto parent = all.find(parent_of(region.path)); parent != all.end()) {
            parent->second.amount -= amount;
            parent->second.inner = true;
        }
    }
    return all;
}

bool is_layer(std::string_view part) {
    return part.starts_with("layer ");
}

/// The first part of a path for which `holds`; "" if there is none.
template <class Holds>
std::string_view first_part(std::string_view path, const Holds& holds) {
    while (!path.empty()) {
        const auto part = path.substr(0, path.find('/'));
        if (holds(part)) return part;
        path.remove_prefix(std::min(path.size(), part.size() + 1));
    }
    return {};
}

std::string group_of(const Own& own, By by) {
    const auto first = own.path.substr(0, own.path.find('/'));
    switch (by) {
    case By::phase: return is_layer(first) ? "layers" : std::string(first);
    case By::region: return std::string(own.path) + (own.inner ? " (between its parts)" : "");
    case By::op:
        return own.inner ? "between ops" : std::string(own.path.substr(own.path.rfind('/') + 1));
    case By::layer: {
        const auto layer = first_part(own.path, is_layer);
        return layer.empty() ? std::string(first) : std::string(layer);
    }
    case By::kernel: break; // of recorded traces: kernel_waterfall()
    }
    return {};
}

/// How much one traced pass may differ from another, as a share: what nine of ten single steps
/// keep within. Nothing is known of fewer than three.
double scatter_of(const RunRecord& run) {
    const auto samples = samples_of(run, "step_seconds");
    if (samples.size() < 3) return 1;
    const auto steps = summarize(samples);
    return steps.median > 0 ? 0.5 * (steps.p95 - steps.p5) / steps.median : 1;
}

class Bars {
public:
    std::vector<Bar> all;

    Bar& named(const std::string& name) {
        const auto [place, is_new] = places_.emplace(name, all.size());
        if (is_new) all.push_back({.name = name});
        return all[place->second];
    }

private:
    std::map<std::string, std::size_t> places_;
};

void add_noise(Waterfall& fall, const RunRecord& a, const RunRecord& b) {
    const PassNoise noise(a, b);
    for (auto& bar : fall.bars) bar.noise = noise.of(bar);
}

/// What the whole holds beside the bars so far.
void add_rest(Waterfall& fall, const std::string& name) {
    Bar rest{.name = name, .a = fall.a, .b = fall.b};
    for (const auto& bar : fall.bars) {
        rest.a -= bar.a;
        rest.b -= bar.b;
    }
    if (rest.a != 0 || rest.b != 0) fall.bars.push_back(rest);
}

void fill_memory(Waterfall& fall, const RunRecord& a, const RunRecord& b) {
    for (std::size_t p = 0; p < purpose_count; ++p) {
        const auto metric = peak_metric(Purpose(p));
        const Bar bar{.name = std::string(find_metric(metric)->title),
                      .a = whole(value_of(a, metric).value_or(0)),
                      .b = whole(value_of(b, metric).value_or(0))};
        if (bar.a != 0 || bar.b != 0) fall.bars.push_back(bar);
    }
    add_rest(fall, "of no purpose");
}

void fill_regions(Waterfall& fall, const RunRecord& a, const RunRecord& b) {
    const auto own_a = own_amounts(a, fall.quantity), own_b = own_amounts(b, fall.quantity);
    Bars bars;
    std::map<std::string, std::pair<bool, bool>> seen;
    for (const auto& row : aligned(a, b)) {
        if (const auto own = own_a.find(row.path); own != own_a.end()) {
            auto& bar = bars.named(group_of(own->second, fall.by));
            bar.a += own->second.amount;
            bar.calls_a += own->second.calls;
            seen[bar.name].first = true;
        }
        if (const auto own = own_b.find(row.path); own != own_b.end()) {
            auto& bar = bars.named(group_of(own->second, fall.by));
            bar.b += own->second.amount;
            bar.calls_b += own->second.calls;
            seen[bar.name].second = true;
        }
    }
    for (auto& bar : bars.all)
        bar.in = !seen[bar.name].second  ? Presence::only_a
                 : !seen[bar.name].first ? Presence::only_b
                                         : Presence::both;
    fall.bars = std::move(bars.all);
}

/// What the steps that were measured take beside the device's own time.
void add_host(Waterfall& fall, const RunRecord& a, const RunRecord& b) {
    const auto host = [](const RunRecord& run, std::int64_t total) {
        const auto device = value_of(run, "device_seconds");
        return device ? total - whole(*device * 1e9) : 0;
    };
    const Bar bar{.name = "launch and host", .a = host(a, fall.a), .b = host(b, fall.b)};
    if (bar.a != 0 || bar.b != 0) fall.bars.push_back(bar);
}

using Occurrences = std::map<std::string_view, std::vector<RegionSum>>;

Occurrences occurrences_of(const RunRecord& run) {
    Occurrences all;
    for (const auto& [path, nth, calls, seconds, flops, bytes] : run.occurrences)
        all[path].push_back({path, calls, 0, seconds, flops, bytes});
    return all;
}

/// The occurrences of a region, of which there may be one alone; none of a region that is not.
std::vector<RegionSum> parts(const Occurrences& all, const RegionSum* region) {
    if (!region) return {};
    const auto found = all.find(region->path);
    return found == all.end() ? std::vector{*region} : found->second;
}

} // namespace

PassNoise::PassNoise(const RunRecord& a, const RunRecord& b)
    : scatter_a_(scatter_of(a)), scatter_b_(scatter_of(b)) {}

std::int64_t PassNoise::of(const Bar& bar) const {
    const double noise_a = scatter_a_ * double(std::abs(bar.a)),
                 noise_b = scatter_b_ * double(std::abs(bar.b)),
                 clock = 1e9 * clock_seconds * std::max(1, std::max(bar.calls_a, bar.calls_b));
    return whole(std::hypot(noise_a, noise_b) + clock);
}

Waterfall kernel_waterfall(const RunRecord& a, const Timeline& of_a, const RunRecord& b,
                           const Timeline& of_b) {
    Waterfall fall{.quantity = Quantity::time, .by = By::kernel, .unit = "s"};
    for (const auto* run : {&a, &b}) {
        const auto value = value_of(*run, "step_seconds");
        if (!value || !std::isfinite(*value)) {
            fall.problem = "Run " + std::to_string(run->id) + " has no step time.";
            return fall;
        }
        (run == &a ? fall.a : fall.b) = whole(*value * 1e9);
    }
    Bars bars;
    Bar gaps{.name = "gaps", .a = of_a.end, .b = of_b.end};
    for (const bool is_b : {false, true})
        for (const auto& sum :
             range_sums(is_b ? of_b : of_a, SumsBy::kernel, 0, is_b ? of_b.end : of_a.end)) {
            Bar& bar = bars.named(sum.name);
            const auto amount = whole(sum.seconds * 1e9);
            (is_b ? bar.b : bar.a) = amount;
            (is_b ? bar.calls_b : bar.calls_a) = int(sum.calls);
            (is_b ? gaps.b : gaps.a) -= amount;
        }
    for (Bar& bar : bars.all)
        bar.in = bar.calls_b == 0   ? Presence::only_a
                 : bar.calls_a == 0 ? Presence::only_b
                                    : Presence::both;
    fall.bars = std::move(bars.all);
    if (gaps.a != 0 || gaps.b != 0) fall.bars.push_back(gaps);
    add_rest(fall, "outside the trace");
    add_noise(fall, a, b);
    return fall;
}

Waterfall waterfall(const RunRecord& a, const RunRecord& b, Quantity quantity, By by) {
    constexpr std::array wholes{"step_seconds", "peak_bytes", "bytes_moved", "flops"};
    const auto* metric = find_metric(wholes[std::size_t(quantity)]);
    Waterfall fall{.quantity = quantity, .by = by, .unit = metric->unit};
    for (const auto* run : {&a, &b}) {
        const auto value = value_of(*run, metric->name);
        const auto id = "Run " + std::to_string(run->id);
        if (!value || !std::isfinite(*value))
            fall.problem = id + " has no " + std::string(metric->title) + ".";
        else if (quantity != Quantity::memory && by == By::kernel)
            fall.problem = "By kernel it takes a recorded trace of both runs, and tells of time: "
                           "`sweetspot trace` records one.";
        else if (quantity != Quantity::memory && run->regions.empty())
            fall.problem = id + " has no trace: measure it with --trace.";
        else
            (run == &a ? fall.a : fall.b) =
                whole(quantity == Quantity::time ? *value * 1e9 : *value);
        if (!fall.problem.empty()) return fall;
    }
    if (quantity == Quantity::memory) {
        fill_memory(fall, a, b);
        return fall;
    }
    fill_regions(fall, a, b);
    if (quantity == Quantity::time) add_host(fall, a, b);
    add_rest(fall, quantity == Quantity::time ? "outside the trace" : "outside the regions");
    if (quantity == Quantity::time) add_noise(fall, a, b);
    return fall;
}

std::vector<Aligned> aligned(const RunRecord& a, const RunRecord& b) {
    std::map<std::string_view, const RegionSum*> in_a, in_b;
    for (const auto& region : a.regions) in_a.emplace(region.path, &region);
    for (const auto& region : b.regions) in_b.emplace(region.path, &region);
    const auto parts_a = occurrences_of(a), parts_b = occurrences_of(b);
    std::vector<Aligned> rows;
    const auto add_row = [&](const std::string& path, int depth, const RegionSum* of_a,
                             const RegionSum* of_b) {
        Aligned row{.path = path, .depth = depth};
        if (of_a) row.a = *of_a;
        if (of_b) row.b = *of_b;
        row.in = !row.b ? Presence::only_a : !row.a ? Presence::only_b : Presence::both;
        row.changed = row.in != Presence::both || row.a->calls != row.b->calls ||
                      row.a->flops != row.b->flops || row.a->bytes != row.b->bytes;
        rows.push_back(std::move(row));
    };
    const auto add = [&](const RegionSum& region) {
        const auto find = [&](const auto& known) {
            const auto found = known.find(region.path);
            return found == known.end() ? nullptr : found->second;
        };
        const auto of_a = find(in_a), of_b = find(in_b);
        const int depth = int(std::count(region.path.begin(), region.path.end(), '/'));
        add_row(region.path, depth, of_a, of_b);
        if (parts_a.empty() || parts_b.empty()) return; // one of them does not tell
        const auto each_a = parts(parts_a, of_a), each_b = parts(parts_b, of_b);
        const auto most = std::max(each_a.size(), each_b.size());
        for (std::size_t i = 0; most > 1 && i < most; ++i)
            add_row(region.path + " #" + std::to_string(i + 1), depth + 1,
                    i < each_a.size() ? &each_a[i] : nullptr,
                    i < each_b.size() ? &each_b[i] : nullptr);
    };
    // B's order, and before each of its regions those of A that come before it and B lacks.
    auto next = a.regions.begin();
    const auto add_only_a_until = [&](auto end) {
        for (; next != end; ++next)
            if (!in_b.contains(next->path)) add(*next);
    };
    for (const auto& region : b.regions) {
        if (in_a.contains(region.path)) {
            const auto here = std::find_if(
                next, a.regions.end(), [&](const RegionSum& in) { return in.path == region.path; });
            if (here != a.regions.end()) {
                add_only_a_until(here);
                ++next;
            }
        }
        add(region);
    }
    add_only_a_until(a.regions.end());
    return rows;
}

} // namespace sweetspot
