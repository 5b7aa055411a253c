#include "app/worker/predict.h"
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "engine/config/resources.h"
#include "engine/data/csv.h"
#include "engine/data/esm2_study.h"
#include "engine/tasks/published_memory.h"
#include "tests/suite.h"
#include <QtTest>
#include <map>

using namespace sweetspot;

/// The account of memory that the ESM-2 study's program would give, and the study's figures.
class PublishedMemoryTest : public QObject {
    Q_OBJECT

    /// As experiments/hpml-memory.json has them.
    static RunConfig base() {
        RunConfig run;
        run.weights = "random";
        run.device = DeviceKind::plan;
        run.plan_for = PlanFor::cuda;
        run.precision = Precision::f16;
        run.lengths = "esm2-study";
        run.batches = 15;
        return run;
    }

private slots:
    void the_formula_meets_every_point_of_both_figures_within_0_42_gb() {
        const CsvTable table = read_csv(resource_path("data/hpml-memory.csv"));
        std::map<std::pair<std::int64_t, int>, std::vector<BatchShape>> drawn; // a second each
        double furthest = 0;
        for (const auto& row : table.rows) {
            RunConfig run = base();
            for (const char* field : {"model", "token_budget", "sequence", "attention"})
                QVERIFY(set_field(run, field, row[table.column(field)]));
            auto& batches = drawn[{run.token_budget, run.sequence}];
            if (batches.empty()) batches = esm2_study_batches<std::int32_t>(run, random_residues());
            const ModelConfig model = load_model_config(run.model);
            run.memory_model = MemoryModel::as_published;
            QCOMPARE(impossible(run, model).value_or(""), std::string());
            const auto computed = published_memory(run, model, batches).use.peak_total;
            run.memory_model = MemoryModel::plotted;
            QCOMPARE(impossible(run, model).value_or(""), std::string());
            const auto plotted = plotted_memory(run).use.peak_total;
            double gigabytes = 0; // std::stod's point is the locale's
            QVERIFY(from_text(row[table.column("gigabytes")], gigabytes));
            QCOMPARE(double(plotted) / 1e9, gigabytes);
            furthest = std::max(furthest, std::abs(double(computed) - double(plotted)) / 1e9);
        }
        QCOMPARE(table.rows.size(), std::size_t(23 + 40));
        QVERIFY2(furthest > 0.3 && furthest < 0.42, qPrintable(QString::number(furthest)));
    }

    void a_plan_gives_each_account_of_the_same_work() {
        RunConfig run = base();
        run.token_budget = 2560;
        run.sequence = 512;
        const Prediction ours = predict(run);
        run.memory_model = MemoryModel::as_published;
        const Prediction theirs = predict(run);
        run.memory_model = MemoryModel::plotted;
        const Prediction seen = predict(run);
        // 6 bytes of each of 7.5 million parameters, 44 of 320 channels of 16 x 514 tokens.
        QCOMPARE(theirs.totals.memory.peak_total, std::size_t(6 * 7512353 + 44 * 320 * 16 * 514));
        QCOMPARE(theirs.totals.memory.at_peak[std::size_t(Purpose::weights)],
                 std::size_t(6 * 7512353));
        QCOMPARE(seen.totals.memory.peak_total, std::size_t(180e6));
        QVERIFY(ours.totals.memory.peak_total < theirs.totals.memory.peak_total);
        QCOMPARE(theirs.outcome.tokens.padded, ours.outcome.tokens.padded);
        QCOMPARE(theirs.cost.flops, ours.cost.flops);
        QVERIFY(ours.outcome.caveat.empty());
        QVERIFY(theirs.outcome.caveat.starts_with("memory_model as_published is the study's"));
        QVERIFY(seen.outcome.caveat.starts_with("memory_model plotted is 0.18 GB (10^9 bytes)"));
        run.sequence = 640;
        QVERIFY_EXCEPTION_THROWN(predict(run), Error);
    }

    void what_the_study_did_not_have_is_refused() {
        const ModelConfig model = load_model_config("esm2-8m");
        const auto refusal = [&](auto change) {
            RunConfig run = base();
            run.memory_model = MemoryModel::plotted;
            change(run);
            return impossible(run, model).value_or("");
        };
        QCOMPARE(refusal([](RunConfig& run) { run.layout = Layout::ragged; }),
                 std::string("memory_model plotted is about layout padded, not ragged"));
        QCOMPARE(refusal([](RunConfig& run) { run.precision = Precision::bf16; }),
                 std::string("memory_model plotted is about products in f16 on a GPU: precision "
                             "f16 and plan_for cuda"));
        QCOMPARE(refusal([](RunConfig& run) { run.lengths = "fixed"; }),
                 std::string("memory_model plotted is about the batches that the study drew: "
                             "lengths esm2-study"));
        QCOMPARE(refusal([](RunConfig& run) { run.device = DeviceKind::cuda; }),
                 std::string("memory_model plotted needs device plan and task forward"));
        RunConfig run = base();
        run.memory_model = MemoryModel::as_published;
        QCOMPARE(impossible(run, load_model_config("llama-110m")).value_or(""),
                 std::string("memory_model as_published is about ESM-2; llama-110m is of the "
                             "family llama"));
    }
};

SWEETSPOT_TEST(PublishedMemoryTest)
#include "published_memory_test.moc"
