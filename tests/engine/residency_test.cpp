#include "engine/weights/streamed.h"
#include "kernels/core/pool.h"
#include "tests/engine/residency_support.h"
#include "tests/suite.h"
#include <QtTest>
#include <algorithm>
#include <set>

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

/// A driver whose allocations lie right behind each other.
class NeighbouringSource : public MemorySource {
public:
    explicit NeighbouringSource(MemoryKind kind)
        : kind_(kind), memory_(2 * PoolAllocator::segment_step) {}
    MemoryKind kind() const override { return kind_; }
    void* reserve(std::size_t bytes) override {
        if (bytes > free_bytes()) return nullptr;
        used_ += bytes;
        return memory_.data() + used_ - bytes;
    }
    void release(void*, std::size_t) noexcept override {}
    std::size_t free_bytes() const override { return memory_.size() - used_; }

private:
    MemoryKind kind_;
    std::vector<char> memory_;
    std::size_t used_ = 0;
};

/// Whether every block had the right numbers from the first to the last moment of its use, in some
/// steps on a device that does its work in a random order.
bool reads_right(unsigned seed, int blocks, int slot_count, int depth, int streams,
                 bool compute_waits = true, bool others_wait = true, std::vector<int> order = {}) {
    if (order.empty()) order = forward_order(blocks);
    Bench bench(blocks, streams);
    bench.transfers.compute_waits = compute_waits;
    bench.transfers.others_wait = others_wait;
    std::mt19937 random(seed);
    bool right = true;
    {
        StreamedWeights access(bench.weights,
                               others_bytes + std::size_t(slot_count) * bytes_of_block, depth,
                               bench.context, order);
        for (std::size_t use = 0; use < 3 * order.size(); ++use) {
            const int layer = order[use % order.size()];
            const BlockWeights& block = access.block(layer);
            const auto look = [&right, &block, layer] {
                int part = 0;
                each_tensor(block, [&](const Tensor& tensor) {
                    for (int n = 0; n < tensor.shape().count(); ++n)
                        right &= tensor.as<float>()[n] == Bench::value_of(layer, part);
                    ++part;
                });
            };
            for (int moment = 0; moment < 3; ++moment)
                bench.transfers.add(Transfers::compute, look);
            access.done(layer);
            // Now and then the device catches up; now and then the host runs ahead.
            bench.transfers.play(random, int(random() % 40));
        }
        bench.transfers.play_all(random);
    }
    bench.transfers.play_all(random);
    return right && bench.transfers.finished();
}

} // namespace

/// Streamed weights, and which weights are given for a run.
class ResidencyTest : public QObject {
    Q_OBJECT
private slots:
    void with_room_for_all_blocks_all_stay();
    void blocks_pass_through_the_slots_of_a_ring();
    void with_one_slot_every_block_waits_for_the_one_before();
    void a_ring_gives_every_block_its_slot_in_every_step();
    void blocks_that_pass_are_spread_evenly();
    void a_ring_refuses_another_order();
    void a_ring_follows_training_there_and_back();
    void a_budget_below_one_block_is_refused_with_both_numbers();
    void streamed_weights_fill_their_budget_and_no_more();
    void a_plan_counts_what_streaming_allocates_and_copies();
    void a_step_copies_only_the_blocks_that_pass();
    void copies_and_computing_wait_for_each_other();
    void copies_go_round_the_streams();
    void tensors_with_gaps_are_copied_one_by_one();
    void no_copy_goes_from_one_segment_into_the_next();
    void blocks_of_other_shapes_are_refused();
    void no_block_is_read_too_early_or_written_too_early();
    void a_missing_wait_is_noticed();
    void the_last_copies_are_waited_for();
    void weights_on_the_device_are_given_as_they_are();
    void places_follow_the_run();
};

void ResidencyTest::with_room_for_all_blocks_all_stay() {
    for (const int slot_count : {3, 5}) {
        BlockRing ring(forward_order(3), slot_count, 1);
        QCOMPARE(ring.staying(), 3);
        QVERIFY(ring.first() == (std::vector<BlockRing::Copy>{{0, 0}, {1, 1}, {2, 2}}));
        for (const int block : {0, 1, 2, 0, 1, 2}) {
            QCOMPARE(ring.slot(block), block);
            QVERIFY(!ring.done(block));
        }
    }
}

