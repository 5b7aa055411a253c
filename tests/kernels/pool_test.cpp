#include "kernels/core/pool.h"
#include "tests/suite.h"
#include <QtTest>
#include <algorithm>
#include <cstdlib>
#include <random>
#include <vector>

using namespace sweetspot;

namespace {

constexpr std::size_t kibibyte = 1024, mebibyte = 1024 * kibibyte;

/// Addresses without memory behind them: a pool must never look at what it gives out.
class CountedSource : public MemorySource {
public:
    explicit CountedSource(std::size_t capacity) : capacity(capacity) {}
    MemoryKind kind() const override { return MemoryKind::device; }
    void* reserve(std::size_t bytes) override {
        if (reserved + bytes > capacity) {
            ++refusals;
            return nullptr;
        }
        reserved += bytes;
        ++calls;
        // Right behind each other, so that joining blocks of two segments would be noticed.
        next += bytes;
        return next - bytes;
    }
    void release(void*, std::size_t bytes) noexcept override {
        reserved -= bytes;
        ++releases;
    }
    std::size_t free_bytes() const override { return capacity - reserved; }

    std::size_t capacity, reserved = 0;
    int calls = 0, releases = 0, refusals = 0;
    char* next = reinterpret_cast<char*>(std::uintptr_t(1) << 40);
};

struct Pool {
    explicit Pool(std::size_t capacity = 1024 * mebibyte) {
        auto owned = std::make_unique<CountedSource>(capacity);
        source = owned.get();
        allocator = std::make_unique<PoolAllocator>(std::move(owned));
    }
    void* take(std::size_t bytes, Purpose purpose = Purpose::activations) {
        return allocator->allocate(bytes, purpose);
    }
    void give(void* memory, std::size_t bytes, Purpose purpose = Purpose::activations) {
        allocator->release(memory, bytes, purpose);
    }
    PoolUse use() const { return allocator->pool(); }

    CountedSource* source;
    std::unique_ptr<PoolAllocator> allocator;
};

/// What the pool says when it refuses; empty if it does not.
std::string refusal(Pool& pool, std::size_t bytes, Purpose purpose) {
    try {
        pool.take(bytes, purpose);
    } catch (const Error& error) {
        return error.kind == Failure::out_of_memory ? error.what() : "another failure";
    }
    return {};
}

} // namespace

class PoolTest : public QObject {
    Q_OBJECT
private slots:
    void small_requests_share_a_segment() {
        Pool pool;
        char* const a = static_cast<char*>(pool.take(100));
        char* const b = static_cast<char*>(pool.take(513));
        char* const c = static_cast<char*>(pool.take(mebibyte));
        QCOMPARE(pool.source->calls, 1);
        QCOMPARE(b - a, 512);
        QCOMPARE(c - b, 1024);
        QCOMPARE(pool.use().allocated, 512 + 1024 + mebibyte);
        QCOMPARE(pool.use().reserved, 2 * mebibyte);
        QCOMPARE(pool.use().largest_free, mebibyte - 512 - 1024);
    }

    void a_large_request_gets_its_own_segment_rounded_up() {
        Pool pool;
        pool.take(mebibyte + 1);
        QCOMPARE(pool.use().reserved, 2 * mebibyte);
        pool.take(5 * mebibyte);
        QCOMPARE(pool.use().reserved, 8 * mebibyte);
        QCOMPARE(pool.use().largest_free, mebibyte);
        QCOMPARE(pool.source->calls, 2);
    }

    void small_blocks_never_lie_in_segments_of_large_ones() {
        Pool pool;
        void* const large = pool.take(10 * mebibyte);
        pool.give(large, 10 * mebibyte);
        void* const small = pool.take(64);
        QCOMPARE(pool.source->calls, 2);
        pool.allocator->trim();
        QCOMPARE(pool.use().reserved, 2 * mebibyte);
        pool.give(small, 64);
        pool.take(2 * mebibyte); // and a large one in no segment of small ones
        QCOMPARE(pool.use().reserved, 4 * mebibyte);
    }

    void what_was_given_back_is_reused_without_asking_the_source() {
        Pool pool;
        void* const first = pool.take(10 * mebibyte);
        pool.give(first, 10 * mebibyte);
        QCOMPARE(pool.take(9 * mebibyte), first);
        QCOMPARE(pool.source->calls, 1);
        QCOMPARE(pool.use().peak_reserved, 10 * mebibyte);
    }

