#include "app/analysis/pareto.h"
#include <algorithm>
#include <limits>
#include <map>

// The front of up to three objectives. Points are taken in the order of the first objective; what
// came before is kept as a staircase of the other two, so that each point asks one question of it:
// is there one no further right that lies no higher?

namespace sweetspot {

namespace {

/// Of points in a plane those that no other lies left of and below.
class Staircase {
public:
    struct Step {
        double y = std::numeric_limits<double>::infinity();
        std::size_t who = 0;
    };

    void add(double x, Step step) {
        if (lowest(x).y <= step.y) return;
        auto next = steps_.lower_bound(x);
        while (next != steps_.end() && next->second.y >= step.y) next = steps_.erase(next);
        steps_.emplace_hint(next, x, step);
    }
    /// The lowest at `x` or left of it.
    Step lowest(double x) const { return before(steps_.upper_bound(x)); }
    /// The lowest left of `x`.
    Step lowest_left_of(double x) const { return before(steps_.lower_bound(x)); }

private:
    using Steps = std::map<double, Step>;
    Step before(Steps::const_iterator end) const {
        return end == steps_.begin() ? Step{} : std::prev(end)->second;
    }
    Steps steps_; // y falls from step to step
};

using Order = std::vector<std::pair<double, std::size_t>>;

Order order_by(std::span<const Objectives> points, double Bounded::*bound) {
    Order order(points.size());
    for (std::size_t i = 0; i < points.size(); ++i) order[i] = {points[i][0].*bound, i};
    std::sort(order.begin(), order.end());
    return order;
}

/// By values alone: the front, and for the others who leads them.
void place_by_values(std::span<const Objectives> points, std::vector<Placed>& placed) {
    struct Entry {
        std::array<double, most_objectives> values;
        std::size_t who;
        auto operator<=>(const Entry&) const = default;
    };
    std::vector<Entry> entries(points.size());
    for (std::size_t i = 0; i < points.size(); ++i)
        entries[i] = {{points[i][0].value, points[i][1].value, points[i][2].value}, i};
    std::sort(entries.begin(), entries.end());
    Staircase before;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& [values, who] = entries[i];
        if (i > 0 && entries[i - 1].values == values) {
            placed[who] = placed[entries[i - 1].who];
            continue;
        }
        const auto lowest = before.lowest(values[1]);
        placed[who] = lowest.y <= values[2] ? Placed{Standing::tied, placed[lowest.who].leader}
                                            : Placed{Standing::front, who};
        before.add(values[1], {values[2], who});
    }
}

/// Of the others those that are dominated for certain.
void find_dominated(std::span<const Objectives> points, std::vector<Placed>& placed) {
    const auto by_low = order_by(points, &Bounded::low), by_high = order_by(points, &Bounded::high);
    const auto add = [&](Staircase& to, std::size_t who) {
        to.add(points[who][1].high, {points[who][2].high, who});
    };
    Staircase better, as_good; // in the first objective than the point that asks
    auto next_better = by_high.begin(), next_as_good = by_high.begin();
    for (const auto& [low, who] : by_low) {
        for (; next_better != by_high.end() && next_better->first < low; ++next_better)
            add(better, next_better->second);
        for (; next_as_good != by_high.end() && next_as_good->first <= low; ++next_as_good)
            add(as_good, next_as_good->second);
        if (placed[who].standing != Standing::tied) continue;
        const double y = points[who][1].low, z = points[who][2].low;
        if (better.lowest(y).y <= z || as_good.lowest_left_of(y).y <= z || as_good.lowest(y).y < z)
            placed[who].standing = Standing::dominated;
    }
}

} // namespace

std::vector<Placed> pareto(std::span<const Objectives> points) {
    std::vector<Placed> placed(points.size());
    place_by_values(points, placed);
    find_dominated(points, placed);
    return placed;
}

} // namespace sweetspot