void ResidencyTest::blocks_pass_through_the_slots_of_a_ring() {
    // 8 blocks in 5 slots, one copy ahead: 3 stay (1, 4, 6), the others share slots 3 and 4.
    BlockRing ring(forward_order(8), 5, 1);
    QCOMPARE(ring.staying(), 3);
    QVERIFY(ring.first() == (std::vector<BlockRing::Copy>{{0, 3}, {1, 0}, {2, 4}, {4, 1}, {6, 2}}));
    struct Use {
        int block, slot, next; ///< next: what its slot gets; -1 = nothing
    };
    const Use uses[] = {{0, 3, 3},  {1, 0, -1}, {2, 4, 5}, {3, 3, 7},  {4, 1, -1}, {5, 4, 0},
                        {6, 2, -1}, {7, 3, 2},  {0, 4, 3}, {1, 0, -1}, {2, 3, 5},  {3, 4, 7}};
    for (const Use& use : uses) {
        QCOMPARE(ring.slot(use.block), use.slot);
        const auto next = ring.done(use.block);
        QCOMPARE(next ? next->block : -1, use.next);
        if (next) QCOMPARE(next->slot, use.slot);
    }
}

void ResidencyTest::with_one_slot_every_block_waits_for_the_one_before() {
    BlockRing ring(forward_order(3), 1, 4);
    QCOMPARE(ring.staying(), 0);
    QVERIFY(ring.first() == (std::vector<BlockRing::Copy>{{0, 0}}));
    for (const int block : {0, 1, 2, 0}) {
        QCOMPARE(ring.slot(block), 0);
        QCOMPARE(ring.done(block)->block, (block + 1) % 3);
    }
}

void ResidencyTest::a_ring_gives_every_block_its_slot_in_every_step() {
    for (int blocks = 1; blocks <= 13; ++blocks)
        for (int slot_count = 1; slot_count <= blocks + 1; ++slot_count)
            for (int depth = 0; depth <= 5; ++depth) {
                BlockRing ring(forward_order(blocks), slot_count, depth);
                std::map<int, int> holds; // slot -> block
                for (const auto& copy : ring.first()) {
                    QVERIFY(copy.slot < slot_count && !holds.contains(copy.slot));
                    holds[copy.slot] = copy.block;
                }
                QCOMPARE(int(holds.size()), std::min(slot_count, blocks));
                for (int step = 0; step < 4; ++step) {
                    int copies = 0;
                    for (int block = 0; block < blocks; ++block) {
                        const int slot = ring.slot(block);
                        QCOMPARE(holds.at(slot), block);
                        if (const auto next = ring.done(block)) {
                            QCOMPARE(next->slot, slot);
                            QVERIFY(!ring.stays(next->block));
                            holds[slot] = next->block;
                            ++copies;
                        }
                    }
                    QCOMPARE(copies, blocks - ring.staying());
                }
                const int expected =
                    slot_count >= blocks ? blocks : std::max(0, slot_count - 1 - depth);
                QCOMPARE(ring.staying(), expected);
            }
}

void ResidencyTest::blocks_that_pass_are_spread_evenly() {
    for (const auto& [blocks, slot_count] : {std::pair{32, 16}, {33, 12}, {12, 11}, {48, 40}}) {
        BlockRing ring(forward_order(blocks), slot_count, 1);
        std::vector<int> passing;
        for (int i = 0; i < 2 * blocks; ++i) // the last is followed by the first
            if (!ring.stays(i % blocks)) passing.push_back(i);
        std::set<int> distances;
        for (std::size_t i = 1; i < passing.size(); ++i)
            distances.insert(passing[i] - passing[i - 1]);
        QVERIFY(*distances.rbegin() - *distances.begin() <= 1);
    }
}

void ResidencyTest::a_ring_refuses_another_order() {
    BlockRing ring(forward_order(4), 2, 1);
    QVERIFY_THROWS_EXCEPTION(Error, ring.slot(1));
    ring.done(0);
    QVERIFY_THROWS_EXCEPTION(Error, ring.done(0));
}

/// Each block on the way forward, then each again on the way back.
static std::vector<int> there_and_back(int blocks) {
    std::vector<int> order = forward_order(blocks);
    order.insert(order.end(), order.rbegin(), order.rend());
    return order;
}

