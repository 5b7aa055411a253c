#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace sweetspot {

/// A number that is better the lower it is, and where it lies for all that is known of it: low <=
/// value <= high, none of them not a number. A number that is higher the better enters negated.
struct Bounded {
    double value = 0, low = 0, high = 0;
};

inline constexpr std::size_t most_objectives = 3;
/// What a point has of each objective; those that nobody asked for stay 0.
using Objectives = std::array<Bounded, most_objectives>;

/// front: no other point has values as low in every objective and lower in one. tied: one has, but
/// may owe it to chance. dominated: one is no worse in every objective and better in one for
/// certain: its `high` lies at or below the other's `low` in all, and below it in one.
enum class Standing { front, tied, dominated };
constexpr std::array<const char*, 3> names_of(Standing) {
    return {"front", "tied", "dominated"};
}

struct Placed {
    Standing standing = Standing::front;
    /// A point of the front with values as low: points that share it, and are not dominated, are
    /// a plateau. Of points with equal values the first stands for all.
    std::size_t leader = 0;
};

/// The standing of each of n points, in O(n log n) (Kung, Luccio and Preparata, 1975).
std::vector<Placed> pareto(std::span<const Objectives>);

} // namespace sweetspot
