#pragma once
#include "block.h"
#include "cuda_runtime_api.h"
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace emulation {

struct Capture;

/// The state of a stream: what it was given and has not done yet.
struct Stream {
    struct Item {
        std::function<void()> work{};      ///< null: wait for `awaited`
        std::shared_ptr<Stream> awaited{}; ///< until it has done `until` items
        std::size_t until = 0;
    };
    std::deque<Item> queue{};
    std::size_t given = 0, done = 0;
    bool runs_ahead = false; ///< in the order `reverse`
    bool busy = false;       ///< its first item is being done
    std::shared_ptr<Capture> capture{};
    std::size_t branch = 0; ///< of the capture
};

/// Streams that run side by side, in the order that is set.
class Streams {
public:
    std::vector<std::shared_ptr<Stream>> all;

    void give(Stream& stream, Stream::Item item);
    /// Runs the stream until it has done so many items, and others as far as it waits for them.
    void finish(Stream& stream, std::size_t until);
    void finish_all();
    /// Does one item if nothing must be waited for.
    bool try_step(Stream& stream);
    /// Forgets what was queued, as if it were done.
    void drop_all();

private:
    void step(Stream& stream);
    void run_ahead();

    bool running_ahead_ = false;
    std::uint64_t seed_ = 0;
    std::minstd_rand random_{};
};

/// What was recorded, stream by stream; the first is the one that the capture began in.
struct Recording {
    struct Node {
        std::function<void()> work{}; ///< null: wait until `branch` has done `until` nodes
        std::size_t branch = 0, until = 0;
        std::uint64_t id = 0; ///< a watcher's; 0 = none
    };
    std::vector<std::vector<Node>> branches{};

    /// Whether the end of the first branch waits for the ends of all others.
    bool joined() const;
    /// Does all of it.
    void run() const;
    /// A copy, of whose nodes a watcher is told.
    Recording cloned() const;
};

struct Capture {
    cudaStreamCaptureMode mode{};
    bool invalid = false;
    std::vector<std::shared_ptr<Stream>> streams{}; ///< of the branches
    Recording recording{};

    /// A stream that is not captured yet records from now on.
    static void join(const std::shared_ptr<Capture>& capture,
                     const std::shared_ptr<Stream>& stream);
    /// Its streams record no more.
    void end();
};

/// What an event stands for since it was recorded last: a place in a stream, or in a capture.
struct EventState {
    bool timed = true;
    std::shared_ptr<Stream> stream{}; ///< null: never recorded
    std::size_t until = 0;
    bool captured = false;
    std::weak_ptr<Capture> capture{}; ///< null: it has ended
    std::size_t branch = 0;
    std::chrono::steady_clock::time_point time{};

    bool happened() const { return !stream || stream->done >= until; }
};

} // namespace emulation

struct CUstream_st {
    std::shared_ptr<emulation::Stream> state;
};
struct CUevent_st {
    std::shared_ptr<emulation::EventState> state;
};
struct CUgraph_st {
    std::shared_ptr<const emulation::Recording> recording;
};
struct CUgraphExec_st {
    std::shared_ptr<const emulation::Recording> recording;
};
