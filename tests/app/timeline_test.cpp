// A timeline's rows, sums and memory, and what they say of two planted regressions.
#include "app/analysis/flame.h"
#include "app/analysis/timeline.h"
#include "app/analysis/waterfall.h"
#include "profiler/trace/file.h"
#include "tests/profiler/planted.h"
#include "tests/profiler/trace_data.h"
#include <QtTest>

using namespace sweetspot;

namespace {

/// Spans of 80 ns every 100 ns.
SpanRow row_of(std::size_t count) {
    std::vector<TimeSpan> spans;
    for (std::size_t i = 0; i < count; ++i)
        spans.push_back({.begin = Nanoseconds(100 * i),
                         .end = Nanoseconds(100 * i + 80),
                         .name = Index(i % 3)});
    return SpanRow(std::move(spans));
}

std::vector<SpanRow::Shown> shown(const SpanRow& row, Nanoseconds begin, Nanoseconds end,
                                  Nanoseconds pixel) {
    std::vector<SpanRow::Shown> y;
    row.visit(begin, end, pixel, [&](const SpanRow::Shown& one) { y.push_back(one); });
    return y;
}

} // namespace

/// "matmul 3 of 2 calls" below its parent, in the order they stand.
std::vector<std::string> frames_of(const Timeline& timeline, FlameFrom from, Nanoseconds begin,
                                   Nanoseconds end) {
    const auto frames = flame(timeline, from, begin, end);
    std::vector<std::string> y;
    for (std::size_t i = 0; i < frames.size(); ++i)
        y.push_back(path_of(frames, i) + " " +
                    std::to_string(std::llround(frames[i].seconds * 1e9)) + " ns, " +
                    std::to_string(frames[i].calls));
    return y;
}

class TimelineTest : public QObject {
    Q_OBJECT
private slots:
    void a_flame_graph_sums_a_gpus_kernels_by_who_launched_them() {
        const Timeline timeline = make_timeline(small_trace());
        using Lines = std::vector<std::string>;
        QCOMPARE(frames_of(timeline, FlameFrom::top, 0, timeline.end),
                 (Lines{" 2400 ns, 4", "layer * 2400 ns, 4", "layer */matmul 1600 ns, 2",
                        "layer */matmul/product_kernel 1600 ns, 2", "layer */norm 800 ns, 2",
                        "layer */norm/norm_kernel 800 ns, 2"}));
        QCOMPARE(
            frames_of(timeline, FlameFrom::bottom, 0, timeline.end),
            (Lines{" 2400 ns, 4", "product_kernel 1600 ns, 2", "product_kernel/matmul 1600 ns, 2",
                   "product_kernel/matmul/layer * 1600 ns, 2", "norm_kernel 800 ns, 2",
                   "norm_kernel/norm 800 ns, 2", "norm_kernel/norm/layer * 800 ns, 2"}));
        QCOMPARE(frames_of(timeline, FlameFrom::top, 1500, 2000), // parts of two kernels
                 (Lines{" 400 ns, 2", "layer * 400 ns, 2", "layer */matmul 300 ns, 1",
                        "layer */matmul/product_kernel 300 ns, 1", "layer */norm 100 ns, 1",
                        "layer */norm/norm_kernel 100 ns, 1"}));
        QVERIFY(flame(timeline, FlameFrom::top, 0, 10).empty());
    }

    void a_waterfall_by_kernel_adds_up_with_gaps_and_what_was_not_traced() {
        const Timeline first = make_timeline(small_trace());
        Trace slower = small_trace();
        for (Activity& one : slower.activities)
            if (one.kind == ActivityKind::kernel && one.name == 5) one.end += 300; // the norm
        const Timeline second = make_timeline(slower);
        RunRecord a, b;
        a.id = 1, b.id = 2;
        a.samples["step_seconds"] = {{"step_seconds", 0, 7000e-9}};
        b.samples["step_seconds"] = {{"step_seconds", 0, 7700e-9}};
        const Waterfall fall = kernel_waterfall(a, first, b, second);
        QVERIFY(fall.problem.empty());
        std::map<std::string, std::int64_t> changes;
        std::int64_t sum = 0;
        for (const Bar& bar : fall.bars) {
            changes[bar.name] = bar.change();
            sum += bar.change();
        }
        QCOMPARE(sum, fall.b - fall.a);
        QCOMPARE(sum, std::int64_t(700));
        QCOMPARE(changes["norm_kernel"], std::int64_t(600)); // in two layers
        QCOMPARE(changes["product_kernel"], std::int64_t(0));
        QVERIFY(changes.contains("gaps") && changes.contains("outside the trace"));
        // Without traces that is said.
        QVERIFY(waterfall(a, b, Quantity::time, By::kernel).problem.find("sweetspot trace") !=
                std::string::npos);
    }

