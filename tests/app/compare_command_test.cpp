#include "tests/app/program.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot::called;

class CompareCommandTest : public Program {
    Q_OBJECT

    Outcome call(const QStringList& arguments) const {
        return Program::call(arguments + QStringList{"--store", store_}, folder_.path());
    }
    Outcome sweep(const QStringList& more) const {
        return call(QStringList{"run", "-m", "stories260k", "-t", "1", "-s", "32", "-r", "6",
                                "--no-warmup", "--min-time", "0", "--rounds", "2", "-q"} +
                    more);
    }
    void write(const QString& name, const QByteArray& text) const {
        Program::write(folder_.filePath(name), text);
    }

private slots:
    void initTestCase() {
        QVERIFY(folder_.isValid());
        store_ = folder_.filePath("runs.sweetspot");
        QCOMPARE(sweep({"-b", "1,2", "-a", "naive"}).status, 0);
        QCOMPARE(sweep({"-b", "1,2", "-a", "flash"}).status, 0);
    }

    void two_runs_get_bars_that_add_up_to_the_last_nanosecond() {
        const auto said = call({"compare", "1", "3", "-o", "json", "--by", "op"});
        QCOMPARE(said.status, 0);
        const auto pair = QJsonDocument::fromJson(said.out.toUtf8())[0];
        const auto falls = pair["waterfalls"].toArray();
        QCOMPARE(falls.size(), 4);
        for (const QJsonValue fall : falls) {
            QCOMPARE(fall["problem"].toString(), QString());
            qint64 sum = 0;
            for (const QJsonValue bar : fall["bars"].toArray()) sum += bar["change"].toInteger();
            QCOMPARE(sum, fall["b"].toInteger() - fall["a"].toInteger());
        }
        QVERIFY(!pair["why"].toArray().isEmpty());
    }

    void markdown_has_the_bars_and_the_reasons() {
        const auto said = call({"compare", "1", "3"});
        QVERIFY2(said.out.contains("| in all "), qPrintable(said.out));
        QVERIFY2(said.out.contains("peak memory"), qPrintable(said.out));
        const auto sweeps = call({"compare", "s1", "s2"});
        QVERIFY2(sweeps.out.contains("verdicts on times"), qPrintable(sweeps.out));
    }

    void a_page_needs_no_other_file() {
        const auto page = call({"compare", "1", "3", "-o", "html"}).out;
        QVERIFY(page.startsWith("<!DOCTYPE html>") && page.endsWith("</html>\n"));
        QVERIFY(page.contains("class=\"sorts\"") && page.contains("class=\"bars\""));
        QVERIFY(!page.contains("src=\"http") && !page.contains("href="));
    }

    void a_baseline_in_a_file_is_as_good_as_one_in_the_store() {
        const auto exported = call({"export", "s1", "-o", "jsonl"});
        QCOMPARE(exported.status, 0);
        write("base.jsonl", exported.out.toUtf8());
        const auto by_file = call({"compare", "base.jsonl", "s2", "-o", "json"});
        QVERIFY2(by_file.status == 0, qPrintable(by_file.errors));
        const auto file = QJsonDocument::fromJson(by_file.out.toUtf8()).array(),
                   store = QJsonDocument::fromJson(
                               call({"compare", "s1", "s2", "-o", "json"}).out.toUtf8())
                               .array();
        QCOMPARE(file.size(), 2);
        for (int i = 0; i < 2; ++i)
            QCOMPARE(file[i]["metrics"].toArray(), store[i]["metrics"].toArray());
        QCOMPARE(call({"compare", "base.jsonl", "s1", "--fail-on", "memory"}).status, 0);
        // A list of JSON does as well.
        write("base.json", call({"export", "s1", "-o", "json"}).out.toUtf8());
        QCOMPARE(call({"compare", "base.json", "s1", "--fail-on", "memory"}).status, 0);
    }

    void a_gate_breaks_on_more_memory_than_the_baseline_file_has() {
        write("base.jsonl", call({"export", "3", "-o", "jsonl"}).out.toUtf8());
        const auto said = call({"compare", "base.jsonl", "4", "--fail-on", "memory"});
        QCOMPARE(said.status, 3);
        QVERIFY2(said.errors.contains("Gate memory"), qPrintable(said.errors));
    }

    void an_undecided_gate_does_not_pass_unnoticed() {
        // Two rounds, one sweep after the other: nothing can be told of times.
        for (const QString gates : {"slower", "slower,memory", "undecided"}) {
            const auto said = call({"compare", "1", "3", "--fail-on", gates});
            QCOMPARE(said.status, 6);
            QVERIFY2(said.errors.contains("undecided: "), qPrintable(said.errors)); // what would do
        }
    }

    void what_cannot_be_compared_is_a_sentence_data() {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<int>("status");
        QTest::addColumn<QString>("sentence");
        QTest::newRow("no file") << QStringList{"none.jsonl", "s1"} << 2
                                 << "none.jsonl: there is no such file";
        QTest::newRow("no run") << QStringList{"other.jsonl", "s1"} << 2
                                << "holds no field of a run";
        QTest::newRow("not JSON") << QStringList{"text.jsonl", "s1"} << 2 << "text.jsonl, line 1";
        QTest::newRow("nothing measured so")
            << QStringList{"minus.jsonl", "s1"} << 2 << "cannot be -1";
        QTest::newRow("by") << QStringList{"1", "3", "--by", "lyer"} << 2
                            << "did you mean \"layer\"?";
        QTest::newRow("pinned") << QStringList{"pinned", "s1"} << 2 << "No sweep is pinned";
        QTest::newRow("points") << QStringList{"s3", "s1"} << 7 << "no points in common";
    }
    void what_cannot_be_compared_is_a_sentence() {
        write("other.jsonl", "{\"name\":\"x\"}\n");
        write("text.jsonl", "not JSON\n");
        write("minus.jsonl",
              "{\"batch\":1,\"status\":\"done\",\"samples\":{\"step_seconds\":[-1]}}\n");
        QFETCH(QStringList, words);
        QFETCH(int, status);
        QFETCH(QString, sentence);
        if (words.contains("s3"))
            QCOMPARE(call({"run", "-m", "stories260k", "-t", "1", "-s", "16", "-b", "4,8", "-r",
                           "1", "--no-warmup", "--min-time", "0", "--rounds", "1", "-q"})
                         .status,
                     0);
        const auto said = call(QStringList{"compare"} + words);
        QCOMPARE(said.status, status);
        QVERIFY2(said.errors.contains(sentence), qPrintable(said.errors));
        QVERIFY(said.out.isEmpty());
    }
};

SWEETSPOT_TEST(CompareCommandTest)
#include "compare_command_test.moc"