void ResidencyTest::a_ring_follows_training_there_and_back() {
    for (int blocks = 1; blocks <= 9; ++blocks)
        for (int slot_count = 1; slot_count <= blocks + 1; ++slot_count)
            for (int depth = 0; depth <= 3; ++depth) {
                const std::vector<int> order = there_and_back(blocks);
                BlockRing ring(order, slot_count, depth);
                std::map<int, int> holds; // slot -> block
                for (const auto& copy : ring.first()) holds[copy.slot] = copy.block;
                int copies = 0;
                for (int step = 0; step < 3; ++step)
                    for (const int block : order) {
                        const int slot = ring.slot(block);
                        QCOMPARE(holds.at(slot), block);
                        if (const auto next = ring.done(block)) {
                            holds[next->slot] = next->block;
                            ++copies;
                        }
                    }
                QCOMPARE(copies, 3 * 2 * (blocks - ring.staying()));
            }
}

void ResidencyTest::a_budget_below_one_block_is_refused_with_both_numbers() {
    Bench bench(3);
    try {
        StreamedWeights access(bench.weights, others_bytes + bytes_of_block - 1, 1, bench.context);
        QFAIL("it is too small");
    } catch (const Error& error) {
        QCOMPARE(error.kind, Failure::bad_input);
        QCOMPARE(error.what(),
                 "streamed weights need at least 2432 bytes on the GPU, 896 for "
                 "tables and head and 1536 for one block; weight_budget_bytes is 2431");
    }
    StreamedWeights enough(bench.weights, others_bytes + bytes_of_block, 1, bench.context);
    QCOMPARE(enough.staying_blocks(), 0);
}

void ResidencyTest::streamed_weights_fill_their_budget_and_no_more() {
    for (const int slot_count : {1, 2, 3, 5, 6, 9}) {
        Bench bench(6);
        QCOMPARE(bench.device.use().live_total, others_bytes);
        const std::size_t budget = others_bytes + std::size_t(slot_count) * bytes_of_block;
        {
            StreamedWeights access(bench.weights, budget + bytes_of_block - 1, 1, bench.context);
            const std::size_t all = others_bytes + 6 * bytes_of_block;
            QCOMPARE(bench.device.use().live_total, std::min(budget, all));
        }
        QCOMPARE(bench.device.use().live_total, others_bytes);
    }
}

void ResidencyTest::a_plan_counts_what_streaming_allocates_and_copies() {
    Bench bench(6);
    PlanAllocator device(MemoryKind::device), host(MemoryKind::pinned);
    Context context(PlanStream{.gpu = true}, device, host, host);
    const Weights weights = make_weights(6, host, device);
    const std::size_t budget = others_bytes + 3 * bytes_of_block;
    StreamedWeights planned(weights, budget, 1, context);
    StreamedWeights real(bench.weights, budget, 1, bench.context);
    QCOMPARE(device.use().live_total, bench.device.use().live_total);
    for (int i = 0; i < 12; ++i)
        for (StreamedWeights* access : {&planned, &real}) {
            access->block(i % 6);
            access->done(i % 6);
        }
    QCOMPARE(planned.moved_bytes(), real.moved_bytes());
    QCOMPARE(planned.staying_blocks(), 1);
}

void ResidencyTest::a_step_copies_only_the_blocks_that_pass() {
    Bench bench(8);
    StreamedWeights access(bench.weights, others_bytes + 5 * bytes_of_block, 1, bench.context);
    QCOMPARE(access.staying_blocks(), 3);
    QCOMPARE(access.moved_bytes(), 5 * bytes_of_block);
    for (int step = 1; step <= 3; ++step) {
        bench.step(access);
        QCOMPARE(access.moved_bytes(), std::size_t(5 + 5 * step) * bytes_of_block);
    }
}

