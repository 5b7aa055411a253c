// A trace as plain values, in memory and in a file.
#include "profiler/recorder.h"
#include "profiler/trace/file.h"
#include "tests/profiler/trace_data.h"
#include <QElapsedTimer>
#include <QtTest>
#include <limits>

using namespace sweetspot;

static QString refusal(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.kind == Failure::file ? error.what() : "another kind of error";
    }
    return "no error";
}

class TraceTest : public QObject {
    Q_OBJECT
private slots:
    void a_path_names_all_regions_around() {
        const Trace trace = small_trace();
        QCOMPARE(trace.path(1), std::string("layer 0/matmul"));
        QCOMPARE(trace.path(none), std::string());
    }

    void a_region_is_busy_while_anything_of_it_runs() {
        Trace trace = small_trace();
        auto times = device_times(trace);
        QCOMPARE(times[0].busy, Nanoseconds(800 + 400)); // two kernels and a gap between
        QCOMPARE(times[0].begin, Nanoseconds(1000));
        QCOMPARE(times[0].end, Nanoseconds(2300));
        QCOMPARE(times[1].busy, Nanoseconds(800));
        QCOMPARE(times[0].activities, std::size_t(2)); // calls are the host's
        // Two at once on two streams count once.
        Activity beside = trace.activities[0];
        for (const Activity& one : trace.activities)
            if (one.kind == ActivityKind::kernel && one.region == 1) beside = one;
        beside.track = 8;
        beside.begin += 100, beside.end += 100;
        trace.activities.push_back(beside);
        std::stable_sort(trace.activities.begin(), trace.activities.end(),
                         [](const auto& a, const auto& b) { return a.begin < b.begin; });
        QCOMPARE(device_times(trace)[1].busy, Nanoseconds(900));
    }

    void kernels_without_an_op_are_counted_as_such() {
        Trace trace = small_trace();
        QCOMPARE(attribution(trace).kernels, std::size_t(4));
        QCOMPARE(attribution(trace).in_an_op, std::size_t(4));
        for (Activity& one : trace.activities)
            if (one.region == 1) one.region = 0; // a layer is no op
        QCOMPARE(attribution(trace).in_an_op, std::size_t(3));
        for (Activity& one : trace.activities)
            if (one.region == 0) one.region = none;
        QCOMPARE(attribution(trace).in_an_op, std::size_t(3));
    }

    void sums_of_kernels_are_told_apart_by_op_and_shape() {
        const auto sums = kernel_sums(small_trace());
        QCOMPARE(sums.size(), std::size_t(4));
        QCOMPARE(sums[0].name, std::string("product_kernel"));
        QCOMPARE(sums[0].total, Nanoseconds(800));
        QCOMPARE(sums[3].total, Nanoseconds(400));
    }

    void a_file_gives_back_what_was_written() {
        const Trace trace = small_trace();
        const std::string bytes = to_bytes(trace);
        const Trace read = trace_from_bytes(bytes);
        QCOMPARE(to_bytes(read), bytes);
        QCOMPARE(read.names, trace.names);
        QCOMPARE(read.facts, trace.facts);
        QCOMPARE(read.absent, trace.absent);
        QCOMPARE(read.live_at_begin, trace.live_at_begin);
        QCOMPARE(read.end, trace.end);
        QCOMPARE(read.readings[1].value, 512.25);
        QCOMPARE(read.activities.size(), trace.activities.size());
        for (std::size_t i = 0; i < read.activities.size(); ++i) {
            QCOMPARE(read.activities[i].begin, trace.activities[i].begin);
            QCOMPARE(read.activities[i].region, trace.activities[i].region);
            QCOMPARE(read.activities[i].shape, trace.activities[i].shape);
        }
        QVERIFY(read.shapes == trace.shapes);
        QCOMPARE(read.regions[1].cost.flops, 2e6);
        QCOMPARE(int(read.regions[1].dtype), int(DType::bf16));
        QCOMPARE(read.memory[1].bytes, std::int64_t(-(1 << 20)));
    }

