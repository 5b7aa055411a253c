#include "engine/weights/managed.h"
#include "engine/weights/residency.h"
#include "engine/weights/streamed.h"
#include "tests/engine/played_transfers.h"
#include <QtTest>
#include <set>

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

using Log = std::vector<std::string>;

/// Memory without gaps, as a pool gives out small blocks.
class PackedAllocator : public Allocator {
public:
    explicit PackedAllocator(MemoryKind kind) : Allocator(kind), memory_(1u << 20) {}

private:
    void* take(std::size_t bytes) override {
        used_ += bytes;
        return used_ <= memory_.size() ? memory_.data() + used_ - bytes : nullptr;
    }
    void give(void*, std::size_t) noexcept override {}

    std::vector<char> memory_;
    std::size_t used_ = 0;
};

constexpr std::size_t vector_bytes = 64, matrix_bytes = 256;
constexpr std::size_t block_bytes = 8 * vector_bytes + 4 * matrix_bytes;
constexpr std::size_t others_bytes = 3 * matrix_bytes + 2 * vector_bytes;

/// A model as GPT-2's, tiny: every block has two norms and four linears with biases.
Weights make_weights(int blocks, Allocator& of_blocks, Allocator& of_others) {
    const auto vector = [](Allocator& a) { return Tensor(a, {16}, DType::f32, Purpose::weights); };
    const auto matrix = [](Allocator& a) {
        return Tensor(a, {4, 16}, DType::f32, Purpose::weights);
    };
    const auto norm = [&](Allocator& a) { return NormWeights{vector(a), vector(a)}; };
    const auto linear = [&](Allocator& a) { return LinearWeights{matrix(a), vector(a), 16}; };
    Weights y;
    y.tokens = matrix(of_others);
    y.positions = matrix(of_others);
    y.final_norm = norm(of_others);
    y.head.weight = matrix(of_others);
    for (int i = 0; i < blocks; ++i) {
        BlockWeights block;
        block.attention_norm = norm(of_blocks);
        block.query_key_value = linear(of_blocks);
        block.attention_output = linear(of_blocks);
        block.mlp_norm = norm(of_blocks);
        block.up = linear(of_blocks);
        block.down = linear(of_blocks);
        y.blocks.push_back(std::move(block));
    }
    return y;
}

/// A device with its weights on the host, or managed.
struct Bench {
    explicit Bench(int blocks, int streams = 1, MemoryKind kind = MemoryKind::pinned)
        : host(kind),
          weights(make_weights(blocks, host, kind == MemoryKind::pinned ? device : host)),
          transfers(streams) {
        context.transfers = &transfers;
        for (std::size_t i = 0; i < weights.blocks.size(); ++i) {
            int part = 0;
            each_tensor(weights.blocks[i], [&](const Tensor& tensor) {
                const float value = value_of(int(i), part++);
                for (int n = 0; n < tensor.shape().count(); ++n) tensor.as<float>()[n] = value;
            });
            name(weights.blocks[i], std::to_string(i));
        }
        transfers.names[weights.tokens.in().data] = "tokens";
        transfers.names[weights.positions.in().data] = "positions";
        transfers.names[weights.final_norm.gain.in().data] = "final gain";
        transfers.names[weights.head.weight.in().data] = "head";
    }
    void name(const BlockWeights& block, const std::string& suffix) {
        transfers.names[block.attention_norm.gain.in().data] = "block " + suffix;
        transfers.names[block.query_key_value.weight.in().data] = "qkv " + suffix;
        transfers.names[block.attention_output.weight.in().data] = "output " + suffix;
        transfers.names[block.mlp_norm.gain.in().data] = "mlp norm " + suffix;
        transfers.names[block.up.weight.in().data] = "up " + suffix;
        transfers.names[block.down.weight.in().data] = "down " + suffix;
    }
    static float value_of(int block, int part) { return float(100 * block + part); }
    /// As a model uses its weights in one step; a shorter log has only what is named.
    void step(WeightAccess& access) {
        access.use(weights.tokens);
        access.use(weights.positions);
        for (int i = 0; i < int(weights.blocks.size()); ++i) {
            const BlockWeights& block = access.block(i);
            access.use(block.attention_norm.gain);
            access.use(block.query_key_value.weight);
            access.use(block.attention_output.weight);
            access.use(block.mlp_norm.gain);
            access.use(block.up.weight);
            access.use(block.down.weight);
            access.done(i);
        }
        access.use(weights.final_norm.gain);
        access.use(weights.head.weight);
    }
    Log take_log() {
        Log named;
        for (const auto& line : std::exchange(transfers.log, {}))
            if (line.find('?') == std::string::npos) named.push_back(line);
        return named;
    }