    void the_best_fit_is_taken_and_split() {
        Pool pool;
        void* const twenty = pool.take(20 * mebibyte);
        void* const six = pool.take(6 * mebibyte);
        void* const eight = pool.take(8 * mebibyte);
        pool.give(twenty, 20 * mebibyte);
        pool.give(six, 6 * mebibyte);
        pool.give(eight, 8 * mebibyte);
        QCOMPARE(pool.take(7 * mebibyte), eight);
        QCOMPARE(pool.take(7 * mebibyte), twenty);
        QCOMPARE(pool.take(13 * mebibyte),
                 static_cast<void*>(static_cast<char*>(twenty) + 7 * mebibyte));
        QCOMPARE(pool.source->calls, 3);
    }

    void free_neighbours_become_one_whatever_the_order() {
        std::vector<int> order{0, 1, 2, 3};
        do {
            Pool pool;
            std::vector<void*> blocks;
            for (int i = 0; i < 4; ++i) blocks.push_back(pool.take(512 * kibibyte));
            QCOMPARE(pool.source->calls, 1);
            for (const int i : order) pool.give(blocks[std::size_t(i)], 512 * kibibyte);
            QCOMPARE(pool.use().largest_free, 2 * mebibyte);
            QCOMPARE(pool.use().fragmentation(), 0.0);
        } while (std::next_permutation(order.begin(), order.end()));
    }

    void neighbouring_segments_stay_apart() {
        Pool pool;
        char* const a = static_cast<char*>(pool.take(2 * mebibyte));
        char* const b = static_cast<char*>(pool.take(2 * mebibyte));
        QCOMPARE(b - a, std::ptrdiff_t(2 * mebibyte));
        pool.give(a, 2 * mebibyte);
        pool.give(b, 2 * mebibyte);
        QCOMPARE(pool.use().largest_free, 2 * mebibyte);
    }

    void a_range_is_of_one_segment_or_not() {
        Pool pool;
        char* const a = static_cast<char*>(pool.take(2 * mebibyte));
        char* const b = static_cast<char*>(pool.take(4 * mebibyte));
        QVERIFY(b == a + 2 * mebibyte);
        const auto one = [&](const char* at, std::size_t bytes) {
            return pool.allocator->contiguous(at, bytes);
        };
        QVERIFY(one(a, 2 * mebibyte) && one(a + mebibyte, mebibyte) && one(b, 4 * mebibyte));
        QVERIFY(!one(a, 2 * mebibyte + 1) && !one(a + mebibyte, 2 * mebibyte));
        QVERIFY(!one(b, 4 * mebibyte + 1) && !one(a - 1, 1));
    }

    void the_ledger_counts_what_a_plan_counts() {
        Pool pool;
        PlanAllocator plan(MemoryKind::device);
        for (const std::size_t bytes : {1u, 64u, 65u, 513u, 3'000'000u}) {
            pool.take(bytes, Purpose::weights);
            plan.allocate(bytes, Purpose::weights);
        }
        QCOMPARE(pool.allocator->use().live_total, std::size_t(64 + 64 + 128 + 576 + 3'000'000));
        QCOMPARE(pool.allocator->use().live_total, plan.use().live_total);
        QCOMPARE(pool.use().allocated, std::size_t(512 + 512 + 512 + 1024 + 3'000'320));
    }

    void nothing_is_asked_for_no_bytes() {
        Pool pool;
        QCOMPARE(pool.take(0), nullptr);
        pool.give(nullptr, 0);
        QCOMPARE(pool.source->calls, 0);
    }

    void free_segments_go_back_before_a_request_fails() {
        Pool pool(20 * mebibyte);
        void* const a = pool.take(8 * mebibyte);
        void* const b = pool.take(8 * mebibyte);
        pool.give(a, 8 * mebibyte);
        QVERIFY(pool.take(12 * mebibyte) != nullptr);
        QCOMPARE(pool.source->releases, 1);
        QCOMPARE(pool.use().reserved, 20 * mebibyte);
        pool.give(b, 8 * mebibyte);
        QCOMPARE(pool.use().largest_free, 8 * mebibyte);
    }

