#include "profiler/profiler.h"
#include <algorithm>
#include <numeric>

namespace sweetspot {

std::size_t MemoryMoment::total() const {
    return std::accumulate(bytes.begin(), bytes.end(), std::size_t(0));
}

Profiler::Profiler(DeviceClock& clock, const std::array<std::size_t, purpose_count>& live)
    : clock_(clock), live_(live) {
    ask_clock([&] { origin_ = clock_.mark(); });
    remember_memory();
}

Profiler::~Profiler() {
    if (failure_) return;
    clock_.release(origin_);
    for (const Call& call : open_) clock_.release(call.from);
    for (const Call& call : done_) {
        clock_.release(call.from);
        clock_.release(call.to);
    }
}

/// What is done with the clock while the engine works must not throw: the first failure is kept,
/// and there are no figures then.
template <class Ask>
void Profiler::ask_clock(Ask&& ask) noexcept {
    if (failure_) return;
    try {
        ask();
    } catch (...) {
        failure_ = std::current_exception();
    }
}

double Profiler::host_seconds() const {
    return std::chrono::duration<double>(Clock::now() - host_origin_).count();
}

void Profiler::began(const Work& work) noexcept {
    const auto& siblings = nodes_[current_].children;
    auto found = std::find_if(siblings.begin(), siblings.end(),
                              [&](std::size_t i) { return nodes_[i].name == work.name; });
    std::size_t index = nodes_.size();
    if (found != siblings.end()) {
        index = *found;
    } else {
        Node& made = nodes_.emplace_back();
        made.name = work.name;
        made.parent = current_;
        nodes_[current_].children.push_back(index);
    }
    const bool first = nodes_[index].calls++ == 0;
    occur(nodes_[index]);
    const auto add = [&](Cost& cost) {
        cost.flops += work.cost.flops;
        cost.bytes += work.cost.bytes;
    };
    for (std::size_t i = index; i != 0; i = nodes_[i].parent) {
        add(nodes_[i].cost);
        add(nodes_[i].occurrences[nodes_[i].nth].cost);
    }
    add(nodes_.front().cost);
    if (current_ == 0 && index == nodes_.front().children.front())
        turn_ = std::min(turn_ + 1, most_turns - 1);
    current_ = index;
    ask_clock([&] {
        open_.push_back({.node = index,
                         .from = clock_.mark(),
                         .first = first,
                         .turn = turn_,
                         .nth = nodes_[index].nth});
    });
}

/// Once more within the stretch around it. What nothing is around, as the layers of each batch, has
/// turns.
void Profiler::occur(Node& node) noexcept {
    const int around = nodes_[node.parent].calls;
    const bool again = node.parent != 0 && node.call_around == around;
    node.nth = again ? std::min(node.nth + 1, most_occurrences - 1) : 0;
    node.call_around = around;
    node.occurrences.resize(std::max(node.occurrences.size(), node.nth + 1));
    ++node.occurrences[node.nth].calls;
}

void Profiler::ended() noexcept {
    current_ = nodes_[current_].parent;
    ask_clock([&] {
        Call call = open_.back();
        call.to = clock_.mark();
        open_.pop_back();
        done_.push_back(call);
        if (done_.size() >= most_calls) add_up();
    });
}

void Profiler::add_up() {
    for (const Call& call : done_) {
        Node& node = nodes_[call.node];
        if (call.first) node.start_seconds = clock_.seconds(origin_, call.from);
        const double seconds = clock_.seconds(call.from, call.to);
        node.seconds += seconds;
        node.occurrences[call.nth].seconds += seconds;
        node.turns.resize(std::max(node.turns.size(), std::size_t(call.turn) + 1));
        node.turns[std::size_t(call.turn)] += seconds;
        clock_.release(call.from);
        clock_.release(call.to);
    }
    done_.clear();
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
    if (moments_.size() == most_moments) moments_ = memory(most_moments / 2);
    moments_.push_back({host_seconds(), live_});
}

std::vector<RegionTotals> Profiler::regions() {
    ask_clock([&] { add_up(); });
    if (failure_) std::rethrow_exception(failure_);
    std::vector<RegionTotals> all;
    const auto visit = [&](const auto& self, std::size_t index, const std::string& prefix) -> void {
        for (const std::size_t child : nodes_[index].children) {
            const Node& node = nodes_[child];
            const std::string path = prefix.empty() ? node.name : prefix + "/" + node.name;
            all.push_back({path, node.calls, node.start_seconds, node.seconds, node.cost,
                           node.turns, node.occurrences});
            if (node.occurrences.size() == 1) all.back().occurrences.clear();
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
