#include "app/experiment/lines.h"
#include "app/worker/devices.h"
#include "app/worker/environment.h"
#include "app/worker/run_one.h"
#include "tests/suite.h"
#include <QProcess>
#include <QtTest>

using namespace sweetspot;

/// A run's lines, put together as the store would.
static RunRecord record_of(const RunConfig& config) {
    RunRecord record;
    run_one(config, [&](const Line& line) { apply(line, record); });
    return record;
}

static RunConfig small() {
    RunConfig config;
    config.model = "esm2-8m";
    config.batch = 2;
    config.sequence = 24;
    config.warmup = 1;
    config.repeats = 3;
    config.max_repeats = 4;
    config.min_seconds = 0;
    return config;
}

class WorkerTest : public QObject {
    Q_OBJECT
private slots:
    void a_run_records_samples_memory_tokens_regions_and_its_end();
    void phases_of_a_generation_are_regions_of_their_own();
    void warm_up_samples_are_kept_and_marked();
    void predicted_memory_is_measured_memory();
    void the_device_plan_gives_the_same_work_and_memory_as_the_cpu();
    void an_unknown_model_fails_with_the_nearest_right_name();
    void a_memory_limit_gives_out_of_memory_naming_the_purpose();
    void a_device_that_is_not_there_fails_with_the_sentence_that_lists_it();
    void one_runs_resident_set_does_not_count_for_the_next();
    void the_program_answers_lines_and_refuses_unknown_fields();
};

void WorkerTest::a_run_records_samples_memory_tokens_regions_and_its_end() {
    const RunRecord r = record_of(small());
    QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
    QVERIFY(r.samples.at("step_seconds").size() >= 4u);
    for (const auto& sample : r.samples.at("step_seconds")) QVERIFY(sample.value > 0);
    QCOMPARE(r.metrics.at("tokens_nominal"), 48.0);
    QCOMPARE(r.metrics.at("tokens_computed"), 48.0);
    QVERIFY(r.metrics.at("flops") > 2 * 48 * 7e6); // two per weight and token, embeddings aside
    QVERIFY(r.metrics.at("rss_bytes") > r.metrics.at("peak_weights_bytes"));
    QVERIFY(r.metrics.contains("trace_overhead"));
    QVERIFY(r.environment.contains("isa"));
    QVERIFY(r.weights && !r.weights->loaded && r.weights->seed == 1);
    QCOMPARE(r.weights->parameters, std::int64_t(7512353));
    const auto has = [&](const std::string& part) {
        return std::any_of(r.regions.begin(), r.regions.end(), [&](const RegionSum& region) {
            return region.path.find(part) != std::string::npos && region.seconds > 0;
        });
    };
    QVERIFY(has("layer 5/"));
    QVERIFY(has("attention"));
    QVERIFY(has("matmul"));
    QVERIFY(r.memory.size() > 10u);
}

void WorkerTest::phases_of_a_generation_are_regions_of_their_own() {
    RunConfig config = small();
    config.model = "stories260k";
    config.task = Task::generate;
    config.new_tokens = 4;
    const RunRecord r = record_of(config);
    QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
    std::map<std::string, int> calls;
    for (const auto& region : r.regions) calls[region.path] = region.calls;
    QCOMPARE(calls["prefill"], 1);
    QCOMPARE(calls["decode"], 3);
    QCOMPARE(calls["decode/layer 0"], 3);
    QCOMPARE(r.samples.at("decode_seconds").size(), r.samples.at("prefill_seconds").size() * 3);
}

void WorkerTest::warm_up_samples_are_kept_and_marked() {
    const RunRecord r = record_of(small());
    int warm = 0;
    for (const auto& sample : r.samples.at("step_seconds")) warm += sample.warmup;
    QCOMPARE(warm, 1);
}

void WorkerTest::predicted_memory_is_measured_memory() {
    for (const auto attention : {AttentionVariant::naive, AttentionVariant::flash})
        for (const auto layout : {Layout::padded, Layout::bucketed, Layout::ragged})
            for (const auto precision : {Precision::f32, Precision::bf16}) {
                RunConfig config = small();
                config.attention = attention;
                config.layout = layout;
                config.precision = precision;
                config.batch = 5;
                config.lengths = "uniform:3:24";
                config.trace = false;
                const RunRecord r = record_of(config);
                QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
                QCOMPARE(r.metrics.at("peak_bytes"), r.metrics.at("predicted_peak_bytes"));
            }
}

