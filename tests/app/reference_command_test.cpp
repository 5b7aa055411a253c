// From a run with a quality pass to a reference and what is said against it, by the program.
#include "tests/app/program.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot::called;

class ReferenceCommandTest : public Program {
    Q_OBJECT

    Outcome call(const QStringList& arguments) const {
        return Program::call(arguments + QStringList{"--store", store_}, folder_.path());
    }
    /// A sweep with a quality pass on a small text, after which `more` stands.
    Outcome assessed(const QStringList& more, const QString& window = "24") const {
        return call(QStringList{"run",         "-m",
                                "stories260k", "-t",
                                "1",           "-s",
                                "16",          "-r",
                                "2",           "--no-warmup",
                                "--min-time",  "0",
                                "--rounds",    "2",
                                "-q",          "--tokenizer",
                                "bytes+bos",   "--quality-data",
                                "text.lines",  "--quality-window",
                                window,        "-o",
                                "json"} +
                    more);
    }
    static QJsonArray runs_in(const Outcome& said) {
        return QJsonDocument::fromJson(said.out.toUtf8()).array();
    }

private slots:
    void initTestCase() {
        QVERIFY(folder_.isValid());
        store_ = folder_.filePath("runs.sweetspot");
        write(folder_.filePath("text.lines"),
              "once upon a time\nx\nthere was a small machine that counted\nand never stopped\n");
    }

    void a_sweep_has_cost_and_quality_on_each_row() {
        const auto said = assessed({"--quality", "perplexity", "--precision", "f32,bf16"});
        QCOMPARE(said.status, 0);
        const auto runs = runs_in(said);
        QCOMPARE(runs.size(), 2);
        for (const QJsonValue run : runs) {
            QVERIFY(run["perplexity"].toDouble() > 1);
            QVERIFY(run["step_seconds"].toDouble() > 0);
            QVERIFY(run["quality_peak_bytes"].toDouble() > 0);
            QCOMPARE(run["peak_bytes"].toDouble(), run["predicted_peak_bytes"].toDouble());
        }
    }

    void without_what_was_kept_the_point_is_impossible_and_says_how() {
        const auto said = assessed({"--quality", "reference", "--reference", "1"});
        const auto run = runs_in(said).at(0);
        QCOMPARE(run["status"].toString(), QString("impossible"));
        QVERIFY2(run["reason"].toString().contains("`sweetspot reference 1` does that"),
                 qPrintable(run["reason"].toString()));
    }

    void a_run_without_a_quality_pass_is_no_reference() {
        QCOMPARE(call({"run", "-m", "stories260k", "-t", "1", "-s", "16", "-r", "1", "--no-warmup",
                       "--min-time", "0", "--rounds", "1", "-q"})
                     .status,
                 0);
        const auto said = call({"reference", "last"});
        QCOMPARE(said.status, 2);
        QVERIFY2(said.errors.contains("has no quality pass to keep"), qPrintable(said.errors));
    }

    void a_run_is_held_against_what_was_kept() {
        QCOMPARE(call({"reference", "1"}).status, 0);
        const auto said =
            assessed({"--quality", "reference", "--reference", "1", "--precision", "f32,bf16"});
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        const auto runs = runs_in(said);
        QCOMPARE(runs.at(0)["kl_mean"].toDouble(-1), 0.0);
        QCOMPARE(runs.at(0)["logit_difference_max"].toDouble(-1), 0.0);
        QCOMPARE(runs.at(0)["top1_agreement"].toDouble(), 1.0);
        QVERIFY(runs.at(1)["kl_mean"].toDouble() > 0 && runs.at(1)["kl_mean"].toDouble() < 0.01);
        const auto id = QString::number(runs.at(1)["run_id"].toInteger());
        const auto text = call({"compare", "1", id});
        QVERIFY2(text.out.contains("tokens of text.lines in windows of 24"), qPrintable(text.out));
        QVERIFY2(text.out.contains("Run " + id + " against run 1"), qPrintable(text.out));
        const auto json =
            QJsonDocument::fromJson(call({"compare", "1", id, "-o", "json"}).out.toUtf8());
        const auto quality = json[0]["quality"];
        QCOMPARE(quality["layers"].toArray().size(), 15);
        QVERIFY(quality["paired"]["ratio_low"].toDouble() <
                quality["paired"]["ratio_high"].toDouble());
        QVERIFY(!quality["log10_logit_differences"].toArray().isEmpty());
        const auto page = call({"compare", "1", id, "-o", "html"}).out;
        QVERIFY(page.contains("<h2>Quality</h2>"));
    }

    void a_run_is_held_against_its_own_model_with_nothing_rounded() {
        const auto said = assessed({"--quality", "reference", "--reference", "dense",
                                    "--weight-format", "dense,q8_0,q4_0"});
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        const auto runs = runs_in(said);
        const auto kl = [&](int run) { return runs.at(run)["kl_mean"].toDouble(-1); };
        QCOMPARE(kl(0), 0.0);
        QVERIFY2(0 < kl(1) && 10 * kl(1) < kl(2),
                 qPrintable(QString("%1 %2").arg(kl(1)).arg(kl(2))));
        QCOMPARE(runs.at(1)["scored"]["reference"].toString(), QString("the dense model"));
        for (const QJsonValue run : runs) {
            QVERIFY(run["perplexity"].toDouble() > 1 && run["step_seconds"].toDouble() > 0);
            QCOMPARE(run["peak_bytes"].toDouble(), run["predicted_peak_bytes"].toDouble());
        }
    }

