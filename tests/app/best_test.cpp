#include "tests/app/program.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot::called;

class BestTest : public Program {
    Q_OBJECT

    Outcome call(const QStringList& arguments) const {
        return Program::call(arguments + QStringList{"--store", store_}, folder_.path());
    }

private slots:
    void initTestCase() {
        QVERIFY(folder_.isValid());
        store_ = folder_.filePath("runs.sweetspot");
        const auto said = call({"run", "-m", "stories260k", "-t", "1", "-s", "16", "-b", "1,8",
                                "-a", "naive,flash", "-r", "2", "--no-warmup", "--min-time", "0",
                                "--rounds", "2", "-q"});
        QVERIFY2(said.status == 0, qPrintable(said.errors));
    }

    void it_takes_one_that_fits_and_says_why() {
        const auto said = call({"best", "last", "--minimise", "memory", "--limit", "batch>=8"});
        QCOMPARE(said.status, 0);
        QVERIFY2(said.out.startsWith("Take run "), qPrintable(said.out));
        QVERIFY(said.out.contains("the best within batch ≥ 8"));
        QVERIFY2(said.out.contains("Against run 1: peak memory"), qPrintable(said.out));
        QVERIFY2(said.out.contains("batch 1 → 8 cost"), qPrintable(said.out));
        QVERIFY(said.out.contains("| run"));
    }

    void json_holds_the_same() {
        const auto said =
            call({"best", "--minimise", "memory", "--limit", "batch>=8", "-o", "json"});
        QCOMPARE(said.status, 0);
        const auto answer = object(said.out);
        const auto taken = answer["take"].toInt();
        QVERIFY(taken > 0);
        QCOMPARE(answer["baseline"].toInt(), 1);
        QCOMPARE(answer["points"].toArray().size(), 4);
        for (const QJsonValue point : answer["points"].toArray())
            if (point["run"].toInt() == taken)
                QVERIFY(point["values"]["peak_bytes"]["value"].toDouble() > 1e6);
        const auto reasons = answer["reasons"].toArray();
        QCOMPARE(reasons[0]["metric"].toString(), QString("peak_bytes"));
        double sum = reasons[0]["unshared"].toDouble();
        for (const QJsonValue share : reasons[0]["shares"].toArray())
            sum += share["saved"].toDouble();
        QVERIFY(std::abs(sum - reasons[0]["saved"].toDouble()) < 1e-6);
    }

    void a_sweep_of_one_round_begins_at_the_ends_of_its_axes() {
        const QString store = folder_.filePath("corners.sweetspot");
        const auto said = Program::call(
            {"run",      "-m",        "stories260k", "-t", "1",           "-s",         "8",
             "-b",       "1,2,3,4,5", "-r",          "1",  "--no-warmup", "--min-time", "0",
             "--rounds", "1",         "-q",          "-o", "jsonl",       "--store",    store},
            folder_.path());
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        QList<int> batches; // each as it ended
        for (const QString& line : said.out.split('\n', Qt::SkipEmptyParts))
            batches << object(line)["batch"].toInt();
        QCOMPARE(batches, (QList<int>{1, 5, 3, 2, 4}));
        // Stored are they as they were asked for.
        const auto runs =
            QJsonDocument::fromJson(
                Program::call({"export", "last", "-o", "json", "--store", store}, folder_.path())
                    .out.toUtf8())
                .array();
        QList<int> stored;
        for (const QJsonValue run : runs) stored << run["batch"].toInt();
        QCOMPARE(stored, (QList<int>{1, 2, 3, 4, 5}));
    }

