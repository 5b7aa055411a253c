#include "streams.h"
#include "memory.h"
#include "watch.h"
#include <algorithm>

/// Streams do nothing when they are given work; they do it when somebody waits, or ahead of that,
/// as the order says that is tested. So a wait that was forgotten shows as a wrong result.
namespace emulation {

void Streams::give(Stream& stream, Stream::Item item) {
    stream.queue.push_back(std::move(item));
    ++stream.given;
    run_ahead();
}

void Streams::finish(Stream& stream, std::size_t until) {
    if (stream.done >= until) return;
    const DeviceAccess access;
    while (stream.done < until) step(stream);
}

void Streams::finish_all() {
    for (std::size_t i = 0; i < all.size(); ++i) finish(*all[i], all[i]->given);
}

void Streams::step(Stream& stream) {
    const DeviceAccess access;
    const Stream::Item item = std::move(stream.queue.front());
    stream.queue.pop_front();
    stream.busy = true;
    if (item.work)
        item.work();
    else
        finish(*item.awaited, item.until);
    stream.busy = false;
    ++stream.done;
    run_ahead();
}

bool Streams::try_step(Stream& stream) {
    if (stream.busy || stream.queue.empty()) return false;
    const Stream::Item& next = stream.queue.front();
    if (!next.work && next.awaited->done < next.until) return false;
    step(stream);
    return true;
}

void Streams::run_ahead() {
    const Order order = current_order();
    if (running_ahead_ || order.kind == Order::forward) return;
    running_ahead_ = true;
    if (order.kind == Order::random) {
        if (seed_ != order.seed) random_.seed(unsigned(seed_ = order.seed));
        for (unsigned steps = unsigned(random_()) % 4; steps; --steps)
            try_step(*all[random_() % all.size()]);
    } else {
        const auto goes = [&](const auto& stream) {
            return stream->runs_ahead && try_step(*stream);
        };
        while (std::any_of(all.rbegin(), all.rend(), goes)) {}
    }
    running_ahead_ = false;
}

void Streams::drop_all() {
    running_ahead_ = false;
    for (const auto& stream : all) {
        stream->queue.clear();
        stream->done = stream->given;
        stream->busy = false;
    }
}

bool Recording::joined() const {
    std::vector<std::size_t> reached(branches.size(), 0), looked_at = reached;
    reached[0] = branches[0].size();
    for (bool more = true; more;) {
        more = false;
        for (std::size_t b = 0; b < branches.size(); ++b)
            for (; looked_at[b] < reached[b]; ++looked_at[b], more = true)
                if (const Node& node = branches[b][looked_at[b]]; !node.work)
                    reached[node.branch] = std::max(reached[node.branch], node.until);
    }
    for (std::size_t b = 0; b < branches.size(); ++b)
        if (reached[b] < branches[b].size()) return false;
    return true;
}

void Recording::run() const {
    Streams streams;
    for (std::size_t b = 0; b < branches.size(); ++b) {
        streams.all.push_back(std::make_shared<Stream>());
        streams.all[b]->runs_ahead = b > 0;
    }
    for (std::size_t b = 0; b < branches.size(); ++b)
        for (const Node& node : branches[b])
            streams.give(*streams.all[b],
                         {node.id ? watched(node.work, 0, node.id) : node.work,
                          node.work ? nullptr : streams.all[node.branch], node.until});
    streams.finish_all();
}

Recording Recording::cloned() const {
    Recording copy = *this;
    for (auto& branch : copy.branches)
        for (Node& node : branch)
            if (node.id && watcher()) node.id = watcher()->node_cloned(node.id);
    return copy;
}

void Capture::join(const std::shared_ptr<Capture>& capture, const std::shared_ptr<Stream>& stream) {
    stream->capture = capture;
    stream->branch = capture->streams.size();
    capture->streams.push_back(stream);
    capture->recording.branches.emplace_back();
}

void Capture::end() {
    const auto all = std::move(streams); // which may own this capture
    for (const auto& stream : all) stream->capture.reset();
}

} // namespace emulation