    void another_layout_is_held_against_padded_batches_of_the_same_tokens() {
        const auto said = call(
            {"run",        "-m",        "stories260k",  "--weights", "random",   "-t",
             "1",          "-s",        "32",           "-b",        "4",        "--batches",
             "3",          "--lengths", "uniform:4:32", "-r",        "2",        "--no-warmup",
             "--min-time", "0",         "--rounds",     "1",         "--layout", "padded,ragged",
             "--quality",  "reference", "--reference",  "padded",    "-q",       "-o",
             "json"});
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        const auto runs = runs_in(said);
        QCOMPARE(runs.at(0)["logit_difference_max"].toDouble(-1), 0.0);
        const double off = runs.at(1)["logit_difference_max"].toDouble(-1);
        QVERIFY2(off >= 0 && off < 1e-4, qPrintable(QString::number(off)));
        QCOMPARE(runs.at(1)["scored"]["reference"].toString(), QString("padded batches"));
        // L-infinity of each of the three batches, and the time of each op in each.
        const auto report = call({"report", "last", "-o", "md", "--out", "study"});
        QVERIFY2(report.status == 0, qPrintable(report.errors));
        for (const char* plot : {"logit-batches", "logits", "op-batches", "memory-over-time"})
            QVERIFY2(report.out.contains(QString("study/%1.png").arg(plot)),
                     qPrintable(report.out));
    }

    void random_data_have_no_perplexity_to_pay_with() {
        const auto said = call({"run", "-m", "stories260k", "-t", "1", "-s", "16", "--quality",
                                "reference", "--reference", "dense", "-q", "-o", "json"});
        QVERIFY2(runs_in(said).at(0)["reason"].toString().contains("is of real text"),
                 qPrintable(said.out));
    }

    void a_training_is_assessed_by_the_weights_it_ends_with() {
        const QStringList training{"run",         "-m",
                                   "stories260k", "--task",
                                   "train",       "-t",
                                   "1",           "--data",
                                   "text.lines",  "--tokenizer",
                                   "bytes+bos",   "-s",
                                   "24",          "-b",
                                   "2",           "--steps",
                                   "20",          "--learning-rate",
                                   "0.001",       "--validation",
                                   "0",           "--quality",
                                   "perplexity",  "--quality-data",
                                   "text.lines",  "--quality-window",
                                   "24",          "-q",
                                   "-o",          "json"};
        const auto without = runs_in(call(training)).at(0);
        QVERIFY2(without["reason"].toString().contains("name a folder for them in save"),
                 qPrintable(without["reason"].toString()));
        const auto said = call(training + QStringList{"--save", "learnt"});
        QVERIFY2(said.status == 0, qPrintable(said.out + said.errors));
        const auto learnt = runs_in(said).at(0);
        const auto before = runs_in(assessed({"--quality", "perplexity"})).at(0),
                   after =
                       runs_in(assessed({"--quality", "perplexity", "--weights", "learnt"})).at(0);
        // Of the weights it saved, whoever loads them, and less than before it learned.
        QVERIFY(std::abs(learnt["perplexity"].toDouble() / after["perplexity"].toDouble() - 1) <
                1e-6);
        QVERIFY(learnt["perplexity"].toDouble() < 0.8 * before["perplexity"].toDouble());
    }

    void a_run_of_other_windows_fails_with_the_reason() {
        const auto said = assessed({"--quality", "reference", "--reference", "1"}, "20");
        QCOMPARE(said.status, 4);
        QVERIFY2(runs_in(said).at(0)["reason"].toString().contains(
                     "run 1 cannot be the reference: its window is 24 tokens, this run's is 20"),
                 qPrintable(said.out));
    }

    void a_baseline_in_a_file_knows_what_it_scored() {
        write(folder_.filePath("base.jsonl"), call({"export", "1", "-o", "jsonl"}).out.toUtf8());
        const auto other = runs_in(assessed({"--quality", "perplexity"}, "20"));
        const auto id = QString::number(other.at(0)["run_id"].toInteger());
        const auto said = call({"compare", "base.jsonl", id, "--fail-on", "quality"});
        QCOMPARE(said.status, 7);
        QVERIFY2(said.out.contains("their windows (24, 20 tokens)"), qPrintable(said.out));
        QCOMPARE(call({"compare", "base.jsonl", "1", "--fail-on", "quality"}).status, 0);
    }

    void a_file_that_was_changed_is_refused() {
        QFile file(store_ + ".references/run-1.reference");
        QVERIFY(file.open(QIODevice::ReadWrite));
        file.seek(file.size() - 1);
        file.write("\1");
        file.close();
        const auto said = assessed({"--quality", "reference", "--reference", "1"});
        QCOMPARE(said.status, 4);
        QVERIFY2(runs_in(said).at(0)["reason"].toString().contains("was changed or cut"),
                 qPrintable(said.out));
    }
};

SWEETSPOT_TEST(ReferenceCommandTest)
#include "reference_command_test.moc"
