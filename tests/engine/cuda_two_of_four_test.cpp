// Models whose linears are in 2:4 on the emulated GPU, with a cuSPARSELt that stands in for the
// real one.
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "engine/device/device.h"
#include "kernels/emulation/block.h"
#include "kernels/emulation/runtime.h"
#include "tests/cuda/cusparselt_stand_in.h"
#include "tests/engine/files.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <dlfcn.h>

using namespace sweetspot;

namespace {

struct Found {
    double loss = 0;
    Outcome outcome{};
    std::size_t weights = 0; ///< bytes
};

Found run_of(const RunConfig& config) {
    DeviceContext device(config);
    const auto work = make_workload(config, device.context());
    Found y;
    for (int step = 0; step < 3; ++step) // a graph is recorded, and repeated
        work->run_phase(0);
    y.outcome = work->outcome();
    y.loss = y.outcome.loss_nats.value_or(0);
    y.weights = device.totals().memory.live[std::size_t(Purpose::weights)];
    return y;
}

} // namespace

class CudaTwoOfFourTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string model_{};
    std::unique_ptr<QTemporaryDir> cache_{};
    stand_in::CusparseLt* own_ = nullptr;

    RunConfig config(WeightFormat format) {
        RunConfig run{{.model = model_, .task = Task::perplexity, .device = DeviceKind::cuda},
                      {.batch = 3, .sequence = 11, .lengths = "uniform:3:11"}};
        run.precision = Precision::bf16;
        run.prune = PruneBy::magnitude;
        run.prune_pattern = PrunePattern::two_of_four;
        run.weight_format = format;
        return run;
    }

