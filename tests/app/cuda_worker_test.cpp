// The worker on the emulated GPU: what a run records, and what becomes of it where things go wrong.
#include "app/experiment/key.h"
#include "app/experiment/plan.h"
#include "app/runner/devices.h"
#include "app/worker/devices.h"
#include "app/worker/run_one.h"
#include "app/worker/selftest.h"
#include "kernels/emulation/runtime.h"
#include "tests/suite.h"
#include <QtTest>
#include <fstream>

using namespace sweetspot;

static RunRecord record_of(const RunConfig& config) {
    RunRecord record;
    run_one(config, [&](const Line& line) { apply(line, record); });
    return record;
}

static RunConfig small() {
    RunConfig config;
    config.device = DeviceKind::cuda;
    config.model = "stories260k";
    config.task = Task::perplexity;
    config.batch = 2;
    config.sequence = 12;
    config.warmup = 1;
    config.repeats = config.max_repeats = 2;
    config.min_seconds = 0;
    return config;
}

static QString reason(const RunRecord& record) {
    return QString::fromStdString(record.reason);
}

class CudaWorkerTest : public QObject {
    Q_OBJECT
private slots:
    void cleanup() { emulation::reset_device(); }

    void a_run_records_device_time_and_reserved_memory_and_the_gpu() {
        const RunRecord r = record_of(small());
        QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
        QCOMPARE(r.samples.at("device_seconds").size(), 3u); // the warm-up, marked, and two
        QVERIFY(r.metrics.at("peak_reserved_bytes") >= r.metrics.at("peak_bytes"));
        QVERIFY(r.environment.contains("gpu"));
        QVERIFY(r.metrics.contains("trace_overhead"));
    }

    void an_ops_seconds_are_those_of_its_kernels() {
        const RunRecord r = record_of(small());
        QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
        double of_ops = 0;
        for (const RegionSum& region : r.regions)
            if (region.path.ends_with("/matmul") || region.path.ends_with("/attention"))
                of_ops += region.seconds;
        // Launches only queue: by the host's clock these would be next to nothing.
        const double step = r.samples.at("device_seconds").back().value;
        QVERIFY2(of_ops > step / 4, qPrintable(QString("%1 of %2").arg(of_ops).arg(step)));
    }

    void predicted_memory_is_measured_memory() {
        for (const Task task : {Task::forward, Task::perplexity, Task::generate})
            for (const AttentionVariant attention :
                 {AttentionVariant::naive, AttentionVariant::flash})
                for (const Precision precision : {Precision::f32, Precision::bf16}) {
                    if (task == Task::generate && attention == AttentionVariant::naive) continue;
                    RunConfig config = small();
                    config.task = task;
                    config.attention = attention;
                    config.precision = precision;
                    config.new_tokens = 3;
                    const RunRecord r = record_of(config);
                    QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
                    QCOMPARE(r.metrics.at("peak_bytes"), r.metrics.at("predicted_peak_bytes"));
                }
    }

    void the_gpu_and_the_cpu_find_the_same_loss() {
        RunConfig config = small();
        const double gpu = record_of(config).metrics.at("loss_nats");
        config.device = DeviceKind::cpu;
        const double cpu = record_of(config).metrics.at("loss_nats");
        QVERIFY2(std::abs(gpu - cpu) < 1e-5 * cpu, qPrintable(QString::number(gpu - cpu)));
    }

    void a_graph_is_recorded_once_for_a_shape() {
        RunConfig config = small();
        config.launch = LaunchMode::graph;
        config.repeats = config.max_repeats = 5;
        const RunRecord r = record_of(config);
        QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
        QCOMPARE(r.metrics.at("graphs_recorded"), 1.0);
    }

    void without_a_gpu_the_run_fails_with_a_sentence_and_the_next_device_is_told() {
        emulation::set_device_count(0);
        const RunRecord r = record_of(small());
        QCOMPARE(r.status, RunStatus::failed);
        QCOMPARE(*r.failure, Failure::device);
        QVERIFY2(reason(r).contains("no GPU"), r.reason.c_str());
        const auto devices = worker_devices();
        QVERIFY(!devices.back().available);
        QVERIFY(QString::fromStdString(devices.back().meaning).contains("no GPU"));
    }

    void an_old_driver_is_named_with_both_versions() {
        emulation::set_driver_version(12000);
        const RunRecord r = record_of(small());
        QCOMPARE(*r.failure, Failure::device);
        QVERIFY2(reason(r).contains("12.0") && reason(r).contains("13.0"), r.reason.c_str());
    }

    void an_old_gpu_is_unsupported() {
        emulation::set_capability(75);
        const RunRecord r = record_of(small());
        QCOMPARE(*r.failure, Failure::unsupported);
        QVERIFY2(reason(r).contains("7.5"), r.reason.c_str());
    }

    void a_gpu_that_is_not_there_is_named() {
        RunConfig config = small();
        config.gpu = 3;
        const RunRecord r = record_of(config);
        QCOMPARE(*r.failure, Failure::device);
        QVERIFY2(reason(r).contains("no GPU 3"), r.reason.c_str());
    }

