#include "kernels/core/graph.h"
#include <algorithm>

namespace sweetspot {

GraphCache::GraphCache(GraphRecorder& recorder, Allocator& allocator, std::size_t capacity)
    : recorder_(recorder), allocator_(allocator), capacity_(capacity) {}

GraphCache::~GraphCache() {
    clear();
}

void GraphCache::run(const std::string& key, const std::function<void()>& work) {
    auto found = std::find_if(entries_.begin(), entries_.end(),
                              [&](const Entry& entry) { return entry.key == key; });
    if (found == entries_.end()) {
        entries_.push_front({.key = key});
        if (entries_.size() > capacity_) {
            forget(entries_.back());
            entries_.pop_back();
        }
        work();
        return;
    }
    entries_.splice(entries_.begin(), entries_, found);
    if (!found->graph) record(*found, work);
    found->graph->launch();
    ++launched_;
}

void GraphCache::record(Entry& entry, const std::function<void()>& work) {
    entry.arena = allocator_.begin_arena();
    recorder_.begin();
    try {
        work();
        entry.graph = recorder_.end();
    } catch (...) {
        recorder_.abandon();
        allocator_.end_arena();
        forget(entry);
        throw;
    }
    allocator_.end_arena();
    ++recorded_;
}

void GraphCache::forget(Entry& entry) noexcept {
    entry.graph.reset();
    if (entry.arena) allocator_.drop_arena(entry.arena);
    entry.arena = 0;
}

void GraphCache::clear() noexcept {
    for (Entry& entry : entries_) forget(entry);
    entries_.clear();
}

} // namespace sweetspot
