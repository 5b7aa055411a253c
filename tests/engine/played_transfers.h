#pragma once
#include "kernels/core/context.h"
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace sweetspot::check {

/// Streams and events of a device that does its work when a test says so: in any order that the
/// waits allow. Copies take time: the target is spoilt when one begins.
class PlayedTransfers : public Transfers {
public:
    explicit PlayedTransfers(int streams) : streams_(streams) {}

    int count() const override { return streams_; }
    void copy(int stream, void* to, const void* from, std::size_t bytes) override {
        log.push_back("copy " + name(from) + " on " + name(stream));
        add(stream, [=] { std::memset(to, 0xff, bytes); });
        add(stream, [=] { std::memcpy(to, from, bytes); });
    }
    void prefetch(int stream, const void* data, std::size_t) override {
        log.push_back("prefetch " + name(data) + " on " + name(stream));
        add(stream, [=, this] {
            if (prefetched) prefetched(data);
        });
    }
    void advise(const void* data, std::size_t, Advice advice) override {
        log.push_back("advise " + name(data) + " " +
                      std::string(names_of(advice)[std::size_t(advice)]));
    }

    std::unique_ptr<Event> make_event() override {
        return std::make_unique<PlayedEvent>(events_++);
    }
    void record(Event& event, int stream) override {
        auto& played = static_cast<PlayedEvent&>(event);
        log.push_back("record " + std::to_string(played.number) + " on " + name(stream));
        const auto times = played.times;
        const int mine = ++times->recorded;
        add(stream, [=] { times->happened = std::max(times->happened, mine); });
    }
    void wait(int stream, const Event& event) override {
        const auto& played = static_cast<const PlayedEvent&>(event);
        log.push_back(name(stream) + " waits for " + std::to_string(played.number));
        if (stream == compute ? !compute_waits : !others_wait) return;
        const auto times = played.times;
        queues_[stream].push_back(
            {{}, [times, mine = times->recorded] { return times->happened >= mine; }});
    }

    /// What the device does on a stream when its turn comes.
    void add(int stream, std::function<void()> work) {
        queues_[stream].push_back({std::move(work), {}});
    }
    /// Does up to so much work, of random streams. False if nothing can be done any more.
    bool play(std::mt19937& random, int most) {
        for (int i = 0; i < most; ++i) {
            std::vector<int> ready;
            for (const auto& [stream, queue] : queues_)
                if (!queue.empty() && (!queue.front().may_run || queue.front().may_run()))
                    ready.push_back(stream);
            if (ready.empty()) return false;
            auto& queue = queues_[ready[random() % ready.size()]];
            const auto work = std::move(queue.front().work);
            queue.pop_front();
            if (work) work();
        }
        return true;
    }
    void play_all(std::mt19937& random) {
        while (play(random, 1000)) {}
    }
    bool finished() const {
        for (const auto& [_, queue] : queues_)
            if (!queue.empty()) return false;
        return true;
    }

    std::vector<std::string> log{};
    std::map<const void*, std::string> names{};
    std::function<void(const void*)> prefetched{}; ///< called when the device comes to it
    bool compute_waits = true, others_wait = true; ///< false is a fault

private:
    struct Times {
        int recorded = 0, happened = 0;
    };
    struct PlayedEvent : Event {
        explicit PlayedEvent(int number) : number(number) {}
        int number;
        std::shared_ptr<Times> times = std::make_shared<Times>();
    };
    struct Work {
        std::function<void()> work{};
        std::function<bool()> may_run{};
    };
    std::string name(int stream) const {
        return stream == compute ? "compute" : "stream " + std::to_string(stream);
    }
    std::string name(const void* data) const {
        const auto found = names.find(data);
        return found == names.end() ? "?" : found->second;
    }

    int streams_, events_ = 0;
    std::map<int, std::deque<Work>> queues_{};
};

} // namespace sweetspot::check
