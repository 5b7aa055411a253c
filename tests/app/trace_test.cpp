// What is made of a trace: events for other programs, tables, and places below the roofs.
#include "app/analysis/kernels.h"
#include "app/analysis/roofline.h"
#include "app/analysis/trace_events.h"
#include "tests/profiler/trace_data.h"
#include <QtTest>
#include <bit>

using namespace sweetspot;

namespace {

/// A protobuf message as its encoding tells it: fields by their numbers.
class Message {
public:
    struct Field {
        int number = 0;
        std::uint64_t value = 0;
        std::string bytes{};
    };
    explicit Message(std::string_view bytes) {
        for (std::size_t at = 0; at < bytes.size();) {
            const auto number = [&] {
                std::uint64_t value = 0;
                for (int shift = 0;; shift += 7) {
                    const auto byte = std::uint8_t(bytes.at(at++));
                    value |= std::uint64_t(byte & 0x7f) << shift;
                    if (byte < 0x80) return value;
                }
            };
            const std::uint64_t key = number();
            Field field{.number = int(key >> 3)};
            if ((key & 7) == 0) field.value = number();
            if ((key & 7) == 1)
                for (int i = 0; i < 8; ++i)
                    field.value |= std::uint64_t(std::uint8_t(bytes.at(at++))) << 8 * i;
            if ((key & 7) == 2) {
                const std::uint64_t length = number();
                field.bytes = bytes.substr(at, length);
                at += length;
            }
            fields_.push_back(field);
        }
    }
    std::vector<Field> all(int number) const {
        std::vector<Field> y;
        for (const Field& one : fields_)
            if (one.number == number) y.push_back(one);
        return y;
    }
    std::uint64_t value(int number) const { return all(number).empty() ? 0 : all(number)[0].value; }
    std::string text(int number) const {
        return all(number).empty() ? std::string() : all(number)[0].bytes;
    }

private:
    std::vector<Field> fields_{};
};

/// A slice as both formats tell it.
using Slice = std::tuple<std::string, std::string, qint64, qint64>; ///< track, name, begin, end

std::vector<Slice> slices_of_chrome(const std::string& json, int* values) {
    const auto events =
        QJsonDocument::fromJson(QByteArray::fromStdString(json)).object()["traceEvents"].toArray();
    std::map<int, std::string> tracks;
    std::vector<Slice> y;
    for (const QJsonValue& event : events) {
        const QString phase = event["ph"].toString();
        if (phase == "M" && event["name"] == "thread_name")
            tracks[event["tid"].toInt()] = event["args"]["name"].toString().toStdString();
        if (phase == "C") ++*values;
        if (phase != "X") continue;
        const auto nanoseconds = [&](const char* name) {
            return qRound64(event[name].toDouble() * 1000);
        };
        y.emplace_back(tracks[event["tid"].toInt()], event["name"].toString().toStdString(),
                       nanoseconds("ts"), nanoseconds("ts") + nanoseconds("dur"));
    }
    std::sort(y.begin(), y.end());
    return y;
}

/// By Perfetto's schema: TracePacket timestamp 8, track_event 11, track_descriptor 60; TrackEvent
/// type 9, track_uuid 11, name 23; TrackDescriptor uuid 1, name 2.
std::vector<Slice> slices_of_perfetto(const std::string& bytes, int* values) {
    std::map<std::uint64_t, std::string> tracks;
    std::map<std::uint64_t, std::vector<Slice>> open;
    std::vector<Slice> y;
    qint64 first = -1;
    for (const auto& packet : Message(bytes).all(1)) {
        const Message message(packet.bytes);
        if (const auto track = message.all(60); !track.empty()) {
            const Message about(track[0].bytes);
            tracks[about.value(1)] = about.text(2);
        }
        if (message.all(11).empty()) continue;
        const Message event(message.text(11));
        const auto time = qint64(message.value(8));
        if (first < 0) first = time;
        auto& stack = open[event.value(11)];
        switch (event.value(9)) {
        case 1: stack.emplace_back(tracks[event.value(11)], event.text(23), time, 0); break;
        case 2:
            std::get<3>(stack.back()) = time;
            y.push_back(stack.back());
            stack.pop_back();
            break;
        case 4: ++*values; break;
        }
    }
    for (auto& [track, name, begin, end] : y) begin -= first, end -= first;
    std::sort(y.begin(), y.end());
    return y;
}

} // namespace