private slots:
    void initTestCase() {
        void* opened = dlopen(CUSPARSELT_FILE, RTLD_NOW | RTLD_GLOBAL);
        QVERIFY2(opened, dlerror());
        own_ =
            reinterpret_cast<stand_in::CusparseLt* (*)()>(dlsym(opened, "cusparselt_stand_in"))();
        model_ = files::written(folder_.filePath("esm2.json").toStdString(), R"({"vocabulary": 33,
            "family": "esm2", "layers": 2, "width": 64, "heads": 4, "mlp_width": 128,
            "head": "masked", "bias": true, "tied_head": true, "token_dropout": true,
            "positions": 96, "init_range": 0.3})");
    }
    void init() {
        emulation::reset_device();
        emulation::set_order({emulation::Order::forward});
        cache_ = std::make_unique<QTemporaryDir>();
        qputenv("XDG_CACHE_HOME", cache_->path().toUtf8());
        *own_ = {};
    }
    void cleanupTestCase() { *own_ = {}; }

    void a_model_in_2_4_computes_what_its_mask_computes_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields :
             {"layout=ragged", "launch=graph fusion=none weight_memory=managed",
              "weight_memory=streamed weight_budget_bytes=110000"})
            QTest::newRow(fields) << fields;
    }
    void a_model_in_2_4_computes_what_its_mask_computes() {
        QFETCH(QString, fields);
        RunConfig masked = config(WeightFormat::dense),
                  stored = config(WeightFormat::two_of_four_bf16);
        for (RunConfig* run : {&masked, &stored})
            for (const QString& field : fields.split(' ', Qt::SkipEmptyParts))
                QVERIFY(set_field(*run, field.section('=', 0, 0).toStdString(),
                                  field.section('=', 1).toStdString()));
        const double expected = run_of(masked).loss;
        QCOMPARE(own_->products, 0);
        // Both ways were timed before, and 2:4 won; now it computes.
        own_->computes = false;
        run_of(stored);
        own_->computes = true;
        const Found found = run_of(stored);
        QVERIFY(own_->products > 0);
        QVERIFY2(std::abs(found.loss - expected) < 4e-3 * expected,
                 qPrintable(QString("%1, not %2").arg(found.loss).arg(expected)));
    }

    void each_layer_is_dense_where_2_4_loses_and_the_row_has_both_times() {
        RunConfig plan = config(WeightFormat::two_of_four_bf16);
        plan.device = DeviceKind::plan;
        plan.plan_for = PlanFor::cuda;
        const auto predicted = [](const RunConfig& run) {
            DeviceContext device(run);
            const auto work = make_workload(run, device.context());
            return device.totals().memory.live[std::size_t(Purpose::weights)];
        };
        const std::size_t in_2_4 = predicted(plan);
        plan.weight_format = WeightFormat::dense;
        const std::size_t dense = predicted(plan);
        const std::size_t linears = 2 * 64 * (3 * 64 + 64 + 2 * 128);
        QCOMPARE(dense - in_2_4, linears * 2 * 7 / 16);
        plan.weight_format = WeightFormat::two_of_four_bf16;
        const std::string said = run_of(plan).outcome.weight_note;
        QVERIFY2(said.ends_with("; all of these counted in 2:4: a GPU keeps dense what is faster "
                                "so, up to 0.0547 MiB more"),
                 said.c_str());

        own_->microseconds = 4000;
        const Found slow = run_of(config(WeightFormat::two_of_four_bf16));
        QCOMPARE(slow.weights, dense);
        for (const char* words :
             {"2:4_bf16; ", "; with 33 rows: query_key_value dense (", " us; in 2:4 ",
              "attention_output dense (", "up dense (", "down dense ("})
            QVERIFY2(slow.outcome.weight_note.find(words) != std::string::npos,
                     slow.outcome.weight_note.c_str());

        init(); // another machine, where it is fast
        own_->computes = false;
        const Found fast = run_of(config(WeightFormat::two_of_four_bf16));
        QCOMPARE(fast.weights, in_2_4);
        for (const char* words : {"query_key_value in 2:4 (", "; dense ", "down in 2:4 ("})
            QVERIFY2(fast.outcome.weight_note.find(words) != std::string::npos,
                     fast.outcome.weight_note.c_str());
    }

    void a_width_that_no_kernel_takes_stays_dense_and_is_named() {
        own_->more_bytes = 64;
        const Found found = run_of(config(WeightFormat::two_of_four_bf16));
        QVERIFY2(found.outcome.weight_note.find("down dense (cuSPARSELt stores [64, 128] in 9280 "
                                                "bytes, more than 9/16 of the dense ones)") !=
                     std::string::npos,
                 found.outcome.weight_note.c_str());
        QCOMPARE(own_->compressions, 0);
    }

    void more_than_two_of_four_are_refused_before_they_are_lost() {
        own_->microseconds = 4000; // dense would do
        RunConfig run = config(WeightFormat::two_of_four_bf16);
        run.model = run.weights = SWEETSPOT_SOURCE_DIR "/tests/golden/esm2-tiny";
        run.prune = PruneBy::none;
        const QString why = files::error_of([&] { run_of(run); });
        QVERIFY2(why.contains("stores two of four neighbours"), qPrintable(why));
    }

    void what_a_gpu_cannot_do_in_2_4_is_said_data() {
        QTest::addColumn<QString>("field");
        QTest::addColumn<QString>("sentence");
        const auto row = [](const char* field, const char* sentence) {
            QTest::newRow(field) << field << sentence;
        };
        row("precision=f16", "weight_format 2:4_bf16 on a GPU is for precision bf16, the type of "
                             "its numbers, not for f16");
        row("precision=f32", "weight_format 2:4_bf16 on a GPU is for precision bf16, the type of "
                             "its numbers, not for f32");
        row("fusion=mlp_norm", "fusion mlp_norm reads dense weights; weight_format is 2:4_bf16");
        row("fusion=dropout_norm", "weight_format 2:4_bf16 on a GPU goes with fusion none or "
                                   "epilogues, not with dropout_norm");
    }
    void what_a_gpu_cannot_do_in_2_4_is_said() {
        QFETCH(QString, field);
        QFETCH(QString, sentence);
        RunConfig run = config(WeightFormat::two_of_four_bf16);
        QVERIFY(set_field(run, field.section('=', 0, 0).toStdString(),
                          field.section('=', 1).toStdString()));
        QCOMPARE(QString::fromStdString(impossible(run, load_model_config(run.model)).value_or("")),
                 sentence);
    }
};

SWEETSPOT_TEST(CudaTwoOfFourTest)
#include "cuda_two_of_four_test.moc"
