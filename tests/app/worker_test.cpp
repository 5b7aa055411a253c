#include "app/experiment/lines.h"
#include "app/worker/devices.h"
#include "app/worker/environment.h"
#include "app/worker/quality.h"
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
    void a_billion_tokens_are_predicted_in_64_mib();
    void the_device_plan_gives_the_same_work_and_memory_as_the_cpu();
    void a_quality_pass_leaves_what_is_measured_as_it_was();
    void a_quality_pass_is_what_task_perplexity_computes();
    void a_reference_that_does_not_fit_is_refused_before_anything_is_measured();
    void a_run_against_itself_and_in_bf16();
    void a_probe_says_how_near_its_head_comes();
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

/// With a quality pass on a small text.
static RunConfig assessed(const QTemporaryDir& folder) {
    const auto path = folder.filePath("text.lines");
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly)) qFatal("write");
    file.write("once upon a time\nx\nthere was a small machine that counted\nand never stopped\n");
    RunConfig config = small();
    config.model = "stories260k";
    config.threads = 1;
    config.trace = false;
    config.quality = QualityPass::perplexity;
    config.quality_data = path.toStdString();
    config.quality_window = 24;
    config.tokenizer = "bytes+bos";
    return config;
}

void WorkerTest::a_quality_pass_leaves_what_is_measured_as_it_was() {
    const QTemporaryDir folder;
    for (const Task task : {Task::forward, Task::generate}) {
        RunConfig config = assessed(folder);
        config.task = task;
        config.new_tokens = 4;
        config.model = "fms-micro"; // whose ids are bytes
        config.tokenizer = "bytes";
        const RunRecord with = record_of(config);
        QVERIFY2(with.status == RunStatus::done, with.reason.c_str());
        QCOMPARE(with.metrics.at("peak_bytes"), with.metrics.at("predicted_peak_bytes"));
        RunConfig alone = config;
        alone.quality = QualityPass::none;
        const RunRecord without = record_of(alone);
        for (const char* metric : {"peak_bytes", "flops", "bytes_moved", "tokens_nominal"})
            QCOMPARE(with.metrics.at(metric), without.metrics.at(metric));
        QCOMPARE(with.samples.at("step_seconds").size(), without.samples.at("step_seconds").size());
        config.device = DeviceKind::plan; // which predicts both, each by itself
        const RunRecord plan = record_of(config);
        QVERIFY2(plan.status == RunStatus::done, plan.reason.c_str());
        for (const char* metric : {"peak_bytes", "quality_peak_bytes"})
            QCOMPARE(plan.metrics.at(metric), with.metrics.at(metric));
    }
}

void WorkerTest::a_quality_pass_is_what_task_perplexity_computes() {
    const QTemporaryDir folder;
    const RunConfig config = assessed(folder);
    const RunRecord pass = record_of(config), task = record_of(quality_pass_of(config));
    QVERIFY2(pass.status == RunStatus::done, pass.reason.c_str());
    QVERIFY2(task.status == RunStatus::done, task.reason.c_str());
    for (const char* metric : {"perplexity", "loss_nats", "scored_tokens"})
        QCOMPARE(pass.metrics.at(metric), task.metrics.at(metric));
    QCOMPARE(pass.metrics.at("quality_peak_bytes"), task.metrics.at("peak_bytes"));
    QVERIFY(pass.token_losses == task.token_losses);
    QCOMPARE(double(pass.token_losses.size()), pass.metrics.at("scored_tokens"));
    QCOMPARE(pass.scored->tokens_sha256, task.scored->tokens_sha256);
    QCOMPARE(pass.scored->window, 24);
    QCOMPARE(pass.scored->marks, std::string("each after a token that begins it"));
}

void WorkerTest::a_reference_that_does_not_fit_is_refused_before_anything_is_measured() {
    const QTemporaryDir folder;
    RunConfig config = assessed(folder);
    const auto file = folder.filePath("reference").toStdString();
    write_reference(record_reference(config, "run 12", [](const Line&) {}), file);
    config.quality = QualityPass::reference;
    const auto refused = [](const RunConfig& run, const char* with) {
        const RunRecord r = record_of(run);
        QVERIFY(r.status == RunStatus::failed && r.failure == Failure::bad_input);
        QVERIFY2(r.reason.find(with) != r.reason.npos, r.reason.c_str());
        QVERIFY(r.samples.empty());
    };
    refused(config, "quality reference needs a reference");
    config.reference = file;
    RunConfig other = config;
    other.quality_window = 20;
    refused(other, "run 12 cannot be the reference: its window is 24 tokens, this run's is 20");
    other = config, other.tokenizer = "bytes";
    refused(other, "its tokenizer is bytes+bos, this run's is bytes");
    other = config, other.quality_data = "";
    refused(other, "is of real text: name a file in quality_data");
    QFile changed(QString::fromStdString(file));
    QVERIFY(changed.open(QIODevice::Append));
    changed.write("x");
    changed.close();
    refused(config, "was changed or cut since it was written");
}