class TraceAnalysisTest : public QObject {
    Q_OBJECT
private slots:
    void both_formats_tell_the_same_events() {
        const Trace trace = small_trace();
        int chrome_values = 0, perfetto_values = 0;
        const auto chrome = slices_of_chrome(chrome_trace(trace, "run 1"), &chrome_values);
        const auto perfetto = slices_of_perfetto(perfetto_trace(trace, "run 1"), &perfetto_values);
        QCOMPARE(chrome.size(), trace.regions.size() + trace.activities.size());
        QVERIFY(chrome == perfetto);
        QCOMPARE(chrome_values, 2 + 1 + 2); // readings, what was live, changes
        QCOMPARE(perfetto_values, chrome_values);
        QVERIFY(std::find(chrome.begin(), chrome.end(),
                          Slice("GPU stream 7", "product_kernel", 1000, 1800)) != chrome.end());
    }

    void slices_of_one_track_never_overlap() {
        Trace trace = small_trace();
        for (int i = 0; i < 20; ++i) { // kernels side by side on one stream
            Activity one = trace.activities.back();
            one.kind = ActivityKind::kernel;
            one.begin = 100 * i, one.end = 100 * i + 350;
            trace.activities.push_back(one);
        }
        std::stable_sort(trace.activities.begin(), trace.activities.end(),
                         [](const auto& a, const auto& b) { return a.begin < b.begin; });
        const TraceEvents events = events_of(trace);
        std::map<std::size_t, std::vector<const TraceEvents::Slice*>> open;
        for (const auto& slice : events.slices) {
            auto& stack = open[slice.track];
            while (!stack.empty() && stack.back()->end <= slice.begin) stack.pop_back();
            QVERIFY(stack.empty() || stack.back()->end >= slice.end);
            stack.push_back(&slice);
        }
        QCOMPARE(events.slices.size(), trace.regions.size() + trace.activities.size());
    }

    void a_launch_points_at_what_it_launched() {
        const Trace trace = small_trace();
        const TraceEvents events = events_of(trace);
        std::map<std::uint32_t, int> ends;
        for (const auto& slice : events.slices)
            if (slice.flow) ends[slice.flow] += slice.launches ? 1 : 10;
        QCOMPARE(ends.size(), std::size_t(4));
        for (const auto& [flow, sum] : ends) QCOMPARE(sum, 11);
    }

    void layers_are_added_up_and_keep_their_cost() {
        const auto times = region_times(small_trace());
        QCOMPARE(times.size(), std::size_t(3));
        QCOMPARE(times[0].path, std::string("layer *"));
        QCOMPARE(times[0].calls, std::size_t(2));
        QCOMPARE(times[0].cost.flops, 2 * (2e6 + 1e3));
        QCOMPARE(times[1].path, std::string("layer */matmul"));
        QCOMPARE(times[1].device_seconds, 2 * 800e-9);
        QCOMPARE(region_times(small_trace(), true).size(), std::size_t(6));
    }

    void tables_have_a_row_a_kernel_and_a_region() {
        const auto lines = QString::fromStdString(kernels_csv(small_trace())).split('\n');
        QVERIFY(lines[0].startsWith("kernel,region,calls,total_seconds"));
        QCOMPARE(lines.size(), 1 + 4 + 1);
        QVERIFY(lines[1].startsWith("product_kernel,layer 0/matmul,1,8e-07"));
        const auto rows =
            QJsonDocument::fromJson(QByteArray::fromStdString(kernels_json(small_trace()))).array();
        QCOMPARE(rows.size(), 4);
        QCOMPARE(rows[0]["theoretical_occupancy"].toDouble(), 0.5);
        QCOMPARE(QJsonDocument::fromJson(QByteArray::fromStdString(regions_json(small_trace())))
                     .array()
                     .size(),
                 6);
    }