    void what_can_be_had_again_is_given_up_before_a_request_fails() {
        Pool pool(20 * mebibyte);
        Buffer cache(*pool.allocator, 12 * mebibyte, Purpose::workspace);
        int calls = 0;
        pool.allocator->reclaim = [&] {
            ++calls;
            cache.reset();
        };
        QVERIFY(pool.take(6 * mebibyte) != nullptr);
        QCOMPARE(calls, 0);
        QVERIFY(pool.take(13 * mebibyte) != nullptr);
        QCOMPARE(calls, 1);
        QVERIFY(!refusal(pool, 13 * mebibyte, Purpose::weights).empty());
        QCOMPARE(calls, 2);
    }

    void within_an_arena_nothing_goes_back() {
        Pool pool(20 * mebibyte);
        pool.give(pool.take(12 * mebibyte), 12 * mebibyte);
        bool reclaimed = false;
        pool.allocator->reclaim = [&] { reclaimed = true; };
        pool.allocator->begin_arena();
        QVERIFY(!refusal(pool, 15 * mebibyte, Purpose::activations).empty());
        QCOMPARE(pool.source->releases, 0);
        QVERIFY(!reclaimed);
        pool.allocator->end_arena();
        QVERIFY(pool.take(15 * mebibyte) != nullptr);
    }

    void a_refusal_names_request_purpose_live_blocks_and_what_is_left() {
        Pool pool(100 * mebibyte);
        for (int i = 0; i < 2; ++i) pool.take(20 * mebibyte, Purpose::weights);
        void* const a = pool.take(10 * mebibyte);
        pool.take(4 * mebibyte, Purpose::kv_cache);
        pool.take(64, Purpose::workspace);
        pool.give(a, 10 * mebibyte);
        pool.take(6 * mebibyte);
        QCOMPARE(
            refusal(pool, 50 * mebibyte, Purpose::activations),
            "out of memory: 50 MiB asked for activations, the device has 44 MiB free; of 56 MiB "
            "reserved 6 MiB are free (33 % fragmented, at most 4 MiB in one piece); live: weights "
            "40 MiB, activations 6 MiB, kv_cache 4 MiB, workspace 1 MiB; the largest: 2 of 20 MiB "
            "(weights), 6 MiB (activations), 4 MiB (kv_cache), 1 MiB (workspace)");
    }

    void a_refusal_leaves_everything_as_it_was() {
        Pool pool(20 * mebibyte);
        void* const a = pool.take(6 * mebibyte);
        QVERIFY(!refusal(pool, 30 * mebibyte, Purpose::weights).empty());
        QCOMPARE(pool.use().allocated, 6 * mebibyte);
        QCOMPARE(pool.use().reserved, 6 * mebibyte);
        QCOMPARE(pool.allocator->use().live_total, 6 * mebibyte);
        QCOMPARE(pool.allocator->use().peak_total, 6 * mebibyte);
        pool.give(a, 6 * mebibyte);
        QVERIFY(pool.take(20 * mebibyte) != nullptr);
    }

    void a_limit_refuses_before_the_source_is_asked() {
        Pool pool;
        pool.allocator->limit_bytes = 10 * mebibyte;
        pool.take(6 * mebibyte, Purpose::weights);
        QCOMPARE(
            refusal(pool, 5 * mebibyte, Purpose::workspace),
            "out of memory: 5 MiB asked for workspace, the limit is 10 MiB; live: weights 6 MiB; "
            "the largest: 6 MiB (weights)");
        QCOMPARE(pool.source->calls, 1);
        QVERIFY(pool.take(4 * mebibyte) != nullptr);
    }

    void trim_keeps_segments_with_live_blocks() {
        Pool pool;
        void* const a = pool.take(600 * kibibyte);
        void* const b = pool.take(600 * kibibyte);
        void* const c = pool.take(4 * mebibyte);
        pool.give(a, 600 * kibibyte);
        pool.give(c, 4 * mebibyte);
        pool.allocator->trim();
        QCOMPARE(pool.use().reserved, 2 * mebibyte);
        pool.give(b, 600 * kibibyte);
        pool.allocator->trim();
        QCOMPARE(pool.use().reserved, std::size_t(0));
        QCOMPARE(pool.source->reserved, std::size_t(0));
        QCOMPARE(pool.use().peak_reserved, 6 * mebibyte);
    }