void ResidencyTest::copies_and_computing_wait_for_each_other() {
    // Two slots for three blocks; events 0 and 2 say that a slot's copy arrived, 1 and 3 that it is
    // free.
    Bench bench(3);
    StreamedWeights access(bench.weights, others_bytes + 2 * bytes_of_block, 1, bench.context);
    QCOMPARE(bench.take_log(),
             Log({"record 1 on compute", "record 3 on compute", //
                  "stream 0 waits for 1", "copy block 0 on stream 0", "record 0 on stream 0",
                  "stream 0 waits for 3", "copy block 1 on stream 0", "record 2 on stream 0"}));
    access.block(0);
    QCOMPARE(bench.take_log(), Log({"compute waits for 0"}));
    access.done(0);
    QCOMPARE(bench.take_log(), Log({"record 1 on compute", "stream 0 waits for 1",
                                    "copy block 2 on stream 0", "record 0 on stream 0"}));
    access.block(1);
    access.done(1);
    QCOMPARE(bench.take_log(),
             Log({"compute waits for 2", "record 3 on compute", "stream 0 waits for 3",
                  "copy block 0 on stream 0", "record 2 on stream 0"}));
    QVERIFY(&access.block(2) != &bench.weights.blocks[2]);
}

void ResidencyTest::copies_go_round_the_streams() {
    Bench bench(4, 2), none(4, 0);
    const std::size_t budget = others_bytes + 2 * bytes_of_block;
    StreamedWeights access(bench.weights, budget, 1, bench.context);
    StreamedWeights in_line(none.weights, budget, 1, none.context);
    bench.step(access);
    none.step(in_line);
    const auto copies = [](const Log& log) {
        Log found;
        for (const auto& line : log)
            if (line.starts_with("copy")) found.push_back(line.substr(5));
        return found;
    };
    QCOMPARE(copies(bench.take_log()),
             Log({"block 0 on stream 0", "block 1 on stream 1", "block 2 on stream 0",
                  "block 3 on stream 1", "block 0 on stream 0", "block 1 on stream 1"}));
    QCOMPARE(copies(none.take_log()),
             Log({"block 0 on compute", "block 1 on compute", "block 2 on compute",
                  "block 3 on compute", "block 0 on compute", "block 1 on compute"}));
}

void ResidencyTest::tensors_with_gaps_are_copied_one_by_one() {
    HostAllocator apart; // the heap's own words lie between its blocks
    PackedAllocator packed(MemoryKind::device);
    for (const bool gaps_on_device : {false, true}) {
        Allocator& device = gaps_on_device ? static_cast<Allocator&>(apart) : packed;
        Allocator& host = gaps_on_device ? static_cast<Allocator&>(packed) : apart;
        PlayedTransfers transfers(1);
        Context context(CpuStream{}, device, host, host);
        context.transfers = &transfers;
        const Weights weights = make_weights(2, host, device);
        StreamedWeights access(weights, others_bytes + bytes_of_block, 1, context);
        const auto copies =
            std::count_if(transfers.log.begin(), transfers.log.end(),
                          [](const auto& line) { return line.starts_with("copy"); });
        QCOMPARE(copies, 12);
    }
}

void ResidencyTest::no_copy_goes_from_one_segment_into_the_next() {
    // Four tensors without gaps; of the first segment only so many bytes are left for them.
    constexpr std::size_t step = PoolAllocator::segment_step, tensor_bytes = 512;
    struct Case {
        std::size_t left_on_host, left_on_device;
        int copies;
    };
    for (const Case& c :
         {Case{step / 2, step / 2, 1}, Case{2 * tensor_bytes, step / 2, 2},
          Case{step / 2, 3 * tensor_bytes, 2}, Case{2 * tensor_bytes, tensor_bytes, 3}}) {
        PoolAllocator host(std::make_unique<NeighbouringSource>(MemoryKind::pinned));
        PoolAllocator device(std::make_unique<NeighbouringSource>(MemoryKind::device));
        std::vector<Buffer> used;
        const auto leave = [&](PoolAllocator& pool, std::size_t bytes) {
            used.emplace_back(pool, step / 2, Purpose::activations);
            if (bytes < step / 2) used.emplace_back(pool, step / 2 - bytes, Purpose::activations);
        };
        leave(host, c.left_on_host);
        leave(device, c.left_on_device);
        const auto norm = [&] {
            const Shape shape{std::int64_t(tensor_bytes / sizeof(float))};
            return NormWeights{Tensor(host, shape, DType::f32, Purpose::weights),
                               Tensor(host, shape, DType::f32, Purpose::weights)};
        };
        Weights weights;
        weights.blocks.resize(1);
        weights.blocks[0].attention_norm = norm();
        weights.blocks[0].mlp_norm = norm();
        PlayedTransfers transfers(1);
        Context context(CpuStream{}, device, host, host);
        context.transfers = &transfers;
        StreamedWeights access(weights, 4 * tensor_bytes, 1, context);
        const auto copies =
            std::count_if(transfers.log.begin(), transfers.log.end(),
                          [](const auto& line) { return line.starts_with("copy"); });
        QCOMPARE(copies, c.copies);
    }
}