void WorkerTest::the_device_plan_gives_the_same_work_and_memory_as_the_cpu() {
    RunConfig config = small();
    const RunRecord cpu = record_of(config);
    config.device = DeviceKind::plan;
    const RunRecord plan = record_of(config);
    QVERIFY2(plan.status == RunStatus::done, plan.reason.c_str());
    for (const char* metric : {"flops", "bytes_moved", "peak_bytes", "peak_weights_bytes",
                               "peak_activations_bytes", "tokens_computed"})
        QCOMPARE(plan.metrics.at(metric), cpu.metrics.at(metric));
    QVERIFY(plan.samples.empty());
}

void WorkerTest::an_unknown_model_fails_with_the_nearest_right_name() {
    RunConfig config = small();
    config.model = "esm-8m";
    const RunRecord r = record_of(config);
    QCOMPARE(r.status, RunStatus::failed);
    QCOMPARE(*r.failure, Failure::bad_input);
    QVERIFY2(r.reason.find("esm2-8m") != std::string::npos, r.reason.c_str());
}

void WorkerTest::a_memory_limit_gives_out_of_memory_naming_the_purpose() {
    RunConfig config = small();
    config.memory_limit_bytes = 10e6;
    const RunRecord r = record_of(config);
    QCOMPARE(r.status, RunStatus::failed);
    QCOMPARE(*r.failure, Failure::out_of_memory);
    QVERIFY2(r.reason.find("weights") != std::string::npos, r.reason.c_str());
}

void WorkerTest::a_device_that_is_not_there_fails_with_the_sentence_that_lists_it() {
    const DeviceInfo cuda = worker_devices().back();
    if (cuda.available) QSKIP("this machine has a GPU");
    RunConfig config = small();
    config.device = DeviceKind::cuda;
    const RunRecord r = record_of(config);
    QCOMPARE(r.status, RunStatus::failed);
    QVERIFY(*r.failure == Failure::unsupported || *r.failure == Failure::device);
    QVERIFY(!r.reason.empty());
    QCOMPARE(r.reason, cuda.meaning);
}

void WorkerTest::one_runs_resident_set_does_not_count_for_the_next() {
    RunConfig config = small();
    config.trace = false;
    record_of(config);
    const double first = record_of(config).metrics.at("rss_bytes");
    config.model = "esm2-35m";
    const double larger = record_of(config).metrics.at("rss_bytes");
    config.model = "esm2-8m";
    const double again = record_of(config).metrics.at("rss_bytes");
    QVERIFY(larger > first + 50e6);
    QVERIFY2(again < first + 50e6, "the larger run's memory counted for the smaller one after it");
}

void WorkerTest::the_program_answers_lines_and_refuses_unknown_fields() {
    QProcess worker;
    worker.start(SWEETSPOT_BINARY_DIR "/bin/sweetspot-worker", QStringList{});
    QVERIFY(worker.waitForStarted());
    RunConfig config = small();
    config.device = DeviceKind::plan;
    worker.write((to_json_line(config) + "\n{\"modle\":\"esm2-8m\"}\n").c_str());
    worker.closeWriteChannel();
    QVERIFY(worker.waitForFinished());
    QCOMPARE(worker.exitCode(), 0);
    const auto lines = worker.readAllStandardOutput().trimmed().split('\n');
    const auto line = [&](int i) { return from_json_line(lines[i].toStdString()); };
    QVERIFY(std::holds_alternative<Started>(line(0)));
    QVERIFY(std::holds_alternative<Finished>(line(int(lines.size()) - 2)));
    const auto last = std::get<Failed>(line(int(lines.size()) - 1));
    QCOMPARE(last.failure, Failure::bad_input);
    QVERIFY2(last.reason.find("model") != std::string::npos, last.reason.c_str());
    QVERIFY(worker.readAllStandardError().isEmpty());
}

SWEETSPOT_TEST(WorkerTest)
#include "worker_test.moc"
