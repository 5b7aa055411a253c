#include "app/cli/progress.h"
#include "app/cli/step_lines.h"
#include "tests/suite.h"
#include <QtTest>
#include <cstdio>
#include <iostream>
#include <sstream>

using namespace sweetspot;

namespace {

/// What is written to standard error as long as this lives.
class Errors {
public:
    Errors() : before_(std::cerr.rdbuf(text_.rdbuf())) {}
    ~Errors() { std::cerr.rdbuf(before_); }
    QString text() const { return QString::fromStdString(text_.str()); }

private:
    std::ostringstream text_;
    std::streambuf* before_;
};

} // namespace

class ProgressTest : public QObject {
    Q_OBJECT
private slots:
    /// Standard error is no terminal, wherever the test is run.
    void initTestCase() { QVERIFY(std::freopen("/dev/null", "w", stderr)); }

    void a_file_that_takes_long_to_read_is_told_once_with_the_time_left() {
        const Errors errors;
        ReadingProgress reading;
        reading("small.safetensors", 1);
        reading("large.safetensors", 0.1);
        QTest::qSleep(1100);
        QCOMPARE(errors.text(), QString());
        reading("large.safetensors", 0.5);
        reading("large.safetensors", 0.9);
        QVERIFY2(errors.text().startsWith("Reading large.safetensors once, to know its contents "
                                          "again: "),
                 qPrintable(errors.text()));
        QVERIFY2(errors.text().endsWith(" s left\n"), qPrintable(errors.text()));
        QCOMPARE(errors.text().count("Reading"), 1);
    }

    void a_step_of_a_training_is_a_line() {
        StepLines lines({.steps = 200, .flops_a_token = 5e6, .ceiling = 1e11});
        const auto add = [&](const char* metric, int step, double value) {
            return QString::fromStdString(
                lines.add({.metric = metric, .index = step, .value = value}).value_or(""));
        };
        QVERIFY(!lines.take());
        for (const auto& [metric, value] :
             {std::pair("step_seconds", 0.25), std::pair("train_loss", 3.14159),
              std::pair("gradient_norm", 0.8), std::pair("learning_rate", 3e-4),
              std::pair("step_tokens", 1000.0)})
            QCOMPARE(add(metric, 11, value), QString());
        // 1000 tokens of 5 MFLOP in 0.25 s are 20 GFLOP/s of 100.
        QCOMPARE(add("step_seconds", 12, 0.5),
                 QString("step 12/200 · loss 3.1416 · gradient norm 0.800 · lr 0.000300 · 250 ms · "
                         "MFU 20.0 % · 4.00 k tokens/s"));
        add("train_loss", 12, 2.25);
        add("validation_loss", 12, 2.5);
        QVERIFY(QString::fromStdString(*lines.take()).contains(" · validation 2.5000 · "));
        QVERIFY(!lines.take());
        StepLines unknown({.steps = 3});
        unknown.add({.metric = "step_seconds", .index = 0, .value = 1});
        QVERIFY(!unknown.take()); // of no step: a trace's
        unknown.add({.metric = "train_loss", .index = 0, .value = 1});
        QVERIFY(!QString::fromStdString(*unknown.take()).contains("MFU"));
    }

    void a_round_that_ended_is_said_once() {
        const std::vector<PlannedRun> runs(1);
        Progress progress(runs, {0}, TimeEstimate({}));
        RunRecord run;
        run.status = RunStatus::done;
        run.rounds.push_back({0, 1, 2});
        const Errors errors;
        progress.round_ended(0, 0, run);
        QCOMPARE(errors.text().count("1 of 3"), 1);
        QVERIFY2(errors.text().contains("round 1 of 3"), qPrintable(errors.text()));
    }
};

SWEETSPOT_TEST(ProgressTest)
#include "progress_test.moc"
