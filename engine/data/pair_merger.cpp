#include "engine/data/pair_merger.h"
#include <queue>

namespace sweetspot {

namespace {
constexpr std::size_t none = ~std::size_t(0);

std::uint64_t key(std::int32_t left, std::int32_t right) {
    return std::uint64_t(std::uint32_t(left)) << 32 | std::uint32_t(right);
}

/// A pair seen at some time; void once either half was merged into something else.
struct Candidate {
    float cost;
    std::size_t place;
    std::int32_t left, right, merged;
    bool operator<(const Candidate& other) const { // the queue gives its largest
        return cost != other.cost ? cost > other.cost : place > other.place;
    }
};
} // namespace

void PairMerger::add(std::int32_t left, std::int32_t right, std::int32_t merged, float cost) {
    merges_.insert_or_assign(key(left, right), Merge{merged, cost});
}

const PairMerger::Merge* PairMerger::find(std::int32_t left, std::int32_t right) const {
    const auto found = merges_.find(key(left, right));
    return found == merges_.end() ? nullptr : &found->second;
}

Tokens PairMerger::merge(const Tokens& ids) const {
    struct Node {
        std::int32_t id; ///< -1 once merged into the one before
        std::size_t before, after;
    };
    std::vector<Node> nodes(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i)
        nodes[i] = {ids[i], i ? i - 1 : none, i + 1 < ids.size() ? i + 1 : none};

    std::priority_queue<Candidate> candidates;
    const auto consider = [&](std::size_t place) {
        if (place == none || nodes[place].after == none) return;
        const auto left = nodes[place].id, right = nodes[nodes[place].after].id;
        if (const auto* merge = find(left, right))
            candidates.push({merge->cost, place, left, right, merge->id});
    };
    for (std::size_t i = 0; i < nodes.size(); ++i) consider(i);

    while (!candidates.empty()) {
        const Candidate best = candidates.top();
        candidates.pop();
        Node& left = nodes[best.place];
        if (left.id != best.left || left.after == none || nodes[left.after].id != best.right)
            continue;
        Node& right = nodes[left.after];
        left.id = best.merged;
        right.id = -1;
        left.after = right.after;
        if (left.after != none) nodes[left.after].before = best.place;
        consider(left.before);
        consider(best.place);
    }

    Tokens merged;
    for (const auto& node : nodes)
        if (node.id >= 0) merged.push_back(node.id);
    return merged;
}

} // namespace sweetspot