    PackedAllocator device{MemoryKind::device}, host;
    Weights weights;
    PlayedTransfers transfers;
    Context context{CpuStream{}, device, host, host};
};

/// Whether every block had the right numbers from the first to the last moment of its use, in some
/// steps on a device that does its work in a random order.
bool reads_right(unsigned seed, int blocks, int slot_count, int depth, int streams,
                 bool compute_waits = true, bool others_wait = true) {
    Bench bench(blocks, streams);
    bench.transfers.compute_waits = compute_waits;
    bench.transfers.others_wait = others_wait;
    std::mt19937 random(seed);
    bool right = true;
    {
        StreamedWeights access(bench.weights, others_bytes + std::size_t(slot_count) * block_bytes,
                               depth, bench.context);
        for (int use = 0; use < 3 * blocks; ++use) {
            const int layer = use % blocks;
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

Log prefetches(const Log& log) {
    Log found;
    for (const auto& line : log)
        if (line.starts_with("prefetch")) found.push_back(line.substr(9));
    return found;
}

} // namespace

class ResidencyTest : public QObject {
    Q_OBJECT
private slots:
    void with_room_for_all_blocks_all_stay();
    void blocks_pass_through_the_slots_of_a_ring();
    void with_one_slot_every_block_waits_for_the_one_before();
    void a_ring_gives_every_block_its_slot_in_every_step();
    void blocks_that_pass_are_spread_evenly();
    void a_ring_refuses_another_order();

    void a_budget_below_one_block_is_refused_with_both_numbers();
    void streamed_weights_fill_their_budget_and_no_more();
    void a_plan_counts_what_streaming_allocates_and_copies();
    void a_step_copies_only_the_blocks_that_pass();
    void copies_and_computing_wait_for_each_other();
    void copies_go_round_the_streams();
    void tensors_with_gaps_are_copied_one_by_one();
    void blocks_of_other_shapes_are_refused();
    void no_block_is_read_too_early_or_written_too_early();
    void a_missing_wait_is_noticed();
    void the_last_copies_are_waited_for();

    void the_records_up_to_depth_ahead_are_fetched_once();
    void a_record_used_again_in_a_step_is_not_fetched();
    void a_step_may_leave_records_out();
    void depth_ends_before_the_record_itself();
    void managed_weights_are_recorded_in_the_order_of_use();
    void on_use_prefetches_without_events();
    void without_streams_on_use_prefetches_where_it_computes();
    void lookahead_orders_prefetches_and_computing();
    void lookahead_never_runs_more_than_depth_records_ahead();
    void advice_is_given_once_for_each_tensor();
    void managed_weights_without_prefetch_move_nothing();
    void a_masked_head_is_one_record();

    void weights_on_the_device_are_given_as_they_are();
    void places_follow_the_run();
};

void ResidencyTest::with_room_for_all_blocks_all_stay() {
    for (const int slot_count : {3, 5}) {
        BlockRing ring(3, slot_count, 1);
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
    BlockRing ring(8, 5, 1);
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
    BlockRing ring(3, 1, 4);
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
                BlockRing ring(blocks, slot_count, depth);
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
        BlockRing ring(blocks, slot_count, 1);
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
    BlockRing ring(4, 2, 1);
    QVERIFY_THROWS_EXCEPTION(Error, ring.slot(1));
    ring.done(0);
    QVERIFY_THROWS_EXCEPTION(Error, ring.done(0));
}

void ResidencyTest::a_budget_below_one_block_is_refused_with_both_numbers() {
    Bench bench(3);
    try {
        StreamedWeights access(bench.weights, others_bytes + block_bytes - 1, 1, bench.context);
        QFAIL("it is too small");
    } catch (const Error& error) {
        QCOMPARE(error.kind, Failure::bad_input);
        QCOMPARE(error.what(),
                 "streamed weights need at least 2432 bytes on the GPU, 896 for "
                 "tables and head and 1536 for one block; weight_budget_bytes is 2431");
    }
    StreamedWeights enough(bench.weights, others_bytes + block_bytes, 1, bench.context);
    QCOMPARE(enough.staying_blocks(), 0);
}

void ResidencyTest::streamed_weights_fill_their_budget_and_no_more() {
    for (const int slot_count : {1, 2, 3, 5, 6, 9}) {
        Bench bench(6);
        QCOMPARE(bench.device.use().live_total, others_bytes);
        const std::size_t budget = others_bytes + std::size_t(slot_count) * block_bytes;
        {
            StreamedWeights access(bench.weights, budget + block_bytes - 1, 1, bench.context);
            const std::size_t all = others_bytes + 6 * block_bytes;
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
    const std::size_t budget = others_bytes + 3 * block_bytes;
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
    StreamedWeights access(bench.weights, others_bytes + 5 * block_bytes, 1, bench.context);
    QCOMPARE(access.staying_blocks(), 3);
    QCOMPARE(access.moved_bytes(), 5 * block_bytes);
    for (int step = 1; step <= 3; ++step) {
        bench.step(access);
        QCOMPARE(access.moved_bytes(), std::size_t(5 + 5 * step) * block_bytes);
    }
}

void ResidencyTest::copies_and_computing_wait_for_each_other() {
    // Two slots for three blocks; events 0 and 2 say that a slot's copy arrived, 1 and 3 that it is
    // free.
    Bench bench(3);
    StreamedWeights access(bench.weights, others_bytes + 2 * block_bytes, 1, bench.context);
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
    const std::size_t budget = others_bytes + 2 * block_bytes;
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
        StreamedWeights access(weights, others_bytes + block_bytes, 1, context);
        const auto copies =
            std::count_if(transfers.log.begin(), transfers.log.end(),
                          [](const auto& line) { return line.starts_with("copy"); });
        QCOMPARE(copies, 12);
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
                    QVERIFY2(reads_right(++seed, blocks, slot_count, depth, streams),
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
        StreamedWeights access(bench.weights, others_bytes + 2 * block_bytes, 1, bench.context);
        bench.take_log();
    }
    QCOMPARE(bench.take_log(), Log({"compute waits for 0", "compute waits for 2"}));
}

void ResidencyTest::the_records_up_to_depth_ahead_are_fetched_once() {
    FetchOrder order(5, 2);
    const std::vector<std::vector<int>> expected{{0, 1, 2}, {3}, {4}, {0}, {1},
                                                 {2},       {3}, {4}, {0}, {1}};
    for (std::size_t i = 0; i < expected.size(); ++i)
        QCOMPARE(order.use(int(i % 5)).fetch, expected[i]);
}

void ResidencyTest::a_record_used_again_in_a_step_is_not_fetched() {
    FetchOrder order(4, 1);
    QCOMPARE(order.use(0).fetch, std::vector({0, 1}));
    QVERIFY(order.use(0).repeated);
    QCOMPARE(order.use(1).fetch, std::vector({2}));
    QCOMPARE(order.use(2).fetch, std::vector({3}));
    QVERIFY(order.use(1).repeated); // as a head that is computed piece by piece
    QVERIFY(order.use(2).repeated);
    QCOMPARE(order.use(3).fetch, std::vector({0}));
    QVERIFY(!order.use(0).repeated); // the next step
}

void ResidencyTest::a_step_may_leave_records_out() {
    FetchOrder order(6, 1);
    QCOMPARE(order.use(0).fetch, std::vector({0, 1}));
    QCOMPARE(order.use(3).fetch, std::vector({3, 4}));
    QCOMPARE(order.use(4).fetch, std::vector({5}));
    QCOMPARE(order.use(0).fetch, std::vector({0, 1}));
    QCOMPARE(order.use(1).fetch, std::vector({2}));
}

void ResidencyTest::depth_ends_before_the_record_itself() {
    FetchOrder order(3, 10);
    QCOMPARE(order.use(0).fetch, std::vector({0, 1, 2}));
    QCOMPARE(order.use(1).fetch, std::vector({0}));
    QCOMPARE(order.use(2).fetch, std::vector({1}));
}

void ResidencyTest::managed_weights_are_recorded_in_the_order_of_use() {
    Bench bench(2, 20, MemoryKind::managed);
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::none, bench.context);
    bench.step(access);
    QCOMPARE(
        prefetches(bench.take_log()), // 5 · 2 + 4 records, each on the stream of its number
        Log({"tokens on stream 0", "positions on stream 1", "block 0 on stream 2",
             "qkv 0 on stream 3", "output 0 on stream 4", "mlp norm 0 on stream 5",
             "up 0 on stream 6", "down 0 on stream 6", "block 1 on stream 7", "qkv 1 on stream 8",
             "output 1 on stream 9", "mlp norm 1 on stream 10", "up 1 on stream 11",
             "down 1 on stream 11", "final gain on stream 12", "head on stream 13"}));
    QCOMPARE(access.moved_bytes(), 2 * block_bytes + others_bytes);
}

void ResidencyTest::on_use_prefetches_without_events() {
    Bench bench(1, 3, MemoryKind::managed);
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::none, bench.context);
    const BlockWeights& block = access.block(0);
    access.use(bench.weights.tokens);
    QCOMPARE(bench.take_log(), Log({"prefetch tokens on stream 0"}));
    access.use(bench.weights.tokens);
    QCOMPARE(bench.take_log(), Log());
    access.use(bench.weights.positions);
    access.use(block.attention_norm.gain);
    access.use(block.query_key_value.weight);
    access.use(block.attention_output.weight);
    bench.take_log();
    access.use(block.mlp_norm.gain); // the MLP is asked for at the same call
    QCOMPARE(bench.take_log(), Log({"prefetch mlp norm 0 on stream 2", "prefetch up 0 on stream 0",
                                    "prefetch down 0 on stream 0"}));
    access.use(block.up.weight);
    access.use(block.down.weight);
    QCOMPARE(bench.take_log(), Log());
    access.use(bench.weights.tokens); // the next step
    QCOMPARE(bench.take_log(), Log({"prefetch tokens on stream 0"}));
}

void ResidencyTest::without_streams_on_use_prefetches_where_it_computes() {
    Bench bench(1, 0, MemoryKind::managed);
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::none, bench.context);
    access.use(bench.weights.tokens);
    access.use(bench.weights.positions);
    QCOMPARE(bench.take_log(),
             Log({"prefetch tokens on compute", "prefetch positions on compute"}));
}

void ResidencyTest::lookahead_orders_prefetches_and_computing() {
    // Events 0 to 8 say that a record arrived, event 9 that computing has come so far.
    Bench bench(1, 2, MemoryKind::managed);
    ManagedWeights access(bench.weights, Prefetch::lookahead, 1, Advice::none, bench.context);
    access.use(bench.weights.tokens);
    QCOMPARE(bench.take_log(),
             Log({"record 9 on compute", "stream 0 waits for 9", "prefetch tokens on stream 0",
                  "record 0 on stream 0", "stream 1 waits for 9", "prefetch positions on stream 1",
                  "record 1 on stream 1", "compute waits for 0"}));
    access.use(bench.weights.positions);
    QCOMPARE(bench.take_log(),
             Log({"record 9 on compute", "stream 0 waits for 9", "prefetch block 0 on stream 0",
                  "record 2 on stream 0", "compute waits for 1"}));
    access.use(bench.weights.head.weight);
    bench.take_log();
    access.use(bench.weights.tokens); // fetched at the end of the step before
    QCOMPARE(bench.take_log(),
             Log({"record 9 on compute", "stream 1 waits for 9", "prefetch positions on stream 1",
                  "record 1 on stream 1", "compute waits for 0"}));
}

void ResidencyTest::lookahead_never_runs_more_than_depth_records_ahead() {
    for (unsigned seed = 0; seed < 40; ++seed) {
        const int depth = 1 + int(seed % 4), streams = int(seed / 4 % 4);
        Bench bench(3, streams, MemoryKind::managed);
        std::mt19937 random(seed);
        ManagedWeights access(bench.weights, Prefetch::lookahead, depth, Advice::none,
                              bench.context);
        std::vector<const Tensor*> uses{&bench.weights.tokens, &bench.weights.positions};
        for (const BlockWeights& block : bench.weights.blocks)
            for (const Tensor* tensor :
                 {&block.attention_norm.gain, &block.query_key_value.weight,
                  &block.attention_output.weight, &block.mlp_norm.gain, &block.up.weight})
                uses.push_back(tensor);
        uses.push_back(&bench.weights.final_norm.gain);
        uses.push_back(&bench.weights.head.weight);

        // On the device: how many records were computed, and how often each was fetched.
        int computed = 0;
        bool right = true;
        std::map<const void*, int> fetched;
        bench.transfers.prefetched = [&](const void* data) {
            const auto record = std::find_if(uses.begin(), uses.end(),
                                             [&](const Tensor* t) { return t->in().data == data; });
            if (record == uses.end()) return; // another tensor of a record
            const int index = int(record - uses.begin()) + int(uses.size()) * fetched[data]++;
            right &= index <= computed + depth;
        };
        for (int use = 0; use < 3 * int(uses.size()); ++use) {
            const void* const data = uses[std::size_t(use) % uses.size()]->in().data;
            const int step = use / int(uses.size());
            access.use(*uses[std::size_t(use) % uses.size()]);
            bench.transfers.add(Transfers::compute, [&, data, step] {
                right &= fetched[data] > step;
                ++computed;
            });
            bench.transfers.play(random, int(random() % 12));
        }
        bench.transfers.play_all(random);
        QVERIFY(bench.transfers.finished());
        QCOMPARE(computed, 3 * int(uses.size()));
        QVERIFY2(right, qPrintable(QString("seed %1").arg(seed)));
    }
}

void ResidencyTest::advice_is_given_once_for_each_tensor() {
    Bench bench(2, 1, MemoryKind::managed);
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::read_mostly, bench.context);
    std::size_t advised = 0;
    for (const auto& line : bench.transfers.log) advised += line.ends_with(" read_mostly");
    QCOMPARE(advised, std::size_t(2 * 12 + 5));
    QCOMPARE(bench.transfers.log.size(), advised);
    bench.transfers.log.clear();
    bench.step(access);
    for (const auto& line : bench.transfers.log) QVERIFY(!line.starts_with("advise"));
}

void ResidencyTest::managed_weights_without_prefetch_move_nothing() {
    Bench bench(2, 1, MemoryKind::managed);
    ManagedWeights none(bench.weights, Prefetch::none, 1, Advice::none, bench.context);
    bench.step(none);
    bench.context.transfers = nullptr; // as on a plan
    ManagedWeights planned(bench.weights, Prefetch::lookahead, 1, Advice::read_mostly,
                           bench.context);
    bench.step(planned);
    QCOMPARE(bench.transfers.log, Log());
    QCOMPARE(none.moved_bytes() + planned.moved_bytes(), std::size_t(0));
    QCOMPARE(&none.block(1), &bench.weights.blocks[1]);
}

void ResidencyTest::a_masked_head_is_one_record() {
    Bench bench(1, 20, MemoryKind::managed);
    bench.weights.positions = Tensor();
    bench.weights.head_dense.weight = Tensor(bench.host, {4, 16}, DType::f32, Purpose::weights);
    bench.transfers.names[bench.weights.head_dense.weight.in().data] = "dense";
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::none, bench.context);
    access.use(bench.weights.head_dense.weight);
    access.use(bench.weights.head.weight);
    QCOMPARE(bench.take_log(), Log({"prefetch dense on stream 7", "prefetch head on stream 7"}));
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
    RunConfig run;
    QCOMPARE(&weight_places(run, bench.context).blocks, &bench.host);
    QCOMPARE(&weight_places(run, bench.context).others, &bench.host);
    run.weight_memory = WeightMemory::streamed;
    run.weight_budget_bytes = others_bytes + block_bytes;
    QCOMPARE(&weight_places(run, bench.context).blocks, &bench.host);
    QCOMPARE(&weight_places(run, bench.context).others, &bench.device);
    QCOMPARE(weight_access(run, bench.weights, bench.context)->staying_blocks(), 1);
    run.weight_budget_bytes = 1e300; // more than a machine can have
    QCOMPARE(weight_access(run, bench.weights, bench.context)->staying_blocks(), 1);
    run.weight_memory = WeightMemory::managed;
    QCOMPARE(weight_access(run, bench.weights, bench.context)->staying_blocks(), 0);
}

QTEST_GUILESS_MAIN(ResidencyTest)
#include "residency_test.moc"
