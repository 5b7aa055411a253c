#include "app/cli/progress.h"
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
