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

/// Of those points that are wanted.
Order order_by(std::span<const Objectives> points, double Bounded::*bound, auto&& wanted) {
    Order order;
    for (std::size_t i = 0; i < points.size(); ++i)
        if (wanted(i)) order.emplace_back(points[i][0].*bound, i);
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

/// Of the others those that are dominated for certain. Points that ask have one low of the first
/// objective after the other: for each first those whose high is below it are known, then those,
/// too, whose high it is, which must be better in another objective.
void find_dominated(std::span<const Objectives> points, std::vector<Placed>& placed) {
    const auto asking = order_by(
        points, &Bounded::low, [&](std::size_t i) { return placed[i].standing == Standing::tied; });
    if (asking.empty()) return; // all are on the front
    const auto by_high = order_by(points, &Bounded::high, [](std::size_t) { return true; });
    Staircase known;
    auto next = by_high.begin();
    const auto add = [&](auto&& holds) {
        for (; next != by_high.end() && holds(next->first); ++next) {
            const auto& point = points[next->second];
            known.add(point[1].high, {point[2].high, next->second});
        }
    };
    for (auto first = asking.begin(); first != asking.end();) {
        const double low = first->first;
        const auto last =
            std::find_if(first, asking.end(), [&](const auto& one) { return one.first != low; });
        const auto ask = [&](auto&& dominated) {
            for (auto one = first; one != last; ++one)
                if (Standing& standing = placed[one->second].standing;
                    standing == Standing::tied &&
                    dominated(points[one->second][1].low, points[one->second][2].low))
                    standing = Standing::dominated;
        };
        add([&](double high) { return high < low; });
        ask([&](double y, double z) { return known.lowest(y).y <= z; });
        add([&](double high) { return high == low; });
        ask([&](double y, double z) {
            return known.lowest_left_of(y).y <= z || known.lowest(y).y < z;
        });
        first = last;
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
