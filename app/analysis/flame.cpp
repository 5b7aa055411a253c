#include "app/analysis/flame.h"
#include <algorithm>
#include <map>

// A tree of names with their times is grown from what ran, and then laid out row by row.

namespace sweetspot {

namespace {

double overlap(Nanoseconds a, Nanoseconds b, Nanoseconds begin, Nanoseconds end) {
    return double(std::max<Nanoseconds>(0, std::min(b, end) - std::max(a, begin))) * 1e-9;
}

/// Frames as a tree; the first stands for all.
class Tree {
public:
    /// The node of a name below another.
    std::size_t below(std::size_t node, const std::string& name) {
        const auto [child, is_new] = nodes_[node].children.try_emplace(name, nodes_.size());
        const std::size_t found = child->second;
        if (is_new)
            nodes_.push_back(
                {.frame = {.name = name, .parent = node, .depth = nodes_[node].frame.depth + 1}});
        return found;
    }
    /// Time of a node's own, of so many calls.
    void add(std::size_t node, double seconds, std::size_t calls, Index region) {
        nodes_[node].frame.own_seconds += seconds;
        nodes_[node].own_calls += calls;
        for (;; node = nodes_[node].frame.parent) {
            FlameFrame& frame = nodes_[node].frame;
            frame.seconds += seconds;
            frame.calls += calls;
            frame.region = region;
            if (node == 0) return;
        }
    }

    /// The same times with the innermost names outermost.
    Tree inverted() const {
        Tree tree;
        for (const Node& node : nodes_) {
            if (node.own_calls == 0) continue;
            std::size_t at = 0;
            for (const Node* from = &node; from->frame.depth > 0;
                 from = &nodes_[from->frame.parent])
                at = tree.below(at, from->frame.name);
            tree.add(at, node.frame.own_seconds, node.own_calls, node.frame.region);
        }
        return tree;
    }

    std::vector<FlameFrame> laid_out() const {
        std::vector<FlameFrame> frames;
        if (nodes_[0].frame.seconds > 0) lay_out(0, 0, 0, frames);
        return frames;
    }

private:
    struct Node {
        FlameFrame frame{}; ///< its parent is a node
        std::size_t own_calls = 0;
        std::map<std::string, std::size_t> children{};
    };

    void lay_out(std::size_t node, std::size_t parent, double begin,
                 std::vector<FlameFrame>& frames) const {
        const std::size_t place = frames.size();
        frames.push_back(nodes_[node].frame);
        frames.back().parent = parent;
        frames.back().begin = begin;
        std::vector<std::size_t> children;
        for (const auto& [name, child] : nodes_[node].children)
            if (nodes_[child].frame.seconds > 0) children.push_back(child);
        std::stable_sort(children.begin(), children.end(), [&](std::size_t a, std::size_t b) {
            return nodes_[a].frame.seconds > nodes_[b].frame.seconds;
        });
        for (const std::size_t child : children) {
            lay_out(child, place, begin, frames);
            begin += nodes_[child].frame.seconds;
        }
    }

    std::vector<Node> nodes_{Node{.frame = {.name = "all"}}};
};

} // namespace

std::vector<FlameFrame> flame(const Timeline& timeline, FlameFrom from, Nanoseconds begin,
                              Nanoseconds end) {
    const Trace& trace = timeline.trace;
    Tree tree;
    std::vector<std::string> names;
    for (const std::string& name : trace.names) names.push_back(without_layer_numbers(name));
    std::vector<std::size_t> nodes; // of the regions
    for (const TraceRegion& region : trace.regions)
        nodes.push_back(
            tree.below(region.parent == none ? 0 : nodes[region.parent], names[region.name]));
    const auto add = [&](std::size_t node, double seconds, Index region) {
        if (seconds > 0) tree.add(node, seconds, 1, region);
    };
    if (timeline.gpu) {
        for (const Activity& one : trace.activities)
            if (on_device(one.kind))
                add(tree.below(one.region == none ? 0 : nodes[one.region], trace.names[one.name]),
                    overlap(one.begin, one.end, begin, end), one.region);
    } else {
        std::vector<double> own(trace.regions.size());
        for (std::size_t i = 0; i < own.size(); ++i) {
            const TraceRegion& region = trace.regions[i];
            own[i] = overlap(region.begin, region.end, begin, end);
            if (region.parent != none) own[region.parent] -= own[i];
        }
        for (std::size_t i = 0; i < own.size(); ++i) add(nodes[i], own[i], Index(i));
    }
    return from == FlameFrom::top ? tree.laid_out() : tree.inverted().laid_out();
}

std::string path_of(const std::vector<FlameFrame>& frames, std::size_t frame) {
    std::string path;
    for (; frame != 0; frame = frames[frame].parent)
        path = frames[frame].name + (path.empty() ? "" : "/" + path);
    return path;
}

} // namespace sweetspot
