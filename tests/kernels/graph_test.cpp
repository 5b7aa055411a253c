#include "kernels/core/graph.h"
#include "kernels/core/pool.h"
#include "tests/suite.h"
#include <QtTest>
#include <cstdint>
#include <vector>

using namespace sweetspot;

namespace {

using Log = std::vector<std::string>;

/// Writes down what is asked of it. Ops of the work under test write themselves into `log`.
struct Recorder : GraphRecorder {
    struct Recorded : Graph {
        Recorded(Log& log, int number) : log(log), number(number) {}
        ~Recorded() override { log.push_back("drop " + std::to_string(number)); }
        void launch() override { log.push_back("launch " + std::to_string(number)); }
        Log& log;
        int number;
    };

    void begin() override {
        if (refuse_begin) throw Error(Failure::device, "cannot record");
        log.push_back("begin");
    }
    std::unique_ptr<Graph> end() override {
        if (refuse_end) throw Error(Failure::device, "cannot be recorded");
        log.push_back("end");
        return std::make_unique<Recorded>(log, ++count);
    }
    void abandon() noexcept override { log.push_back("abandon"); }

    Log log{};
    int count = 0;
    bool refuse_begin = false, refuse_end = false;
};

class Addresses : public MemorySource {
public:
    MemoryKind kind() const override { return MemoryKind::device; }
    void* reserve(std::size_t bytes) override {
        if (bytes > capacity) return nullptr;
        capacity -= bytes;
        return (next += bytes) - bytes;
    }
    void release(void*, std::size_t bytes) noexcept override { capacity += bytes; }
    std::size_t free_bytes() const override { return capacity; }

    std::size_t capacity = 1u << 30;
    char* next = reinterpret_cast<char*>(std::uintptr_t(1) << 40);
};

struct Bench {
    explicit Bench(std::size_t capacity = 16) : Bench(capacity, std::make_unique<Addresses>()) {}
    Bench(std::size_t capacity, std::unique_ptr<Addresses> owned)
        : source(*owned), pool(std::move(owned)), graphs(recorder, pool, capacity) {}

    /// Work of one op, which needs four MiB for a moment.
    void run(const std::string& key) {
        graphs.run(key, [&] { op(key); });
    }
    void op(const std::string& name) {
        const Buffer moment(pool, 4u << 20, Purpose::activations);
        last_address = moment.data();
        recorder.log.push_back(name);
    }
    Log take_log() { return std::exchange(recorder.log, {}); }

    Recorder recorder{};
    Addresses& source;
    PoolAllocator pool;
    GraphCache graphs;
    void* last_address = nullptr;
};

} // namespace

class GraphTest : public QObject {
    Q_OBJECT
private slots:
    void the_first_time_is_done_the_second_recorded_the_rest_repeated();
    void another_key_is_another_graph();
    void what_a_recording_allocated_is_kept_for_its_graph();
    void the_longest_unused_graph_goes_with_its_memory();
    void work_that_fails_while_recorded_leaves_nothing_behind();
    void a_recording_that_cannot_end_leaves_nothing_behind();
    void a_recording_that_cannot_begin_leaves_nothing_behind();
    void graphs_are_given_up_where_memory_is_short();
    void work_is_done_where_memory_is_too_short_to_record_it();
    void work_that_fails_the_first_time_is_not_recorded_the_second();
    void cleared_graphs_are_recorded_again();
    void a_recording_is_of_no_use_when_cleared_meanwhile();
    void work_within_recorded_work_is_a_part_of_it();
    void graphs_go_with_the_cache();
};

void GraphTest::the_first_time_is_done_the_second_recorded_the_rest_repeated() {
    Bench bench;
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"a"}));
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"begin", "a", "end", "launch 1"}));
    bench.run("a");
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"launch 1", "launch 1"}));
    QCOMPARE(bench.graphs.recorded(), 1);
    QCOMPARE(bench.graphs.launched(), 3);
}

void GraphTest::another_key_is_another_graph() {
    Bench bench;
    for (const char* key : {"a", "b", "a", "b", "a"}) bench.run(key);
    QCOMPARE(bench.take_log(), Log({"a", "b", "begin", "a", "end", "launch 1", "begin", "b", "end",
                                    "launch 2", "launch 1"}));
}

void GraphTest::what_a_recording_allocated_is_kept_for_its_graph() {
    Bench bench;
    bench.run("a");
    QCOMPARE(bench.pool.pool().kept, std::size_t(0));
    bench.run("a");
    void* const recorded = bench.last_address;
    QCOMPARE(bench.pool.pool().kept, std::size_t(4u << 20));
    QCOMPARE(bench.pool.pool().reserved, std::size_t(4u << 20)); // taken over from the first time
    bench.op("other");
    QVERIFY(bench.last_address != recorded);
}

void GraphTest::the_longest_unused_graph_goes_with_its_memory() {
    Bench bench(2);
    for (const char* key : {"a", "a", "b", "b", "a"}) bench.run(key);
    QCOMPARE(bench.pool.pool().kept, std::size_t(8u << 20));
    bench.take_log();
    bench.run("c"); // b goes
    QCOMPARE(bench.take_log(), Log({"c", "drop 2"}));
    QCOMPARE(bench.pool.pool().kept, std::size_t(4u << 20));
    bench.run("a");
    bench.run("b"); // c goes; b is new
    QCOMPARE(bench.take_log(), Log({"launch 1", "b"}));
}