    void a_flame_graph_of_the_host_leaves_each_region_what_is_its_own() {
        Trace trace = small_trace();
        trace.activities.clear();
        const Timeline timeline = make_timeline(trace);
        const auto frames = flame(timeline, FlameFrom::top, 0, timeline.end);
        QCOMPARE(frames.size(), std::size_t(4));
        QCOMPARE(frames[1].name, std::string("layer *"));
        QCOMPARE(frames[1].seconds, 1000e-9);
        QCOMPARE(std::llround(frames[1].own_seconds * 1e9), 2 * (500 - 190 - 190));
        QCOMPARE(frames[3].begin, frames[2].begin + frames[2].seconds); // side by side
        // Inverted, a region's own time is its own frame, those of its ops theirs.
        const auto inverted = frames_of(timeline, FlameFrom::bottom, 0, timeline.end);
        QVERIFY(std::ranges::find(inverted, "layer * 240 ns, 2") != inverted.end());
        QVERIFY(std::ranges::find(inverted, "norm/layer * 380 ns, 2") != inverted.end());
    }

    void near_spans_are_drawn_apart_and_far_ones_together() {
        const SpanRow row = row_of(1'000'000);
        QCOMPARE(shown(row, 0, 999, 10).size(), std::size_t(10));
        const Nanoseconds all = 100'000'000;
        const auto seen = shown(row, 0, all, all / 1000);
        QVERIFY2(seen.size() < 20'000, QByteArray::number(qulonglong(seen.size())));
        std::size_t count = 0;
        Nanoseconds busy = 0, last = -1;
        for (const auto& one : seen) {
            QVERIFY(one.begin > last);
            last = one.end;
            count += one.count;
            busy += one.busy;
        }
        QCOMPARE(count, std::size_t(1'000'000)); // levels of detail: nothing is left out
        QCOMPARE(busy, Nanoseconds(80'000'000));
    }

    void a_lone_long_span_among_many_short_ones_is_never_lost() {
        std::vector<TimeSpan> spans;
        for (int i = 0; i < 100'000; ++i)
            spans.push_back({.begin = 10 * i, .end = 10 * i + (i == 77'777 ? 9 : 1), .name = 0});
        const SpanRow row(std::move(spans));
        bool found = false;
        for (const auto& one : shown(row, 0, 1'000'000, 100'000))
            found = found || one.longest == 77'777;
        QVERIFY(found);
    }

    void a_span_is_found_under_the_mouse_and_a_little_beside_it() {
        const SpanRow row = row_of(10);
        QCOMPARE(row.at(250, 0), std::size_t(2));
        QCOMPARE(row.at(285, 2), row.spans().size());
        QCOMPARE(row.at(285, 5), std::size_t(2));
        QCOMPARE(row.at(298, 5), std::size_t(3));
        QCOMPARE(row.at(-50, 5), row.spans().size());
    }

    void regions_are_where_the_gpu_worked_for_them() {
        const Timeline timeline = make_timeline(small_trace());
        QVERIFY(timeline.gpu);
        const auto& regions = timeline.lanes.front();
        QCOMPARE(regions.rows.size(), std::size_t(2)); // layers and ops
        QCOMPARE(regions.rows[0].spans()[0].begin, Nanoseconds(1000));
        QCOMPARE(regions.rows[0].spans()[0].end, Nanoseconds(2300));
        QCOMPARE(timeline.lanes[1].name, std::string("Stream 7"));
        QCOMPARE(timeline.lanes.back().name, std::string("Calls, thread 42"));
    }

    void sums_follow_the_range() {
        const Timeline timeline = make_timeline(small_trace());
        const auto all = range_sums(timeline, SumsBy::kernel, 0, timeline.end);
        QCOMPARE(all.size(), std::size_t(2));
        QCOMPARE(all[0].name, std::string("product_kernel"));
        QCOMPARE(all[0].calls, std::size_t(2));
        QCOMPARE(all[0].seconds, 1600e-9);
        const auto part = range_sums(timeline, SumsBy::op, 1400, 2000);
        QCOMPARE(part[0].name, std::string("layer */matmul"));
        QCOMPARE(part[0].seconds, 400e-9); // of 800, the rest lies before
        QCOMPARE(part[1].seconds, 100e-9);
        QCOMPARE(part[0].cost.flops, 1e6); // half of the op's, as half of its kernel lies there
        QCOMPARE(int(part[0].dtype), int(DType::bf16));
        QCOMPARE(all[0].cost.flops, 0.0);
        QCOMPARE(range_sums(timeline, SumsBy::layer, 0, 3000).size(), std::size_t(1));
        QVERIFY(range_sums(timeline, SumsBy::kernel, 5900, 6000).empty());
    }

    void live_memory_is_by_region_and_purpose() {
        const Trace trace = small_trace();
        const auto before = live_memory(trace, 5);
        QCOMPARE(before.size(), std::size_t(1));
        QCOMPARE(before[0].path, std::string("before the pass"));
        QCOMPARE(before[0].bytes, std::int64_t(5 << 20));
        const auto with = live_memory(trace, 2000);
        QCOMPARE(with.size(), std::size_t(2));
        QCOMPARE(with[1].path, std::string("layer */matmul"));
        QCOMPARE(live_memory(trace, 4000).size(), std::size_t(1));
        QCOMPARE(memory_peak(make_timeline(trace)), Nanoseconds(10));
    }

    /// A tensor that is kept alive by mistake, in one look: the largest line at the peak.
    void the_peak_names_what_every_layer_keeps() {
        const Timeline good = make_timeline(pass_of_layers(false)),
                       bad = make_timeline(pass_of_layers(true));
        const auto at_peak = [](const Timeline& one) {
            return live_memory(one.trace, memory_peak(one));
        };
        QCOMPARE(at_peak(bad)[0].path, std::string("layer */mlp"));
        QVERIFY(at_peak(bad)[0].bytes >= 8 << 20);
        QVERIFY(at_peak(bad)[0].count >= 8);
        QVERIFY(at_peak(good)[0].bytes < 2 << 20);
        QCOMPARE(int(at_peak(bad)[0].purpose), int(Purpose::activations));
    }

    /// A synchronisation in the loop: how often the host waits, and how much of the time.
    void waits_in_the_loop_are_counted() {
        Trace trace = small_trace();
        QCOMPARE(waiting_in(make_timeline(trace), 0, 6000).calls, std::size_t(0));
        for (Nanoseconds begin : {500, 2400, 3500, 5400})
            trace.activities.push_back(
                {.kind = ActivityKind::sync, .name = 7, .begin = begin, .end = begin + 400});
        std::stable_sort(trace.activities.begin(), trace.activities.end(),
                         [](const auto& a, const auto& b) { return a.begin < b.begin; });
        const Timeline timeline = make_timeline(trace);
        const Waiting all = waiting_in(timeline, 0, 6000);
        QCOMPARE(all.calls, std::size_t(4));
        QCOMPARE(all.seconds, 1600e-9);
        QCOMPARE(waiting_in(timeline, 0, 700).seconds, 200e-9);
        QVERIFY(std::any_of(timeline.lanes.begin(), timeline.lanes.end(),
                            [](const Lane& lane) { return lane.name == "Waits"; }));
    }

    /// The same, behind each of a recorded model's layers.
    void a_wait_behind_every_layer_stands_out() {
        const Trace good =
            read_trace(SWEETSPOT_SOURCE_DIR "/tests/profiler/recorded/esm2-8m-h200-eager.trace");
        const Timeline before = make_timeline(good),
                       after = make_timeline(with_waits(good, 200'000));
        const Waiting few = waiting_in(before, 0, before.trace.end),
                      many = waiting_in(after, 0, after.trace.end);
        QCOMPARE(many.calls, few.calls + 6); // it has six layers
        QVERIFY(std::abs(many.seconds - few.seconds - 6 * 200e-6) < 1e-9);
        QCOMPARE(after.trace.end, before.trace.end + 6 * 200'000);
        QCOMPARE(attribution(after.trace).in_an_op, attribution(before.trace).in_an_op);
    }
};

QTEST_GUILESS_MAIN(TimelineTest)
#include "timeline_test.moc"