    void a_run_that_does_not_fit_is_refused_before_it_tries() {
        emulation::set_device_memory(4 << 20);
        RunConfig config = small();
        config.batch = 64;
        config.sequence = 64;
        config.attention = AttentionVariant::naive;
        const RunRecord r = record_of(config);
        QCOMPARE(r.status, RunStatus::failed);
        QCOMPARE(*r.failure, Failure::out_of_memory);
    }

    void an_allocation_that_fails_names_the_request_its_purpose_and_the_largest_tensors() {
        RunConfig config = small();
        config.memory_limit_bytes = 1.5e6;
        const RunRecord r = record_of(config);
        QCOMPARE(r.status, RunStatus::failed);
        QCOMPARE(*r.failure, Failure::out_of_memory);
        QVERIFY2(reason(r).contains("asked for workspace"), r.reason.c_str());
        QVERIFY2(reason(r).contains("largest"), r.reason.c_str());
        QCOMPARE(record_of(small()).status, RunStatus::done); // it cost one run
    }

    void a_single_allocation_that_fails_is_tried_again_after_the_pool_gave_back() {
        emulation::fail_allocation(0);
        QCOMPARE(record_of(small()).status, RunStatus::done);
    }

    void managed_memory_beyond_the_gpu_is_refused_unless_it_is_allowed() {
        emulation::set_device_memory(38 << 20);
        RunConfig config = small();
        config.model = "fms-micro"; // 9 MiB, and 32 MiB of workspace
        config.weight_memory = WeightMemory::managed;
        RunRecord r = record_of(config);
        QCOMPARE(*r.failure, Failure::out_of_memory);
        QVERIFY2(reason(r).contains("allow_oversubscription"), r.reason.c_str());
        QVERIFY2(reason(r).contains("hang"), r.reason.c_str());
        config.allow_oversubscription = true;
        r = record_of(config);
        QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
        QVERIFY(r.metrics.at("peak_bytes") > 38 << 20);
    }

    void a_budget_below_one_layer_is_refused_with_the_bytes_it_needs() {
        RunConfig config = small();
        config.weight_memory = WeightMemory::streamed;
        config.weight_budget_bytes = 1000;
        const RunRecord r = record_of(config);
        QCOMPARE(*r.failure, Failure::bad_input);
        QVERIFY2(reason(r).contains("budget"), r.reason.c_str());
    }

    void weights_that_are_streamed_are_counted() {
        RunConfig config = small();
        const RunRecord whole = record_of(config);
        config.weight_memory = WeightMemory::streamed;
        config.weight_budget_bytes = 0.75 * whole.metrics.at("peak_weights_bytes");
        const RunRecord r = record_of(config);
        QVERIFY2(r.status == RunStatus::done, r.reason.c_str());
        QCOMPARE(r.metrics.at("loss_nats"), whole.metrics.at("loss_nats"));
        QVERIFY(r.metrics.at("moved_bytes") > 0);
        QVERIFY(r.metrics.at("peak_pinned_bytes") > 0);
        QVERIFY(r.metrics.at("peak_weights_bytes") <= config.weight_budget_bytes);
    }

    void a_device_that_disappears_fails_one_run_and_the_sweep_goes_on() {
        QTemporaryDir folder;
        const QString fault = folder.filePath("fault");
        std::ofstream(fault.toStdString()) << "once";
        qputenv("EMULATED_FAULT", fault.toUtf8());
        struct Keep : RecordSink {
            void line(std::size_t index, const Line& line) override { apply(line, records[index]); }
            std::map<std::size_t, RunRecord> records;
        } keep;
        RunConfig config = small();
        config.rounds = 1;
        std::vector<PlannedRun> runs;
        for (const int batch : {1, 2, 3}) {
            config.batch = batch;
            runs.push_back({config, hash_of(config), {}});
        }
        SweepControl control;
        run_sweep(runs, keep, control, {.worker = EMULATED_WORKER});
        qunsetenv("EMULATED_FAULT");
        QCOMPARE(keep.records.size(), std::size_t(3));
        int failed = 0; // the one that is measured first: the seed draws their order
        for (const auto& [index, record] : keep.records) {
            if (record.status == RunStatus::done) continue;
            ++failed;
            QCOMPARE(record.status, RunStatus::failed);
            QCOMPARE(*record.failure, Failure::device);
            QVERIFY2(!record.reason.empty(), "a sentence");
        }
        QCOMPARE(failed, 1);
    }

    void the_worker_says_its_devices_to_others() {
        const auto devices = list_devices({.worker = EMULATED_WORKER});
        QCOMPARE(devices.size(), 3u);
        QCOMPARE(devices[2].name, std::string("cuda"));
        QVERIFY(devices[2].available);
        QVERIFY(devices[2].memory_bytes > 0);
    }

    void the_selftest_of_the_worker_compares_and_counts() {
        std::vector<std::string> said;
        const int status = run_selftest({"--only", "norm, rms, width 3", "--no-models"},
                                        [&](const std::string& line) { said.push_back(line); },
                                        {.worker = EMULATED_WORKER});
        QCOMPARE(status, 0);
        QCOMPARE(said.back(), std::string("every check holds"));
        QVERIFY(QString::fromStdString(said.at(1)).startsWith("norm: "));
    }
};

SWEETSPOT_TEST(CudaWorkerTest)
#include "cuda_worker_test.moc"