void WorkerTest::a_run_against_itself_and_in_bf16() {
    const QTemporaryDir folder;
    RunConfig config = assessed(folder);
    const auto file = folder.filePath("reference").toStdString();
    write_reference(record_reference(config, "run 12", [](const Line&) {}), file);
    config.quality = QualityPass::reference;
    config.reference = file;
    const RunRecord same = record_of(config);
    QVERIFY2(same.status == RunStatus::done, same.reason.c_str());
    for (const char* metric :
         {"kl_mean", "kl_median", "kl_p99", "logit_difference_max", "logit_difference_mean"})
        QCOMPARE(same.metrics.at(metric), 0.0);
    QCOMPARE(same.metrics.at("top1_agreement"), 1.0);
    QCOMPARE(same.difference_bins.size(), 1u);
    QVERIFY(std::isinf(same.difference_bins[0].from));
    QCOMPARE(same.layer_differences.size(), 15u);
    for (const auto& place : same.layer_differences) QCOMPARE(place.relative, 0.0);
    QCOMPARE(same.scored->reference, std::string("run 12"));
    config.precision = Precision::bf16;
    const RunRecord bf16 = record_of(config);
    QVERIFY2(bf16.status == RunStatus::done, bf16.reason.c_str());
    QVERIFY(bf16.metrics.at("kl_mean") > 0 && bf16.metrics.at("kl_mean") < 0.01);
    QVERIFY(bf16.metrics.at("kl_p99") >= bf16.metrics.at("kl_median"));
    std::int64_t counted = 0;
    for (const auto& bin : bf16.difference_bins) counted += bin.count;
    QCOMPARE(counted, bf16.scored->reference_tokens * bf16.scored->vocabulary);
    QVERIFY(bf16.layer_differences[0].relative > 0);
    double largest = 0;
    for (const auto& batch : bf16.batch_differences) largest = std::max(largest, batch.largest);
    QCOMPARE(largest, bf16.metrics.at("logit_difference_max"));
    std::int64_t of_run = 0, of_reference = 0;
    for (const auto& bin : bf16.logit_bins) of_run += bin.run, of_reference += bin.reference;
    QCOMPARE(of_run, counted);
    QCOMPARE(of_reference, counted);
}

void WorkerTest::a_probe_says_how_near_its_head_comes() {
    RunConfig config = small();
    config.task = Task::probe;
    config.data = "data/flip-format.csv";
    config.sequence = 64;
    config.warmup = 0;
    config.repeats = config.max_repeats = 1;
    const RunRecord r = record_of(config);
    QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
    QVERIFY(std::abs(r.metrics.at("pearson")) <= 1 && std::abs(r.metrics.at("spearman")) <= 1);
    QVERIFY(r.metrics.at("rmse") > 0);
    QVERIFY(!r.metrics.contains("perplexity"));
    QCOMPARE(r.texts.at("split"),
             std::string("rows train 58, validation 10, test 28; by column set and validation"));
    QVERIFY(r.texts.at("head").starts_with("ridge with penalty "));
    QVERIFY(r.texts.at("caveat").starts_with("the features are those of random weights"));
    QCOMPARE(r.metrics.at("peak_bytes"), r.metrics.at("predicted_peak_bytes"));
    QVERIFY(r.samples.contains("features_seconds") && r.samples.contains("fit_seconds"));

    config.target = "set"; // as classes, by splits that are drawn
    config.split_column = "";
    const RunRecord classes = record_of(config);
    QVERIFY2(classes.status == RunStatus::done, classes.reason.c_str());
    QVERIFY(classes.metrics.at("accuracy") > 0.3 && classes.metrics.contains("macro_f1"));
    QVERIFY(!classes.metrics.contains("pearson"));
    QVERIFY(classes.texts.at("confusion").starts_with("{\"test\":{"));
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

void WorkerTest::a_billion_tokens_are_predicted_in_64_mib() {
#ifndef __OPTIMIZE__
    QSKIP("An unoptimised worker takes minutes for a billion tokens.");
#endif
    QProcess worker;
    worker.start(SWEETSPOT_BINARY_DIR "/bin/sweetspot-worker", QStringList{});
    QVERIFY(worker.waitForStarted());
    RunConfig config = small();
    config.device = DeviceKind::plan;
    config.batch = 1000;
    config.sequence = 1'000'000;
    worker.write((to_json_line(config) + "\n").c_str());
    QByteArray said;
    constexpr int most_milliseconds = 200'000; // of a busy machine; it takes ten seconds
    while (!said.contains("\"finished\"") && worker.waitForReadyRead(most_milliseconds))
        said += worker.readAllStandardOutput();
    RunRecord predicted;
    for (const QByteArray& text : said.trimmed().split('\n')) {
        const Line line = from_json_line(text.toStdString());
        apply(line, predicted);
    }
    QCOMPARE(predicted.metrics["tokens_nominal"], 1e9);
    // What the program itself is must be counted, too.
    QFile status(QString("/proc/%1/status").arg(worker.processId()));
    QVERIFY(status.open(QIODevice::ReadOnly));
    const QString most = QString::fromLatin1(status.readAll()).split('\n').filter("VmHWM").value(0);
    QVERIFY2(most.simplified().section(' ', 1, 1).toLongLong() < 64 << 10, qPrintable(most));
    worker.closeWriteChannel();
    QVERIFY(worker.waitForFinished());
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
