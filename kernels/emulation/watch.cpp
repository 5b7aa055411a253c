#include "watch.h"
#include <chrono>
#include <utility>

namespace emulation {

namespace {
Watcher* current = nullptr;
Done doing;                   ///< what the work that runs now said of itself
std::uint64_t graph_call = 0; ///< the call that launched the graph that runs now

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}
} // namespace

void watch(Watcher* watcher) {
    current = watcher;
}

Watcher* watcher() {
    return current;
}

void note(const Done& done) {
    if (current) doing = done;
}

std::function<void()> watched(std::function<void()> work, std::uint64_t correlation,
                              std::uint64_t node) {
    if (!current) return work;
    return [=, work = std::move(work)] {
        doing = {};
        if (!node) graph_call = correlation;
        const std::int64_t begin = now();
        work();
        Done done = std::exchange(doing, {});
        done.correlation = node ? graph_call : correlation;
        done.node = node;
        done.begin = begin;
        done.end = now();
        if (current && done.what != Done::other) current->did(done);
    };
}

} // namespace emulation
