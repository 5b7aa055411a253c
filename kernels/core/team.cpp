#include "kernels/core/team.h"
#include "kernels/core/team_watch.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <memory>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

// One job at a time: its caller opens it, works, closes it when no piece is left, and waits for
// those that are inside. A helper that comes too late finds it closed, or another one open, and
// joins that.

namespace sweetspot {

namespace {

/// Longer than between two ops, shorter than what a sleeping thread costs to wake, and little of a
/// time slice: with 20 times as much, steps beside four busy threads took 1.4 times as long.
constexpr std::chrono::microseconds looking_out{30};

/// Waits until `there(from)`: looks at first, and sleeps until `from` changes then.
template <class T, class There>
void wait(const std::atomic<T>& from, const There& there) {
    const auto until = std::chrono::steady_clock::now() + looking_out;
    do
        for (int i = 0; i < 16; ++i) {
            if (there(from.load(std::memory_order_acquire))) return;
            __builtin_ia32_pause();
        }
    while (std::chrono::steady_clock::now() < until);
    for (T seen = from.load(); !there(seen); seen = from.load()) from.wait(seen);
}

std::int64_t now() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Asks Linux to give this thread, and those that it starts, short turns: beside another program a
/// job is done when its last piece is, and the thread that has it may be off its core for a turn.
/// Two busy loops on two cores made a step of ESM-2 35M take 2.5 times as long, and 2.06 with short
/// turns (8 x 256, Linux 6.18). Kernels before 6.12 know no turns of a thread's own and change
/// nothing.
void ask_for_short_turns() {
    struct { // sched_attr of linux/sched/types.h, whose header defines what <sched.h> does, too
        std::uint32_t size, policy;
        std::uint64_t flags;
        std::int32_t nice;
        std::uint32_t priority;
        std::uint64_t runtime, deadline, period; // ns
    } attributes{};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
    if (attributes.policy != 0) return; // whoever chose real time or batch keeps it
    attributes.runtime = 100'000;       // the shortest that there is
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

class Team {
public:
    Team() { ask_for_short_turns(); }
    ~Team() {
        over_ = true;
        ++posted_;
        posted_.notify_all();
        for (auto& helper : helpers_) helper.join();
    }

    void share(std::int64_t pieces, int threads, void (*work)(const void*, std::int64_t, int),
               const void* context) {
        threads = int(std::min<std::int64_t>(threads, pieces));
        if (threads < 2 || busy_.test_and_set()) {
            for (std::int64_t i = 0; i < pieces; ++i) work(context, i, 0);
            return;
        }
        grow(threads);
        threads_ = threads;
        work_ = work;
        context_ = context;
        for (int t = 0; t < threads; ++t) {
            shares_[t].next = pieces * t / threads;
            shares_[t].end = pieces * (t + 1) / threads;
        }
        inside_ = 0; // open
        ++posted_;
        posted_.notify_all();
        work_as(0);
        inside_ += closed;
        wait(inside_, [](int inside) { return inside == closed; });
        if (watching_ && !seen_[0].spans.empty()) seen_[0].spans.back().over = now();
        busy_.clear();
    }

    void start_watching(std::size_t most) {
        most_spans_ = most;
        for (Seen& seen : seen_) seen = {};
        watching_ = true;
    }
    TeamWatched stop_watching() {
        watching_ = false;
        TeamWatched y;
        for (Seen& seen : seen_) {
            y.spans.insert(y.spans.end(), seen.spans.begin(), seen.spans.end());
            y.dropped += seen.dropped;
            seen = {};
        }
        return y;
    }

private:
    static constexpr int closed = INT_MIN / 2;
    /// What is left of a thread's share; a cache line of its own.
    struct alignas(64) Share {
        std::atomic<std::int64_t> next = 0;
        std::int64_t end = 0;
    };

    /// What one thread did while somebody watched; a cache line of its own.
    struct alignas(64) Seen {
        std::vector<TeamSpan> spans;
        std::uint64_t dropped = 0;
    };

    /// Threads 1, 2, … up to `threads`, and their shares.
    void grow(int threads) {
        if (int(helpers_.size()) + 1 >= threads) return;
        // No helper is inside: they read what is replaced here only when they are.
        shares_ = std::make_unique<Share[]>(std::size_t(threads));
        seen_.resize(std::size_t(threads));
        for (int t = int(helpers_.size()) + 1; t < threads; ++t)
            helpers_.emplace_back([this, t] { help(t); });
    }

    void help(int thread) {
        for (unsigned seen = 0; !over_;) {
            wait(posted_, [seen](unsigned posted) { return posted != seen; });
            seen = posted_;
            int inside = inside_;
            while (inside >= 0 && !inside_.compare_exchange_weak(inside, inside + 1)) {}
            if (inside < 0) continue; // closed
            if (thread < threads_) work_as(thread);
            if (--inside_ == closed) inside_.notify_one();
        }
    }

    void work_as(int thread) {
        if (!watching_.load(std::memory_order_relaxed)) {
            take_part(thread);
            return;
        }
        const std::int64_t begin = now();
        if (!take_part(thread)) return;
        Seen& seen = seen_[std::size_t(thread)];
        if (seen.spans.size() < most_spans_)
            seen.spans.push_back({thread, begin, now()});
        else
            ++seen.dropped;
    }

    /// Its own share first, then those of others. Whether there was something to do.
    bool take_part(int thread) {
        bool worked = false;
        for (int i = 0; i < threads_; ++i) {
            Share& share = shares_[(thread + i) % threads_];
            for (std::int64_t piece; (piece = share.next.fetch_add(1)) < share.end;) {
                work_(context_, piece, thread);
                worked = true;
            }
        }
        return worked;
    }

    std::atomic_flag busy_;            ///< has a job
    std::atomic<unsigned> posted_ = 0; ///< jobs so far
    std::atomic<int> inside_ = closed; ///< helpers at work, plus `closed` if none may join
    std::atomic<bool> over_ = false;
    std::vector<std::thread> helpers_;
    // The open job.
    int threads_ = 0;
    void (*work_)(const void*, std::int64_t, int) = nullptr;
    const void* context_ = nullptr;
    std::unique_ptr<Share[]> shares_;
    // Of who watches; changed while no job is open.
    std::atomic<bool> watching_ = false;
    std::size_t most_spans_ = 0;
    std::vector<Seen> seen_; ///< by thread
};

Team& the_team() {
    static Team team;
    return team;
}

} // namespace

void share_pieces(std::int64_t pieces, int threads,
                  void (*work)(const void* context, std::int64_t piece, int thread),
                  const void* context) {
    the_team().share(pieces, threads, work, context);
}

void start_watching_team(std::size_t most) {
    the_team().start_watching(most);
}

TeamWatched stop_watching_team() {
    return the_team().stop_watching();
}

} // namespace sweetspot