    void fragmentation_is_the_share_outside_the_largest_free_block() {
        Pool pool;
        QCOMPARE(pool.use().fragmentation(), 0.0);
        void* const a = pool.take(6 * mebibyte);
        void* const b = pool.take(2 * mebibyte);
        pool.give(a, 6 * mebibyte);
        QCOMPARE(pool.use().fragmentation(), 0.0);
        pool.give(b, 2 * mebibyte);
        QCOMPARE(pool.use().free(), 8 * mebibyte);
        QCOMPARE(pool.use().fragmentation(), 0.25);
    }

    void everything_goes_back_at_the_end() {
        static std::size_t left;
        class LastWords : public CountedSource {
        public:
            LastWords() : CountedSource(100 * mebibyte) {}
            ~LastWords() override { left = reserved; }
        };
        left = 1;
        {
            PoolAllocator pool(std::make_unique<LastWords>());
            pool.allocate(mebibyte, Purpose::weights);
            const Buffer freed(pool, 5 * mebibyte, Purpose::weights);
        }
        QCOMPARE(left, std::size_t(0));
    }

    void an_arena_keeps_its_memory_to_itself_until_it_is_dropped() {
        Pool pool;
        const int arena = pool.allocator->begin_arena();
        QVERIFY(arena != 0);
        void* const recorded = pool.take(4 * mebibyte);
        pool.give(recorded, 4 * mebibyte);
        QCOMPARE(pool.take(4 * mebibyte), recorded); // in the arena itself it is reused
        pool.give(recorded, 4 * mebibyte);
        pool.allocator->end_arena();

        QCOMPARE(pool.use().kept, 4 * mebibyte);
        QCOMPARE(pool.use().free(), std::size_t(0));
        QCOMPARE(pool.use().largest_free, std::size_t(0));
        void* const other = pool.take(4 * mebibyte);
        QVERIFY(other != recorded);
        const int second = pool.allocator->begin_arena();
        QVERIFY(second != arena);
        QVERIFY(pool.take(4 * mebibyte) != recorded);
        pool.allocator->end_arena();

        pool.allocator->drop_arena(arena);
        QCOMPARE(pool.use().kept, std::size_t(0));
        QCOMPARE(pool.take(4 * mebibyte), recorded);
    }

    void an_arena_takes_over_idle_segments_but_no_used_ones() {
        Pool pool;
        void* const idle = pool.take(4 * mebibyte);
        void* const used = pool.take(8 * mebibyte);
        void* const live = pool.take(3 * mebibyte);
        pool.give(used, 8 * mebibyte);
        void* const inside = pool.take(3 * mebibyte); // of the segment of 4 MiB that `live` left
        QCOMPARE(inside, used);
        pool.give(idle, 4 * mebibyte);
        pool.allocator->begin_arena();
        QCOMPARE(pool.take(3 * mebibyte), idle);
        QCOMPARE(pool.use().reserved, 16 * mebibyte);
        QVERIFY(pool.take(4 * mebibyte) != static_cast<char*>(used) + 3 * mebibyte);
        QCOMPARE(pool.use().reserved, 20 * mebibyte);
        pool.allocator->end_arena();
        pool.give(live, 3 * mebibyte);

        Pool other;
        void* const whole = other.take(6 * mebibyte);
        other.give(whole, 6 * mebibyte);
        void* const front = other.take(3 * mebibyte);
        other.take(3 * mebibyte);
        other.give(front, 3 * mebibyte); // the rest of the segment is used
        other.allocator->begin_arena();
        QVERIFY(other.take(3 * mebibyte) != front);
    }

    void what_was_taken_before_an_arena_goes_back_to_everybody() {
        Pool pool;
        void* const before = pool.take(4 * mebibyte);
        pool.allocator->begin_arena();
        pool.give(before, 4 * mebibyte);
        pool.allocator->end_arena();
        QCOMPARE(pool.use().kept, std::size_t(0));
        QCOMPARE(pool.take(4 * mebibyte), before);
    }

    void what_is_live_in_a_dropped_arena_stays_live() {
        Pool pool;
        const int arena = pool.allocator->begin_arena();
        char* const result = static_cast<char*>(pool.take(600 * kibibyte));
        void* const moment = pool.take(600 * kibibyte);
        pool.give(moment, 600 * kibibyte);
        pool.allocator->end_arena();
        pool.allocator->drop_arena(arena);
        QCOMPARE(pool.use().allocated, 600 * kibibyte);
        QCOMPARE(pool.take(600 * kibibyte), moment);
        pool.give(result, 600 * kibibyte);
        pool.give(moment, 600 * kibibyte);
        QCOMPARE(pool.use().largest_free, 2 * mebibyte);
    }