    void a_grid_is_filled_in_where_it_matters() {
        const QString store = folder_.filePath("grid.sweetspot");
        const auto ask = [&](QStringList words) {
            return Program::call(words << "--store" << store, folder_.path());
        };
        // Zipped axes leave the grid that they span open.
        write(folder_.filePath("zipped.json"),
              R"({"name": "zipped", "base": {"model": "stories260k", "threads": 1, "repeats": 3,
                  "warmup": 1, "min_seconds": 0, "rounds": 1, "trace": false},
                  "axes": {"batch": [1, 2, 3, 4, 6, 8], "sequence": [96, 16, 64, 8, 32, 48]},
                  "zip": true})");
        QCOMPARE(ask({"run", "zipped.json", "-q"}).status, 0);
        const auto list = object(ask({"fill", "s1", "--list", "-o", "json"}).out);
        QCOMPARE(list["points"].toArray().size(), 30);
        QCOMPARE(list["fitted_on"].toInt(), 6);
        QCOMPARE(list["measured"].toInt(), 0);
        for (const QJsonValue point : list["points"].toArray()) {
            QVERIFY(point["low"].toDouble() <= point["value"].toDouble());
            QVERIFY(point["predicted_peak_bytes"].toDouble() > 1e6);
        }
        const auto some =
            object(ask({"fill", "s1", "--most", "2", "--each", "2", "-q", "-o", "json"}).out);
        const bool stable_before = list["stable"].toBool();
        QCOMPARE(some["measured"].toInt(), stable_before ? 0 : 2);
        QCOMPARE(some["points"].toArray().size(), stable_before ? 30 : 28);
        const auto words = ask({"fill", "s1", "--list"});
        QVERIFY2(words.out.contains("guesses of a model of"), qPrintable(words.out));
        const auto wrong = ask({"fill", "s1", "--by", "memory"});
        QCOMPARE(wrong.status, 2);
        QVERIFY2(wrong.errors.contains("guesses times"), qPrintable(wrong.errors));
    }

    void where_nothing_fits_the_status_is_3_and_the_nearest_is_named() {
        const auto said = call({"best", "--memory", "1KiB"});
        QCOMPARE(said.status, 3);
        QVERIFY2(said.out.startsWith("Nothing fits peak memory ≤ 1.00 KiB. The nearest is run "),
                 qPrintable(said.out));
        QVERIFY(said.out.contains("over 1.00 KiB"));
        const auto json = object(call({"best", "--memory", "1KiB", "-o", "json"}).out);
        QVERIFY(json["take"].isNull() && json["nearest"].toInt() > 0);
    }

    void what_cannot_be_asked_is_a_sentence_data() {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("sentence");
        QTest::newRow("metric") << QStringList{"--minimise", "memori"}
                                << "did you mean \"memory\"?";
        QTest::newRow("direction")
            << QStringList{"--minimise", "throughput"} << "--maximise throughput";
        QTest::newRow("no direction")
            << QStringList{"--minimise", "disturbance"} << "no better direction";
        QTest::newRow("size") << QStringList{"--memory", "much"} << "write it as 24GiB";
        QTest::newRow("limit") << QStringList{"--limit", "8"} << "is no limit";
        QTest::newRow("quality") << QStringList{"--minimise", "quality"} << "has no perplexity";
        QTest::newRow("baseline") << QStringList{"--baseline", "last"} << "takes one run";
        QTest::newRow("four") << QStringList{"--minimise", "memory,time,load,first-token"}
                              << "three objectives at most";
        QTest::newRow("output") << QStringList{"-o", "xml"} << "writes md or json";
    }
    void what_cannot_be_asked_is_a_sentence() {
        QFETCH(QStringList, words);
        QFETCH(QString, sentence);
        const auto said = call(QStringList{"best"} + words);
        QCOMPARE(said.status, 2);
        QVERIFY2(said.errors.contains(sentence), qPrintable(said.errors));
        QVERIFY(said.out.isEmpty());
    }

    void the_points_that_would_tell_are_a_spec_that_runs() {
        const auto said = call({"best", "--minimise", "memory", "--limit", "batch>=8", "--limit",
                                "attention=flash", "--missing", "missing.json"});
        QCOMPARE(said.status, 0); // the whole grid is there: nothing is missing
        QVERIFY(!QFile::exists(folder_.filePath("missing.json")));
        QVERIFY(said.errors.contains("was not written"));
        QCOMPARE(call({"run", "-m", "stories260k", "-t", "1", "-s", "32", "-b", "8", "-a", "flash",
                       "-r", "2", "--no-warmup", "--min-time", "0", "--rounds", "2", "-q"})
                     .status,
                 0);
        const auto both = call({"best", "last~1", "last", "--minimise", "memory", "--limit",
                                "sequence>=32", "--baseline", "1", "--missing", "missing.json"});
        QVERIFY2(both.status == 0, qPrintable(both.errors));
        QVERIFY2(both.out.contains("not measured"), qPrintable(both.out));
        const auto run = call({"run", "missing.json", "-q"});
        QVERIFY2(run.status == 0, qPrintable(run.errors));
        const auto told = call({"best", "last~2", "last~1", "last", "--minimise", "memory",
                                "--limit", "sequence>=32", "--limit", "batch>=8", "--limit",
                                "attention=flash", "--baseline", "1", "-o", "json"});
        QVERIFY2(object(told.out)["reasons"][0]["whole"].toBool(), qPrintable(told.out));
    }

    void a_search_finds_the_largest_batch_that_fits_and_runs_it() {
        const QStringList what{"search",     "-m",    "stories260k", "-t",  "1",
                               "-s",         "16",    "-r",          "1",   "--no-warmup",
                               "--min-time", "0",     "--rounds",    "1",   "-q",
                               "--maximise", "batch", "-o",          "json"};
        const auto found = call(what + QStringList{"--memory", "2MiB"});
        QVERIFY2(found.status == 0, qPrintable(found.errors));
        const auto answer = object(found.out);
        const auto largest = answer["largest"].toInteger();
        QVERIFY2(largest > 1, qPrintable(found.out));
        const auto peak = [&](qint64 batch) {
            const auto said = call({"run", "-m", "stories260k", "-t", "1", "-s", "16", "-b",
                                    QString::number(batch), "-r", "1", "--no-warmup", "--min-time",
                                    "0", "--rounds", "1", "-q", "-o", "jsonl"});
            return object(said.out)["peak_bytes"].toDouble();
        };
        QVERIFY(peak(largest) <= 2 << 20);
        QVERIFY(peak(largest + 1) > 2 << 20);
        int runs = 0;
        for (const QJsonValue step : answer["steps"].toArray()) runs += !step["predicted"].toBool();
        QCOMPARE(runs, 1);
        QCOMPARE(call(what + QStringList{"--memory", "1KiB"}).status, 3);
        const auto bounded = object(call(what + QStringList{"--to", "3", "--memory", "1GiB"}).out);
        QCOMPARE(bounded["largest"].toInt(), 3);
        QVERIFY(bounded["bounded"].toBool());
        QCOMPARE(call(what + QStringList{"--maximise", "attention"}).status, 2);
        QCOMPARE(call(what + QStringList{"-b", "1,2"}).status, 2);
    }

    void metrics_are_listed_with_their_short_names() {
        QProcess process;
        process.start(SWEETSPOT_BINARY_DIR "/bin/sweetspot", {"list", "metrics", "--json"});
        QVERIFY(process.waitForFinished());
        const auto metrics = QJsonDocument::fromJson(process.readAllStandardOutput()).array();
        QVERIFY(metrics.size() > 30);
        for (const QJsonValue metric : metrics)
            if (metric["name"].toString() == "kilotoken_seconds")
                QCOMPARE(metric["short"].toString(), QString("time-per-token"));
    }

    void the_largest_batch_of_a_training_is_found_and_confirmed() {
        const QString text = folder_.filePath("text.lines");
        QFile file(text);
        QVERIFY(file.open(QFile::WriteOnly));
        file.write("once upon a time there was a small machine\n");
        file.close();
        const auto said = call(
            {"search",      "-m",    "stories260k", "--task",     "train",   "--data", text,
             "--tokenizer", "bytes", "-s",          "16",         "--steps", "1",      "--rounds",
             "1",           "-t",    "1",           "--maximise", "batch",   "--to",   "64",
             "--memory",    "8MiB",  "-q",          "-o",         "json"});
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        const QJsonObject found = object(said.out);
        const int largest = found["largest"].toInt();
        QVERIFY2(largest > 1 && largest < 64, qPrintable(said.out));
        bool one_more = false; // would have been too much
        for (const QJsonValue step : found["steps"].toArray())
            one_more |= step["value"].toInt() == largest + 1 && !step["fits"].toBool();
        QVERIFY2(one_more, qPrintable(said.out));
    }
};

SWEETSPOT_TEST(BestTest)
#include "best_test.moc"
