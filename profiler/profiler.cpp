#include "profiler/profiler.h"
#include <algorithm>
#include <numeric>

namespace sweetspot {

std::size_t MemoryMoment::total() const {
    return std::accumulate(bytes.begin(), bytes.end(), std::size_t(0));
}

Profiler::Profiler(const std::array<std::size_t, purpose_count>& live) : live_(live) {
    remember_memory();
}

double Profiler::now_seconds() const {
    return std::chrono::duration<double>(Clock::now() - origin_).count();
}

void Profiler::began(std::string_view name, const Cost& cost) noexcept {
    const auto& siblings = nodes_[current_].children;
    auto found = std::find_if(siblings.begin(), siblings.end(),
                              [&](std::size_t i) { return nodes_[i].name == name; });
    std::size_t index = nodes_.size();
    if (found != siblings.end()) {
        index = *found;
    } else {
        Node& made = nodes_.emplace_back();
        made.name = name;
        made.parent = current_;
        nodes_[current_].children.push_back(index);
    }
    Node& node = nodes_[index];
    node.entered_seconds = now_seconds();
    if (node.calls++ == 0) node.start_seconds = node.entered_seconds;
    for (std::size_t i = index;; i = nodes_[i].parent) {
        nodes_[i].cost.flops += cost.flops;
        nodes_[i].cost.bytes += cost.bytes;
        if (i == 0) break;
    }
    current_ = index;
}

void Profiler::ended() noexcept {
    Node& node = nodes_[current_];
    node.seconds += now_seconds() - node.entered_seconds;
    current_ = node.parent;
}

void Profiler::allocated(Purpose purpose, MemoryKind, std::size_t bytes) noexcept {
    live_[std::size_t(purpose)] += bytes;
    remember_memory();
}

void Profiler::freed(Purpose purpose, MemoryKind, std::size_t bytes) noexcept {
    live_[std::size_t(purpose)] -= bytes;
    remember_memory();
}

void Profiler::remember_memory() noexcept {
    moments_.push_back({now_seconds(), live_});
}

std::vector<RegionTotals> Profiler::regions() const {
    std::vector<RegionTotals> all;
    const auto visit = [&](const auto& self, std::size_t index, const std::string& prefix) -> void {
        for (const std::size_t child : nodes_[index].children) {
            const Node& node = nodes_[child];
            const std::string path = prefix.empty() ? node.name : prefix + "/" + node.name;
            all.push_back({path, node.calls, node.start_seconds, node.seconds, node.cost});
            self(self, child, path);
        }
    };
    visit(visit, 0, "");
    return all;
}

std::vector<MemoryMoment> Profiler::memory(std::size_t limit) const {
    if (moments_.size() <= limit) return moments_;
    std::vector<MemoryMoment> kept;
    for (std::size_t bin = 0; bin < limit; ++bin) {
        const auto first = moments_.begin() + std::ptrdiff_t(bin * moments_.size() / limit);
        const auto last = moments_.begin() + std::ptrdiff_t((bin + 1) * moments_.size() / limit);
        kept.push_back(*std::max_element(
            first, last, [](const auto& a, const auto& b) { return a.total() < b.total(); }));
    }
    return kept;
}

} // namespace sweetspot
