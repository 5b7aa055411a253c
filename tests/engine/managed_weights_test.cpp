#include "engine/weights/managed.h"
#include "tests/engine/residency_support.h"
#include "tests/suite.h"
#include <QtTest>
#include <algorithm>

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

Log prefetches(const Log& log) {
    Log found;
    for (const auto& line : log)
        if (line.starts_with("prefetch")) found.push_back(line.substr(9));
    return found;
}

} // namespace

/// Which records of managed weights are prefetched, when and on which stream.
class ManagedWeightsTest : public QObject {
    Q_OBJECT
private slots:
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
    void a_tied_head_is_fetched_once_a_step();
};

void ManagedWeightsTest::the_records_up_to_depth_ahead_are_fetched_once() {
    FetchOrder order(5, 2);
    const std::vector<std::vector<int>> expected{{0, 1, 2}, {3}, {4}, {0}, {1},
                                                 {2},       {3}, {4}, {0}, {1}};
    for (std::size_t i = 0; i < expected.size(); ++i)
        QCOMPARE(order.use(int(i % 5)).fetch, expected[i]);
}

void ManagedWeightsTest::a_record_used_again_in_a_step_is_not_fetched() {
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

void ManagedWeightsTest::a_step_may_leave_records_out() {
    FetchOrder order(6, 1);
    QCOMPARE(order.use(0).fetch, std::vector({0, 1}));
    QCOMPARE(order.use(3).fetch, std::vector({3, 4}));
    QCOMPARE(order.use(4).fetch, std::vector({5}));
    QCOMPARE(order.use(0).fetch, std::vector({0, 1}));
    QCOMPARE(order.use(1).fetch, std::vector({2}));
}

void ManagedWeightsTest::depth_ends_before_the_record_itself() {
    FetchOrder order(3, 10);
    QCOMPARE(order.use(0).fetch, std::vector({0, 1, 2}));
    QCOMPARE(order.use(1).fetch, std::vector({0}));
    QCOMPARE(order.use(2).fetch, std::vector({1}));
}

void ManagedWeightsTest::managed_weights_are_recorded_in_the_order_of_use() {
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
    QCOMPARE(access.moved_bytes(), 2 * bytes_of_block + others_bytes);
}

void ManagedWeightsTest::on_use_prefetches_without_events() {
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

void ManagedWeightsTest::without_streams_on_use_prefetches_where_it_computes() {
    Bench bench(1, 0, MemoryKind::managed);
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::none, bench.context);
    access.use(bench.weights.tokens);
    access.use(bench.weights.positions);
    QCOMPARE(bench.take_log(),
             Log({"prefetch tokens on compute", "prefetch positions on compute"}));
}

void ManagedWeightsTest::lookahead_orders_prefetches_and_computing() {
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

void ManagedWeightsTest::lookahead_never_runs_more_than_depth_records_ahead() {
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

void ManagedWeightsTest::advice_is_given_once_for_each_tensor() {
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

void ManagedWeightsTest::managed_weights_without_prefetch_move_nothing() {
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

void ManagedWeightsTest::a_masked_head_is_one_record() {
    Bench bench(1, 20, MemoryKind::managed);
    bench.weights.positions = Tensor();
    bench.weights.head_dense.weight = Tensor(bench.host, {4, 16}, DType::f32, Purpose::weights);
    bench.transfers.names[bench.weights.head_dense.weight.in().data] = "dense";
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::none, bench.context);
    access.use(bench.weights.head_dense.weight);
    access.use(bench.weights.head.weight);
    QCOMPARE(bench.take_log(), Log({"prefetch dense on stream 7", "prefetch head on stream 7"}));
}

void ManagedWeightsTest::a_tied_head_is_fetched_once_a_step() {
    Bench bench(1, 20, MemoryKind::managed);
    bench.weights.tokens = Tensor();
    ManagedWeights access(bench.weights, Prefetch::on_use, 1, Advice::none, bench.context);
    const auto step = [&] {
        access.use(bench.weights.head.weight); // its rows are the table of tokens
        access.use(bench.weights.positions);
        access.use(bench.weights.blocks[0].attention_norm.gain);
        access.use(bench.weights.final_norm.gain);
        access.use(bench.weights.head.weight);
        return prefetches(bench.take_log());
    };
    QCOMPARE(step().front(), std::string("head on stream 0"));
    const Log second = step();
    QCOMPARE(std::count(second.begin(), second.end(), "head on stream 0"), 1);
    QCOMPARE(second.front(), std::string("positions on stream 1"));
    QCOMPARE(second.back(), std::string("head on stream 0"));
}

SWEETSPOT_TEST(ManagedWeightsTest)
#include "managed_weights_test.moc"