    /// By NVIDIA's occupancy calculator.
    void occupancy_is_of_the_scarcest_resource() {
        const auto of = [](int threads, int registers, int shared, int capability) {
            return theoretical_occupancy(
                       {.block = {threads, 1, 1}, .registers = registers, .shared_bytes = shared},
                       capability)
                .value_or(-1);
        };
        QCOMPARE(of(256, 32, 0, 90), 1.0);
        QCOMPARE(of(256, 64, 0, 90), 0.5);           // registers: 4 blocks of 8 warps
        QCOMPARE(of(128, 32, 100 << 10, 90), 0.125); // shared memory: 2 blocks of 4 warps
        QCOMPARE(of(32, 16, 0, 90), 0.5);            // 32 blocks of a warp
        QCOMPARE(of(1024, 32, 0, 89), 32.0 / 48);    // a second block would be too many warps
        QCOMPARE(of(384, 168, 0, 90), 12.0 / 64);
        QCOMPARE(of(256, 32, 0, 75), -1.0); // not known here
    }

    void each_bound_has_its_rule_data() {
        QTest::addColumn<Stretch>("stretch");
        QTest::addColumn<Bound>("bound");
        // Roofs: 1e12 FLOP/s, 1e11 B/s.
        QTest::newRow("nothing ran") << Stretch{.seconds = 1} << Bound::waiting;
        QTest::newRow("the host waited for what it had launched")
            << Stretch{.seconds = 1, .busy = 0.3, .synchronising = 0.5, .flops = 1e11}
            << Bound::synchronisation;
        QTest::newRow("the host was late")
            << Stretch{.seconds = 1, .busy = 0.3, .flops = 3e11} << Bound::launch;
        QTest::newRow("copies") << Stretch{.seconds = 1, .busy = 1, .copying = 0.6, .flops = 9e11}
                                << Bound::copy;
        QTest::newRow("short kernels")
            << Stretch{.seconds = 1e-3, .busy = 1e-3, .flops = 1e8, .bytes = 1e7, .launches = 1000}
            << Bound::launch;
        QTest::newRow("short kernels that reach a roof")
            << Stretch{.seconds = 1e-3, .busy = 1e-3, .flops = 6e8, .bytes = 1e6, .launches = 1000}
            << Bound::compute;
        QTest::newRow("far from both roofs")
            << Stretch{.seconds = 1, .busy = 1, .flops = 4e10, .bytes = 4e9} << Bound::waiting;
        QTest::newRow("products") << Stretch{.seconds = 1, .busy = 1, .flops = 7e11, .bytes = 1e9}
                                  << Bound::compute;
        QTest::newRow("passes over memory")
            << Stretch{.seconds = 1, .busy = 1, .flops = 1e10, .bytes = 8e10} << Bound::memory;
    }
    void each_bound_has_its_rule() {
        QFETCH(Stretch, stretch);
        QFETCH(Bound, bound);
        QCOMPARE(int(place(stretch, 1e12, 1e11, 4e-6).bound), int(bound));
    }

    void shares_are_of_the_roofs_that_were_measured() {
        const Placement y =
            place({.seconds = 2, .busy = 2, .flops = 1e12, .bytes = 2e10}, 1e12, 1e11, 0);
        QCOMPARE(y.compute_share, 0.5);
        QCOMPARE(y.memory_share, 0.1);
        QCOMPARE(y.intensity, 50.0);
        const Placement unmeasured = place({.seconds = 2, .busy = 2, .flops = 1e12}, 0, 0, 0);
        QCOMPARE(unmeasured.share(), 0.0);
    }

    void ops_are_placed_by_their_own_time_and_type() {
        const Ceilings ceilings{
            .device = "a GPU",
            .all = {{"copy", "B/s", 1e11, 0.01}, {"matmul, bf16", "FLOP/s", 1e13, 0.01}}};
        const auto ops = placed_ops(small_trace(), ceilings);
        QCOMPARE(ops.size(), std::size_t(2));
        QCOMPARE(ops[0].time.path, std::string("layer */matmul"));
        QCOMPARE(ops[0].placement.compute_share, 4e6 / 1.6e-6 / 1e13);
        QCOMPARE(ops[1].placement.compute_share, 0.0); // no rate of f32 was measured
    }
};

QTEST_GUILESS_MAIN(TraceAnalysisTest)
#include "trace_test.moc"
