#pragma once
#include "kernels/core/memory.h"
#include <functional>
#include <list>
#include <memory>
#include <string>

namespace sweetspot {

/// Work recorded once, launched as a whole.
class Graph {
public:
    virtual ~Graph() = default;
    virtual void launch() = 0; ///< throws Error(device)
};

/// Records what a stream is given instead of doing it (stream capture).
class GraphRecorder {
public:
    virtual ~GraphRecorder() = default;
    virtual void begin() = 0;
    virtual std::unique_ptr<Graph> end() = 0; ///< throws Error(device) if it cannot be recorded
    virtual void abandon() noexcept = 0;      ///< ends a recording that failed
};

/// The graphs of a run, by a key that names the work and its shapes: work of a new shape is another
/// graph. Work of a key is done as it is once, which makes libraries and workspaces ready, then
/// recorded, then repeated. At most `capacity` graphs are kept; the longest unused goes.
///
/// What a recording allocates stays reserved for its graph, because the graph holds the addresses.
/// Work that throws leaves no graph; the next time it is tried again. Where memory is short graphs
/// are given up (Allocator::reclaim), and work that cannot be recorded for want of it is done.
class GraphCache {
public:
    /// Neither is owned; the allocator has one cache at a time.
    GraphCache(GraphRecorder&, Allocator&, std::size_t capacity = 16);
    ~GraphCache();

    /// Within work that is being recorded: a part of that.
    void run(const std::string& key, const std::function<void()>& work);
    /// Forgets all graphs, also the one being recorded: what they refer to has moved. Each is
    /// recorded again at its next use.
    void clear() noexcept;

    int recorded() const { return recorded_; } ///< how often something was recorded
    int launched() const { return launched_; }

private:
    struct Entry {
        std::string key;
        std::unique_ptr<Graph> graph{}; ///< null until the second time
        int arena = 0;                  ///< what the allocator keeps for it
    };
    bool record(Entry&, const std::function<void()>& work);
    void forget(Entry&) noexcept;

    GraphRecorder& recorder_;
    Allocator& allocator_;
    std::size_t capacity_;
    std::list<Entry> entries_{}; ///< newest use first
    bool recording_ = false;
    bool stale_ = false; ///< the recording refers to what has moved
    int recorded_ = 0, launched_ = 0;
};

} // namespace sweetspot