    void a_million_events_take_at_most_forty_megabytes() {
        Trace trace = small_trace();
        std::uint32_t state = 1;
        const auto random = [&](std::uint32_t below) {
            state = state * 1664525 + 1013904223;
            return (state >> 8) % below;
        };
        Nanoseconds time = 0;
        while (trace.activities.size() < 1'000'000) {
            time += 1000 + random(20'000);
            trace.activities.push_back(
                {.kind = random(2) ? ActivityKind::kernel : ActivityKind::runtime_call,
                 .name = random(8),
                 .region = random(6),
                 .shape = random(2),
                 .track = random(3),
                 .correlation = random(1u << 20),
                 .begin = time,
                 .end = time + random(100'000),
                 .bytes = random(1u << 20)});
        }
        const std::string bytes = to_bytes(trace);
        qInfo("%zu bytes", bytes.size());
        QVERIFY(bytes.size() <= 40'000'000);
        QCOMPARE(trace_from_bytes(bytes).activities.size(), std::size_t(1'000'000));
    }

    void what_is_no_whole_trace_is_refused_with_its_reason() {
        const std::string good = to_bytes(small_trace());
        QVERIFY(refusal([] { trace_from_bytes("{}"); }).contains("no trace of Sweetspot"));
        std::string later = good;
        later[16] = 9;
        QVERIFY(refusal([&] { trace_from_bytes(later); }).contains("is of version 9"));
        for (std::size_t length = 16; length < good.size(); length += 7)
            QVERIFY(refusal([&] {
                        trace_from_bytes(std::string_view(good).substr(0, length));
                    }).startsWith("the trace is truncated"));
        for (std::size_t at = 20; at < good.size(); ++at) {
            std::string damaged = good;
            damaged[at] = char(damaged[at] ^ 0x10);
            // Bits that only fill up the last byte of what is compressed mean nothing.
            const QString said = refusal([&] { trace_from_bytes(damaged); });
            QVERIFY2(said.startsWith("the trace is ") ||
                         to_bytes(trace_from_bytes(damaged)) == good,
                     QByteArray::number(qulonglong(at)));
        }
        QVERIFY(refusal([] { read_trace("/no/such/file.trace"); }).contains("/no/such/file"));
        QVERIFY(refusal([] {
                    write_trace({}, "/no/such/folder/x.trace");
                }).contains("could not be written"));
    }

    void references_that_lead_nowhere_are_refused() {
        Trace trace = small_trace();
        trace.activities[0].region = 99;
        QVERIFY(refusal([&] { trace_from_bytes(to_bytes(trace)); }).contains("does not have"));
        trace = small_trace();
        trace.regions[1].parent = 1; // its own
        QVERIFY(refusal([&] { trace_from_bytes(to_bytes(trace)); }).contains("does not have"));
    }

    void times_whose_difference_is_no_number_are_refused() {
        Trace trace = small_trace();
        trace.activities[0].begin = std::numeric_limits<Nanoseconds>::min();
        QVERIFY(refusal([&] { trace_from_bytes(to_bytes(trace)); }).contains("to no time"));
    }

    void a_length_that_nothing_was_packed_from_is_refused_before_memory_is_taken() {
        std::string bytes = to_bytes(small_trace());
        const std::size_t length = std::string_view("SWEETSPOT TRACE ").size() + 4 + 32;
        bytes[length + 3] = '\x3f'; // almost a gigabyte
        QVERIFY(refusal([&] { trace_from_bytes(bytes); }).contains("claims to be too long"));
    }

    /// Recorded by tests/gpu/run on an H200: one step launched op by op, and as a graph.
    void what_a_gpu_did_is_known_by_its_ops_in_a_graph_too() {
        const auto recorded = [](const std::string& launch) {
            return read_trace(SWEETSPOT_SOURCE_DIR "/tests/profiler/recorded/esm2-8m-h200-" +
                              launch + ".trace");
        };
        const Trace eager = recorded("eager"), graph = recorded("graph");
        const auto kernels_by_op = [](const Trace& trace) {
            std::map<std::string, int> y;
            for (const Activity& one : trace.activities)
                if (one.kind == ActivityKind::kernel) ++y[trace.path(one.region)];
            return y;
        };
        for (const Trace* one : {&eager, &graph}) {
            QCOMPARE(attribution(*one).kernels, std::size_t(79));
            QCOMPARE(attribution(*one).in_an_op, std::size_t(79));
            QCOMPARE(one->dropped, std::uint64_t(0));
        }
        QVERIFY(kernels_by_op(eager) == kernels_by_op(graph));
        QCOMPARE(graph.facts.at("activities by graph node"), std::string("79"));
        QCOMPARE(eager.facts.at("activities by graph node"), std::string("0"));
    }

    /// Off, tracing is one null test a region: less than a thousandth of any op worth timing.
    void a_region_that_nobody_watches_costs_nanoseconds() {
        HostAllocator memory;
        const Context context(CpuStream{}, memory);
        constexpr int regions = 1'000'000;
        double least = 1;
        for (int round = 0; round < 5; ++round) {
            QElapsedTimer timer;
            timer.start();
            for (int i = 0; i < regions; ++i) {
                const Region region(context, "op");
                asm volatile("" : : "r"(&region) : "memory");
            }
            least = std::min(least, double(timer.nsecsElapsed()) * 1e-9 / regions);
        }
        qInfo("%.2f ns a region", least * 1e9);
        QVERIFY(least < 50e-9);
    }

    void a_pass_is_recorded_with_regions_and_memory_since_it_began() {
        HostAllocator memory;
        Context context(CpuStream{}, memory);
        const Buffer before(memory, 1000, Purpose::weights);
        Recorder recorder(context, {});
        const auto pass = [&] {
            const Region layer(context, "layer");
            const Region op(context, Work{.name = "op", .cost = {5, 7}, .dtype = DType::bf16});
            const Buffer buffer(memory, 4096, Purpose::activations);
        };
        recorder.record(pass);
        const Trace trace = recorder.record(pass); // of this one alone
        QCOMPARE(trace.regions.size(), std::size_t(2));
        QCOMPARE(trace.path(1), std::string("layer/op"));
        QVERIFY(trace.regions[1].op && !trace.regions[0].op);
        QCOMPARE(trace.regions[1].cost.flops, 5.0);
        QVERIFY(trace.regions[0].begin >= 0);
        QVERIFY(trace.regions[0].end <= trace.end);
        QVERIFY(trace.regions[1].begin >= trace.regions[0].begin);
        QCOMPARE(trace.live_at_begin[std::size_t(Purpose::weights)],
                 std::int64_t(memory.use().live[std::size_t(Purpose::weights)]));
        QCOMPARE(trace.memory.size(), std::size_t(2));
        QVERIFY(trace.memory[0].bytes >= 4096);
        QCOMPARE(trace.memory[1].bytes, -trace.memory[0].bytes);
        QCOMPARE(trace.path(trace.memory[0].region), std::string("layer/op"));
        QVERIFY(!context.observer());
    }
};

QTEST_GUILESS_MAIN(TraceTest)
#include "trace_test.moc"
