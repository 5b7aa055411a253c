#include "kernels/core/graph.h"
#include <algorithm>

namespace sweetspot {

GraphCache::GraphCache(GraphRecorder& recorder, Allocator& allocator, std::size_t capacity)
    : recorder_(recorder), allocator_(allocator), capacity_(capacity) {
    allocator_.reclaim = [this] { clear(); };
}

GraphCache::~GraphCache() {
    allocator_.reclaim = nullptr;
    clear();
}

void GraphCache::run(const std::string& key, const std::function<void()>& work) {
    if (recording_) return work(); // as a part of it
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.key == key; });
    if (found == entries_.end()) {
        work();
        entries_.push_front({.key = key});
        if (entries_.size() > capacity_) {
            forget(entries_.back());
            entries_.pop_back();
        }
        return;
    }
    entries_.splice(entries_.begin(), entries_, found);
    if (!found->graph && !record(*found, work)) return work();
    found->graph->launch();
    ++launched_;
}

/// False if there is no graph of use: memory was short, or clear() was called meanwhile.
bool GraphCache::record(Entry& entry, const std::function<void()>& work) {
    recorder_.begin();
    recording_ = true;
    stale_ = false;
    entry.arena = allocator_.begin_arena();
    const auto stop = [&] {
        allocator_.end_arena();
        recording_ = false;
    };
    const auto give_up = [&] {
        recorder_.abandon();
        stop();
        forget(entry);
    };
    try {
        work();
        entry.graph = recorder_.end();
    } catch (const Error& error) {
        give_up();
        if (error.kind == Failure::out_of_memory) return false;
        throw;
    } catch (...) {
        give_up();
        throw;
    }
    stop();
    ++recorded_;
    if (stale_) forget(entry);
    return !stale_;
}

void GraphCache::forget(Entry& entry) noexcept {
    entry.graph.reset();
    if (entry.arena) allocator_.drop_arena(entry.arena);
    entry.arena = 0;
}

void GraphCache::clear() noexcept {
    for (Entry& entry : entries_)
        if (entry.graph) forget(entry);
    stale_ = recording_;
}

} // namespace sweetspot