    void trim_and_shortage_leave_arenas_alone() {
        Pool pool(10 * mebibyte);
        const int arena = pool.allocator->begin_arena();
        void* const recorded = pool.take(8 * mebibyte);
        pool.give(recorded, 8 * mebibyte);
        pool.allocator->end_arena();
        pool.allocator->trim();
        QCOMPARE(pool.use().reserved, 8 * mebibyte);
        const auto sentence = QString::fromStdString(refusal(pool, 4 * mebibyte, Purpose::weights));
        QVERIFY2(sentence.contains("and 8 MiB kept for graphs"), qPrintable(sentence));
        pool.allocator->drop_arena(arena);
        QVERIFY(pool.take(4 * mebibyte) != nullptr);
    }

    void thousands_of_random_calls_keep_every_invariant() {
        struct Live {
            char* at;
            std::size_t bytes;
            int arena;
        };
        Pool pool(256 * mebibyte);
        std::mt19937 random(7);
        std::vector<Live> live;
        std::vector<int> kept_arenas;
        std::vector<Live> recorded; // all that an arena ever gave out; nobody else may have it
        int arena = 0, refusals = 0;
        for (int call = 0; call < 20'000; ++call) {
            const unsigned what = random() % 100;
            if (what < 50) {
                // Sizes spread over the orders of magnitude, few exactly alike.
                const std::size_t bytes = 1 + random() % (std::size_t(1) << (6 + random() % 19));
                try {
                    const Live block{static_cast<char*>(pool.take(bytes)), bytes, arena};
                    for (const Live& other : recorded)
                        QVERIFY(other.arena == arena || block.at + bytes <= other.at ||
                                other.at + other.bytes <= block.at);
                    live.push_back(block);
                    if (arena) recorded.push_back(block);
                } catch (const Error&) {
                    ++refusals;
                }
            } else if (what < 97 && !live.empty()) {
                const std::size_t i = random() % live.size();
                pool.give(live[i].at, live[i].bytes);
                live.erase(live.begin() + std::ptrdiff_t(i));
            } else if (what == 97) {
                if (arena) {
                    pool.allocator->end_arena();
                    kept_arenas.push_back(arena);
                    arena = 0;
                } else if (kept_arenas.size() < 3) {
                    arena = pool.allocator->begin_arena();
                }
            } else if (what == 98 && !kept_arenas.empty()) {
                pool.allocator->drop_arena(kept_arenas.back());
                std::erase_if(recorded,
                              [&](const Live& block) { return block.arena == kept_arenas.back(); });
                kept_arenas.pop_back();
            } else if (what == 99) {
                pool.allocator->trim();
            }
            if (call % 10) continue;

            std::sort(live.begin(), live.end(),
                      [](const Live& a, const Live& b) { return a.at < b.at; });
            std::size_t allocated = 0, ledger = 0;
            for (std::size_t i = 0; i < live.size(); ++i) {
                QCOMPARE(std::uintptr_t(live[i].at) % PoolAllocator::block_alignment, 0u);
                if (i) QVERIFY(live[i - 1].at + live[i - 1].bytes <= live[i].at);
                allocated += (live[i].bytes + 511) / 512 * 512;
                ledger += rounded(live[i].bytes);
            }
            const PoolUse use = pool.use();
            QCOMPARE(use.allocated, allocated);
            QCOMPARE(pool.allocator->use().live_total, ledger);
            QCOMPARE(use.reserved, pool.source->reserved);
            QVERIFY(use.allocated + use.kept + use.largest_free <= use.reserved);
            if (!arena && kept_arenas.empty()) QCOMPARE(use.kept, std::size_t(0));
            QVERIFY(use.peak_reserved >= use.reserved);
            QVERIFY(use.fragmentation() >= 0 && use.fragmentation() < 1);
        }
        QVERIFY(refusals > 10);
        for (const Live& block : live) pool.give(block.at, block.bytes);
        pool.allocator->end_arena();
        if (arena) pool.allocator->drop_arena(arena);
        for (const int kept : kept_arenas) pool.allocator->drop_arena(kept);
        QCOMPARE(pool.use().free(), pool.use().reserved);
        pool.allocator->trim();
        QCOMPARE(pool.source->reserved, std::size_t(0));
    }
};

SWEETSPOT_TEST(PoolTest)
#include "pool_test.moc"