void ResidencyTest::blocks_of_other_shapes_are_refused() {
    Bench bench(3);
    bench.weights.blocks[2].up.bias = Tensor(bench.host, {17}, DType::f32, Purpose::weights);
    QVERIFY_THROWS_EXCEPTION(Error, StreamedWeights(bench.weights, 1u << 20, 1, bench.context));
    bench.weights.blocks[2].up.bias = Tensor();
    QVERIFY_THROWS_EXCEPTION(Error, StreamedWeights(bench.weights, 1u << 20, 1, bench.context));
}

void ResidencyTest::no_block_is_read_too_early_or_written_too_early() {
    unsigned seed = 0;
    for (const int blocks : {1, 2, 5, 8})
        for (int slot_count = 1; slot_count <= blocks; ++slot_count)
            for (int depth = 0; depth <= 3; ++depth)
                for (int streams = 0; streams <= 3; ++streams)
                    QVERIFY2(reads_right(++seed, blocks, slot_count, depth, streams) &&
                                 reads_right(seed, blocks, slot_count, depth, streams, true, true,
                                             there_and_back(blocks)),
                             qPrintable(QString("%1 blocks, %2 slots, depth %3, %4 streams")
                                            .arg(blocks)
                                            .arg(slot_count)
                                            .arg(depth)
                                            .arg(streams)));
}

void ResidencyTest::a_missing_wait_is_noticed() {
    int early_reads = 0, early_writes = 0;
    for (unsigned seed = 0; seed < 20; ++seed) {
        early_reads += !reads_right(seed, 6, 3, 1, 2, false, true);
        early_writes += !reads_right(seed, 6, 3, 1, 2, true, false);
    }
    QVERIFY(early_reads > 10);
    QVERIFY(early_writes > 10);
}

void ResidencyTest::the_last_copies_are_waited_for() {
    Bench bench(3);
    {
        StreamedWeights access(bench.weights, others_bytes + 2 * bytes_of_block, 1, bench.context);
        bench.take_log();
    }
    QCOMPARE(bench.take_log(), Log({"compute waits for 0", "compute waits for 2"}));
}

void ResidencyTest::weights_on_the_device_are_given_as_they_are() {
    Bench bench(2);
    const auto access = weight_access({}, bench.weights, bench.context);
    QCOMPARE(&access->block(1), &bench.weights.blocks[1]);
    bench.step(*access);
    QCOMPARE(bench.transfers.log, Log());
    QCOMPARE(access->staying_blocks(), 2);
    QCOMPARE(access->moved_bytes(), std::size_t(0));
}

void ResidencyTest::places_follow_the_run() {
    Bench bench(1);
    RunConfig run; // what else may lie on the host is no weights
    QCOMPARE(&weight_places(run, bench.context).blocks, &bench.device);
    QCOMPARE(&weight_places(run, bench.context).others, &bench.device);
    run.weight_memory = WeightMemory::streamed;
    run.weight_budget_bytes = others_bytes + bytes_of_block;
    QCOMPARE(&weight_places(run, bench.context).blocks, &bench.host);
    QCOMPARE(&weight_places(run, bench.context).others, &bench.device);
    QCOMPARE(weight_access(run, bench.weights, bench.context)->staying_blocks(), 1);
    run.weight_budget_bytes = 1e300; // more than a machine can have
    QCOMPARE(weight_access(run, bench.weights, bench.context)->staying_blocks(), 1);
    run.weight_memory = WeightMemory::managed;
    QCOMPARE(weight_access(run, bench.weights, bench.context)->staying_blocks(), 0);
}

SWEETSPOT_TEST(ResidencyTest)
#include "residency_test.moc"
