// Learning what a table says of its sequences, through the whole model.
#include "engine/config/catalogue.h"
#include "engine/weights/stored_tensors.h"
#include "tests/engine/files.h"
#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>
#include <algorithm>
#include <numeric>
#include <span>

using namespace sweetspot;

namespace {

double share_right(const Predicted& predicted) {
    double right = 0;
    for (std::size_t i = 0; i < predicted.classes.size(); ++i)
        right += predicted.classes[i] == predicted.expected_classes[i];
    return right / double(predicted.classes.size());
}

} // namespace

class TargetTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string classes_, numbers_;

    /// Proteins whose residues say their class, and how much of A they have.
    RunConfig config_of(bool numbers) {
        RunConfig run = tiny_run();
        run.model = golden::folder("esm2-head24");
        run.learn = Learn::target;
        run.data = numbers ? numbers_ : classes_;
        run.batch = 8, run.sequence = 24, run.steps = 60, run.learning_rate = 3e-3;
        return run;
    }
    static RunConfig planned(RunConfig run) {
        run.device = DeviceKind::plan;
        return run;
    }

private slots:
    void initTestCase() {
        std::string classes = "sequence,target,set,validation\n", numbers = classes;
        std::mt19937 random(5);
        for (int row = 0; row < 60; ++row) {
            const bool basic = row % 2;
            std::string protein;
            int of_a = 0;
            const int length = 8 + int(random() % 12);
            for (int i = 0; i < length; ++i) {
                protein += random() % 3 ? (basic ? "KR" : "LV")[random() % 2] : "AG"[random() % 2];
                of_a += protein.back() == 'A';
            }
            const std::string split = row % 5 == 4   ? "test,"
                                      : row % 5 == 3 ? "train,True"
                                                     : "train,";
            classes += protein + (basic ? ",nuclear," : ",membrane,") + split + "\n";
            numbers += protein + "," + std::to_string(40 + 3 * of_a - length) + "," + split + "\n";
        }
        classes_ = files::written(folder_.filePath("classes.csv").toStdString(), classes);
        numbers_ = files::written(folder_.filePath("numbers.csv").toStdString(), numbers);
    }

    void classes_and_numbers_are_learned_and_told_of_rows_that_were_never_seen_data() {
        QTest::addColumn<QString>("fields");
        for (const char* fields : {"", "lora_rank=4 learning_rate=0.005",
                                   "lora_rank=4 learning_rate=0.005 weight_format=nf4_dq",
                                   "precision=bf16 layout=padded recompute=full"})
            QTest::newRow(fields) << fields;
    }
    void classes_and_numbers_are_learned_and_told_of_rows_that_were_never_seen() {
        QFETCH(QString, fields);
        for (const bool numbers : {false, true}) {
            RunConfig run = config_of(numbers);
            for (const QString& field : fields.split(' ', Qt::SkipEmptyParts))
                QVERIFY(set_field(run, field.section('=', 0, 0).toStdString(),
                                  field.section('=', 1).toStdString()));
            const Trained found = run_of(run);
            const auto mean = [](std::span<const double> some) {
                return std::accumulate(some.begin(), some.end(), 0.0) / double(some.size());
            };
            const std::span<const double> losses(found.losses()); // each is of a batch of its own
            QVERIFY2(mean(losses.last(10)) < 0.7 * mean(losses.first(10)),
                     qPrintable(QString::number(mean(losses.last(10)))));
            QVERIFY(found.predicted.has_value());
            QVERIFY(found.predicted->split.starts_with("rows train 36, validation 12, test 12"));
            if (!numbers) {
                QCOMPARE(found.predicted->classes.size(), std::size_t(12));
                QVERIFY(share_right(*found.predicted) > 0.9);
            } else {
                const auto& [lowest, highest] =
                    std::ranges::minmax(found.predicted->expected_numbers);
                QVERIFY(lowest > 10 && highest < 80); // as the table has them
                double off = 0, spread = 0;
                for (std::size_t i = 0; i < 12; ++i) {
                    const double expected = found.predicted->expected_numbers[i];
                    off += std::pow(found.predicted->numbers[i] - expected, 2);
                    spread += std::pow(expected - 32.0, 2);
                }
                QVERIFY2(off < spread, qPrintable(QString("%1 of %2").arg(off).arg(spread)));
            }
            QVERIFY(!found.outcome.loss_nats); // it is no loss of tokens
            const Trained plan = run_of(planned(run));
            QCOMPARE(plan.totals.memory.peak, found.totals.memory.peak);
            QCOMPARE(plan.totals.memory.peak_total, found.totals.memory.peak_total);
        }
    }

    /// A step along the gradient takes its squared norm off the loss, times its size.
    void gradients_are_those_of_the_loss() {
        for (const bool numbers : {false, true})
            for (const auto layout : {Layout::padded, Layout::ragged}) {
                RunConfig run = config_of(numbers);
                run.layout = layout, run.optimizer = OptimizerKind::sgd;
                run.clip = 0, run.weight_decay = 0, run.batch = 36, run.steps = 2;
                run.learning_rate = 1e-5;
                const Trained found = run_of(run); // all rows of train, twice
                const double fell = (found.losses()[0] - found.losses()[1]) / run.learning_rate,
                             square = std::pow(found.series.at("gradient_norm")[0], 2);
                QVERIFY2(std::abs(fell / square - 1) < 0.05,
                         qPrintable(QString("%1 for %2").arg(fell).arg(square)));
            }
    }

    void what_says_tokens_has_no_gradients() {
        for (const auto precision : {Precision::f32, Precision::bf16}) {
            RunConfig run = config_of(false);
            run.precision = precision, run.steps = 1;
            const Trained found = run_of(run);
            const int width = load_model_config(run.model).width;
            const auto dense = std::size_t(4 * width * width), // of the head on tokens
                bytes = 4 * std::size_t(found.outcome.trainable_parameters);
            const std::size_t gradients = found.totals.memory.peak[std::size_t(Purpose::gradients)];
            QVERIFY(gradients >= bytes);
            QVERIFY2(gradients - bytes < dense / 2, // each tensor's is rounded up to a block
                     qPrintable(QString("%1 of %2").arg(gradients).arg(bytes)));
        }
    }

    void layouts_agree_and_padding_is_in_no_mean() {
        for (const bool numbers : {false, true}) {
            RunConfig run = config_of(numbers);
            run.steps = 4;
            const auto ragged = run_of(run).losses();
            run.layout = Layout::padded;
            const auto padded = run_of(run).losses();
            for (std::size_t i = 0; i < 4; ++i) QVERIFY(std::abs(ragged[i] - padded[i]) < 1e-4);
            run.pooling = Pooling::off_by_one;
            QVERIFY(std::abs(run_of(run).losses()[0] - padded[0]) > 1e-5);
        }
    }

    void a_stopped_training_goes_on_with_its_head_to_the_bit() {
        for (const int rank : {0, 4}) {
            const QTemporaryDir folder;
            RunConfig run = config_of(false);
            run.steps = 8, run.lora_rank = rank;
            const Trained whole = run_of(run);
            run.checkpoint = folder.filePath("checkpoints").toStdString();
            run.checkpoint_steps = 3;
            run_of(run, 4);
            const Trained rest = run_of(run);
            QCOMPARE(rest.losses(),
                     std::vector<double>(whole.losses().begin() + 3, whole.losses().end()));
            QCOMPARE(rest.predicted->classes, whole.predicted->classes);
        }
    }

    void what_is_saved_has_the_head_beside_the_model() {
        RunConfig run = config_of(false);
        run.steps = 2, run.save = folder_.filePath("saved").toStdString();
        run_of(run);
        const StoredTensors head = open_weights(run.save + "/sequence_head.safetensors");
        QCOMPARE(head.tensors.size(), std::size_t(2));
        QCOMPARE(head.tensors.at("score.weight").shape,
                 (std::vector<std::int64_t>{2, load_model_config(run.model).width}));
        RunConfig again = tiny_run();
        again.model = run.model, again.weights = run.save, again.steps = 1;
        QCOMPARE(refusal_of(again), std::string()); // the model's own files are as ever
    }

    void what_is_no_table_is_refused() {
        RunConfig run = config_of(false);
        run.data = "random";
        QVERIFY2(refusal_of(run).starts_with("learn target fits a head to a table"),
                 refusal_of(run).c_str());
        run = config_of(false);
        run.target = "targte";
        QVERIFY2(refusal_of(run).find("has no column \"targte\"") != std::string::npos,
                 refusal_of(run).c_str());
        run = config_of(false);
        run.save = "anywhere", run.quality = QualityPass::perplexity, run.quality_data = classes_;
        QCOMPARE(refusal_of(run),
                 std::string("quality perplexity is of tokens; learn target scores "
                             "its own rows of test"));
        run = config_of(false);
        run.batch = 50;
        QVERIFY2(refusal_of(run).find("fill no batch of 50") != std::string::npos,
                 refusal_of(run).c_str());
    }
};

SWEETSPOT_TEST(TargetTest)
#include "target_test.moc"
