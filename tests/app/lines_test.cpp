#include "app/experiment/lines.h"
#include "tests/suite.h"
#include <QTest>
#include <cmath>
#include <limits>

using namespace sweetspot;

namespace {

/// What Error(bad_input) says of a line; "" if the line is fine.
std::string refusal(std::string_view text) {
    try {
        from_json_line(text);
    } catch (const Error& error) {
        return error.kind == Failure::bad_input ? error.what() : "another failure";
    }
    return {};
}

std::string config_refusal(std::string_view text) {
    try {
        config_from_json_line(text);
    } catch (const Error& error) {
        return error.kind == Failure::bad_input ? error.what() : "another failure";
    }
    return {};
}

} // namespace

class LinesTest : public QObject {
    Q_OBJECT

private slots:
    void a_line_is_written_as_one_object() {
        QCOMPARE(
            to_json_line(Measured{"step_seconds", 3, 0.25, true}),
            R"({"line":"sample","metric":"step_seconds","index":3,"value":0.25,"warmup":true,"round":0})");
        QCOMPARE(to_json_line(Failed{Failure::out_of_memory, "no more", 12}),
                 R"({"line":"failed","failure":"out_of_memory","reason":"no more",)"
                 R"("unix_seconds":12.0})");
        QCOMPARE(to_json_line(Environment{{{"cpu", "X '9'"}}}),
                 R"({"line":"environment","facts":{"cpu":"X '9'"}})");
    }