void GraphTest::work_that_fails_while_recorded_leaves_nothing_behind() {
    Bench bench;
    bench.run("a");
    bench.take_log();
    QVERIFY_THROWS_EXCEPTION(Error, bench.graphs.run("a", [&] {
        bench.op("a");
        throw Error(Failure::device, "it failed");
    }));
    QCOMPARE(bench.take_log(), Log({"begin", "a", "abandon"}));
    QCOMPARE(bench.pool.pool().kept, std::size_t(0));
    QCOMPARE(bench.graphs.recorded(), 0);
    bench.op("other"); // nothing is recorded any more
    QCOMPARE(bench.pool.pool().kept, std::size_t(0));
    bench.take_log();
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"begin", "a", "end", "launch 1"}));
}

void GraphTest::a_recording_that_cannot_end_leaves_nothing_behind() {
    Bench bench;
    bench.run("a");
    bench.recorder.refuse_end = true;
    bench.take_log();
    QVERIFY_THROWS_EXCEPTION(Error, bench.run("a"));
    QCOMPARE(bench.take_log(), Log({"begin", "a", "abandon"}));
    QCOMPARE(bench.pool.pool().kept, std::size_t(0));
    bench.recorder.refuse_end = false;
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"begin", "a", "end", "launch 1"}));
}

void GraphTest::a_recording_that_cannot_begin_leaves_nothing_behind() {
    Bench bench;
    bench.run("a");
    bench.recorder.refuse_begin = true;
    bench.take_log();
    QVERIFY_THROWS_EXCEPTION(Error, bench.run("a"));
    QCOMPARE(bench.take_log(), Log());
    bench.op("other");
    QCOMPARE(bench.pool.pool().kept, std::size_t(0));
    bench.recorder.refuse_begin = false;
    bench.take_log();
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"begin", "a", "end", "launch 1"}));
}

void GraphTest::graphs_are_given_up_where_memory_is_short() {
    Bench bench;
    for (const char* key : {"a", "a", "b", "b"}) bench.run(key);
    bench.take_log();
    bench.source.capacity = 0; // 8 MiB are kept for the graphs
    const Buffer large(bench.pool, 4u << 20, Purpose::activations);
    QCOMPARE(bench.take_log(), Log({"drop 2", "drop 1"}));
    QCOMPARE(bench.pool.pool().reserved, std::size_t(4u << 20));
    QVERIFY_THROWS_EXCEPTION(Error, Buffer(bench.pool, 8u << 20, Purpose::activations));
}

void GraphTest::work_is_done_where_memory_is_too_short_to_record_it() {
    Bench bench;
    for (const char* key : {"a", "a", "b"}) bench.run(key);
    bench.take_log();
    bench.source.capacity = 0; // a keeps 4 MiB; those of b's first time go to `other`
    const Buffer other(bench.pool, 3u << 20, Purpose::activations);
    bench.run("b");
    QCOMPARE(bench.take_log(), Log({"begin", "abandon", "drop 1", "b"}));
    bench.run("b"); // the memory that a had is free
    QCOMPARE(bench.take_log(), Log({"begin", "b", "end", "launch 2"}));
}

void GraphTest::work_that_fails_the_first_time_is_not_recorded_the_second() {
    Bench bench;
    QVERIFY_THROWS_EXCEPTION(
        Error, bench.graphs.run("a", [] { throw Error(Failure::out_of_memory, "no more"); }));
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"a"}));
}

void GraphTest::cleared_graphs_are_recorded_again() {
    Bench bench;
    for (const char* key : {"a", "a", "b", "b"}) bench.run(key);
    bench.take_log();
    bench.graphs.clear();
    QCOMPARE(bench.take_log(), Log({"drop 2", "drop 1"}));
    QCOMPARE(bench.pool.pool().kept, std::size_t(0));
    bench.run("a");
    QCOMPARE(bench.take_log(), Log({"begin", "a", "end", "launch 3"}));
}

void GraphTest::a_recording_is_of_no_use_when_cleared_meanwhile() {
    Bench bench;
    for (const char* key : {"a", "b", "b"}) bench.run(key);
    bench.take_log();
    bool moves = true;
    const auto work = [&] {
        if (std::exchange(moves, false)) bench.graphs.clear();
        bench.op("a");
    };
    bench.graphs.run("a", work);
    QCOMPARE(bench.take_log(), Log({"begin", "drop 1", "a", "end", "drop 2", "a"}));
    QCOMPARE(bench.pool.pool().kept, std::size_t(0));
    bench.graphs.run("a", work);
    QCOMPARE(bench.take_log(), Log({"begin", "a", "end", "launch 3"}));
}

void GraphTest::work_within_recorded_work_is_a_part_of_it() {
    Bench bench;
    const auto outer = [&] {
        bench.op("outer");
        bench.run("inner");
    };
    for (int i = 0; i < 3; ++i) bench.graphs.run("outer", outer);
    QCOMPARE(bench.take_log(),
             Log({"outer", "inner", "begin", "outer", "inner", "end", "launch 1", "launch 1"}));
}

void GraphTest::graphs_go_with_the_cache() {
    Recorder recorder;
    PoolAllocator pool(std::make_unique<Addresses>());
    {
        GraphCache graphs(recorder, pool);
        const auto work = [&] { const Buffer moment(pool, 100, Purpose::activations); };
        for (int i = 0; i < 2; ++i) graphs.run("a", work);
        QVERIFY(pool.pool().kept > 0);
    }
    QCOMPARE(recorder.log.back(), std::string("drop 1"));
    QCOMPARE(pool.pool().kept, std::size_t(0));
}

SWEETSPOT_TEST(GraphTest)
#include "graph_test.moc"