    void every_kind_of_line_reads_back() {
        RunConfig config;
        config.prompt = "Zwölf\nBoxkämpfer \"jagen\" \x01";
        config.seed = std::numeric_limits<std::int64_t>::max();
        config.noise = 0.1;
        const std::vector<Line> lines = {
            Started{"0123456789abcdef", config, 1700000000.123456},
            Environment{{{"cpu", "some"}, {"memory", "8589934592"}}},
            WeightsUsed{true, "/a/b.safetensors", "ab12", -7, 8'000'000'000},
            DataUsed{"/a/b.fasta", "ab13", 4, 73},
            Phase{"warmup", 0.5},
            Measured{"step_seconds", 2, 0.1, false},
            Metric{"peak_bytes", 9007199254740993.0},
            Text{"generated", "Once\nupon"},
            RegionSum{"layer 3/attention", 4, 0.25, 0.125, 1e12, 3e9},
            MemoryPoint{0.5, Purpose::kv_cache, 5},
            Round{2, 1700000000.25, 1700000001.25},
            Scored{"/a/b.txt", "ab14", "esm", 33, 256, "each begins with <s>", "ab15", "12", "ab16",
                   7},
            TokenLosses{{0.1F, -3e-30F, std::numeric_limits<float>::infinity()}},
            DifferenceBin{-std::numeric_limits<double>::infinity(), -6, 3},
            LayerDifference{4, BlockPlace::residual, 0.25},
            BatchDifference{3, 0.125},
            LogitBin{-1.5, -1, 40, 41},
            Finished{1700000001.5},
            Failed{Failure::timed_out, "too long", 3},
            BatchRegion{"attention", 3, 0.125},
            RegionOccurrence{"layer 3/attention/matmul", 1, 2, 0.125, 1e12, 3e9},
        };
        QCOMPARE(lines.size(), std::variant_size_v<Line>);
        for (const auto& line : lines) {
            const auto text = to_json_line(line);
            const auto back = from_json_line(text);
            QCOMPARE(back.index(), line.index());
            QCOMPARE(to_json_line(back), text);
            QVERIFY(text.find('\n') == text.npos);
        }
        const auto started = std::get<Started>(from_json_line(to_json_line(lines[0])));
        QVERIFY(started.config == config);
        QCOMPARE(started.unix_seconds, 1700000000.123456);
        const auto region = std::get<RegionSum>(from_json_line(to_json_line(lines[8])));
        QCOMPARE(region.seconds, std::get<RegionSum>(lines[8]).seconds);
        QCOMPARE(region.calls, 4);
        const auto weights = std::get<WeightsUsed>(from_json_line(to_json_line(lines[2])));
        QCOMPARE(weights.parameters, std::int64_t(8'000'000'000));
        const auto memory = std::get<MemoryPoint>(from_json_line(to_json_line(lines[9])));
        QCOMPARE(memory.purpose, Purpose::kv_cache);
        QCOMPARE(memory.bytes, 5.0);
    }

    void numbers_lose_nothing() {
        for (const double v :
             {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.123456,
              std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
            const auto back =
                std::get<Metric>(from_json_line(to_json_line(Metric{"loss_nats", v})));
            QCOMPARE(back.value, v);
            QCOMPARE(std::signbit(back.value), std::signbit(v));
        }
        const auto none = std::get<Metric>(from_json_line(to_json_line(Metric{"x", NAN})));
        QVERIFY(std::isnan(none.value));
    }

    void bytes_that_are_not_utf8_are_replaced_not_refused() {
        const auto text = to_json_line(Text{"generated", "a\xff!"});
        QCOMPARE(std::get<Text>(from_json_line(text)).text, std::string("a\xEF\xBF\xBD!"));
    }

    void what_is_no_line_is_refused_with_the_place() {
        QCOMPARE(refusal("Segmentation fault").find("a record line: line 1, column 1: "), 0u);
        QCOMPARE(refusal(R"({"line":"sampel"})"),
                 R"(there is no record line "sampel"; did you mean "sample"?)");
        QCOMPARE(refusal("7"), R"(a record line is an object that says its kind, {"line": …})");
        QCOMPARE(refusal(R"({"line":"metric","name":"x"})"),
                 R"(record line "metric": "value" is missing)");
        QCOMPARE(refusal(R"({"line":"metric","name":"x","value":"big"})"),
                 R"(record line "metric": "value" "big" is not a number)");
        QCOMPARE(refusal(R"({"line":"metric","name":4,"value":1})"),
                 R"(record line "metric": "name" is not a string)");
        QCOMPARE(refusal(R"({"line":"metric","name":"x","value":1,"more":2})"),
                 R"(record line "metric": it has more than it should)");
        QCOMPARE(refusal(R"({"line":"sample","metric":"x","index":1.5,"value":1,"warmup":false})"),
                 R"(record line "sample": "index" is not a whole number)");
        QCOMPARE(refusal(R"({"line":"sample","metric":"x","index":3000000000,"value":1,)"
                         R"("warmup":false})"),
                 "record line \"sample\": \"index\" 3000000000 is not a whole number from "
                 "-2147483648 to 2147483647");
        QCOMPARE(refusal(R"({"line":"memory","seconds":1,"purpose":"lunch","bytes":1})"),
                 R"(record line "memory": "purpose" is none of weights, activations, gradients, )"
                 R"(optimizer, kv_cache, workspace)");
        QCOMPARE(refusal(R"({"line":"failed","failure":"sad","reason":"","unix_seconds":1})"),
                 R"(record line "failed": "failure" is none of bad_input, bad_shape, )"
                 R"(unsupported, out_of_memory, device, file, timed_out, crashed, killed, )"
                 R"(interrupted, bug)");
    }

    void what_cannot_have_been_measured_is_refused() {
        const auto wrong = [](const Line& line) { return refusal(to_json_line(line)); };
        QCOMPARE(wrong(Measured{"step_seconds", 0, -1, false}),
                 R"(record line "sample": "value" cannot be -1)");
        QCOMPARE(wrong(Measured{"step_seconds", 0, NAN, false}),
                 R"(record line "sample": "value" cannot be nan)");
        QCOMPARE(wrong(Measured{"step_seconds", -4, 1, false}),
                 R"(record line "sample": "index" cannot be -4)");
        QCOMPARE(wrong(Metric{"peak_bytes", -8}), R"(record line "metric": "value" cannot be -8)");
        QCOMPARE(wrong(Metric{"flops", INFINITY}),
                 R"(record line "metric": "value" cannot be inf)");
        QCOMPARE(wrong(Phase{"load", 7}), R"(record line "phase": "fraction" cannot be 7)");
        QCOMPARE(wrong(RegionSum{.path = "model", .seconds = -1}),
                 R"(record line "region": "seconds" cannot be -1)");
        QCOMPARE(wrong(DataUsed{.sequences = -1}),
                 R"(record line "data": "sequences" cannot be -1)");
        // A loss may be anything, and tracing may seem to cost less than nothing.
        QCOMPARE(wrong(Metric{"loss_nats", NAN}), "");
        QCOMPARE(wrong(Metric{"perplexity", INFINITY}), "");
        QCOMPARE(wrong(Metric{"trace_overhead", -0.25}), "");
        QCOMPARE(wrong(RegionSum{.path = "model", .seconds = NAN}), "");
    }

    void a_text_that_is_not_utf8_is_no_line() {
        QVERIFY(refusal("{\"line\":\"text\",\"name\":\"a\",\"text\":\"\xff\"}") != "");
    }

    void a_config_reads_back_and_missing_fields_are_the_usual_ones() {
        RunConfig config;
        config.attention = AttentionVariant::naive;
        config.timeout_seconds = std::nextafter(1.0, 2.0);
        QVERIFY(config_from_json_line(to_json_line(config)) == config);
        QVERIFY(config_from_json_line("{}") == RunConfig{});
    }

    void a_wrong_config_is_refused_with_the_nearest_name() {
        QCOMPARE(config_refusal(R"({"atention":"flash"})"),
                 R"(a configuration: there is no field "atention"; did you mean "attention"?)");
        QCOMPARE(config_refusal(R"({"attention":"flsh"})"),
                 R"(a configuration: "attention" cannot be "flsh"; did you mean "flash"?)");
        QCOMPARE(config_refusal(R"({"batch":0})"),
                 R"(a configuration: "batch" is a whole number from 1 to 1000000, not "0")");
        QCOMPARE(
            config_refusal(R"({"batch":[1]})"),
            R"(a configuration.batch: a list is neither a number nor a string, true or false)");
        QCOMPARE(config_refusal("[]"), "a configuration is an object of fields, not a list");
    }

    void a_record_is_its_lines_put_together() {
        RunRecord record;
        RunConfig config;
        config.batch = 3;
        apply(Started{"abc", config, 10}, record);
        QCOMPARE(record.status, RunStatus::running);
        apply(Environment{{{"cpu", "some"}}}, record);
        apply(WeightsUsed{.seed = 5}, record);
        apply(Phase{"measure", 0.5}, record);
        apply(Measured{"step_seconds", 0, 0.5, true}, record);
        apply(Measured{"step_seconds", 1, 0.25, false}, record);
        apply(Metric{"peak_bytes", 100}, record);
        apply(Text{"generated", "hello"}, record);
        apply(RegionSum{.path = "model"}, record);
        apply(MemoryPoint{.seconds = 2}, record);
        auto failed = record;
        apply(Finished{20}, record);

        QCOMPARE(record.status, RunStatus::done);
        QCOMPARE(record.hash, std::string("abc"));
        QCOMPARE(record.config.batch, 3);
        QCOMPARE(record.started_unix_seconds, 10.0);
        QCOMPARE(record.ended_unix_seconds, 20.0);
        QCOMPARE(record.environment.at("cpu"), std::string("some"));
        QCOMPARE(record.weights->seed, 5);
        QCOMPARE(record.samples.at("step_seconds").size(), 2u);
        QCOMPARE(record.samples.at("step_seconds")[1].value, 0.25);
        QCOMPARE(record.metrics.at("peak_bytes"), 100.0);
        QCOMPARE(record.texts.at("generated"), std::string("hello"));
        QCOMPARE(record.regions.size(), 1u);
        QCOMPARE(record.memory.size(), 1u);

        apply(Failed{Failure::crashed, "SIGSEGV", 21}, failed);
        QCOMPARE(failed.status, RunStatus::failed);
        QVERIFY(failed.failure == Failure::crashed);
        QCOMPARE(failed.reason, std::string("SIGSEGV"));
        QCOMPARE(failed.samples.at("step_seconds").size(), 2u);
    }
};

SWEETSPOT_TEST(LinesTest)
#include "lines_test.moc"
