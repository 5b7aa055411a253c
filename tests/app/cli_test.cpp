// The command line: words, flags and their errors, and sweetspot run.
#include "tests/app/program.h"
#include "tests/suite.h"
#include <csignal>

using namespace sweetspot::called;

class CliTest : public Program {
    Q_OBJECT

private slots:
    void init() { renew(); }

    void version_names_itself_within_fifty_milliseconds() {
        call({"--version"}); // the first start reads the program from the disk
        qint64 least = 1000;
        for (int i = 0; i < 10; ++i) {
            QElapsedTimer timer;
            timer.start();
            const auto said = call({"--version"});
            least = std::min(least, timer.elapsed());
            QCOMPARE(said.status, 0);
            QVERIFY(said.out.startsWith("sweetspot 0."));
            QVERIFY(said.errors.isEmpty());
        }
        QVERIFY2(least <= 50, qPrintable(QString("%1 ms").arg(least)));
    }

    void help_teaches_by_examples() {
        for (const QStringList& words : {QStringList{"--help"}, QStringList{"run", "--help"},
                                         QStringList{"compare", "--help"}}) {
            const auto said = call(words);
            QCOMPARE(said.status, 0);
            QVERIFY2(said.out.contains("  sweetspot "), qPrintable(words.join(' ')));
            QVERIFY(said.errors.isEmpty());
        }
        QVERIFY(call({"run", "--help"}).out.contains("--min-seconds"));
    }

    void without_arguments_and_without_a_window_it_helps() {
        if (QFile::exists(SWEETSPOT_BINARY_DIR "/bin/sweetspot-gui"))
            QSKIP("the window program is built: it would open");
        const auto said = call({});
        QCOMPARE(said.status, 0);
        QVERIFY(said.errors.contains("sweetspot-gui is not there"));
        QVERIFY(said.out.contains("Examples:"));
    }

    void a_switch_may_stand_alone_or_take_a_value() {
        const auto traced = [&](const QStringList& flags) {
            const auto said = call(quick("plan", QStringList{"-o", "json"} + flags));
            return said.out.contains("\"trace\":true")    ? "on"
                   : said.out.contains("\"trace\":false") ? "off"
                                                          : said.errors + said.out;
        };
        QCOMPARE(traced({"--trace"}), "on");
        QCOMPARE(traced({"--trace", "false"}), "off");
    }

    void every_field_is_a_flag() {
        const auto help = call({"run", "--help"}).out;
        const auto fields =
            QJsonDocument::fromJson(call({"list", "fields", "--json"}).out.toUtf8());
        QVERIFY(fields.array().size() > 30);
        for (const auto& field : fields.array()) {
            const auto name = field.toObject()["name"].toString().replace('_', '-');
            QVERIFY2(help.contains("--" + name), qPrintable(name));
        }
    }

    void wrong_words_get_the_nearest_right_one_and_status_2_data() {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("sentence");
        QTest::newRow("command") << QStringList{"rnu"} << "did you mean \"run\"?";
        QTest::newRow("below") << QStringList{"list", "modles"} << "did you mean \"models\"?";
        QTest::newRow("nothing below")
            << QStringList{"list"} << "takes one of models, families, devices";
        QTest::newRow("flag") << QStringList{"run", "--btach", "3"} << "did you mean --batch?";
        QTest::newRow("model") << QStringList{"run", "-m", "esm2-8n"}
                               << "did you mean \"esm2-8m\"?";
        QTest::newRow("value") << QStringList{"run", "--attention", "flsh"}
                               << "did you mean \"flash\"?";
        QTest::newRow("axis") << QStringList{"run", "-a", "layuot=padded"}
                              << "did you mean \"layout\"?";
        QTest::newRow("number") << QStringList{"run", "-b", "many"}
                                << "\"batch\" is a whole number";
        QTest::newRow("format") << QStringList{"run", "-o", "cvs"} << "did you mean \"csv\"?";
        QTest::newRow("spec") << QStringList{"run", "quikstart"} << "did you mean \"quickstart\"?";
        QTest::newRow("gate") << QStringList{"compare", "--fail-on", "slow"}
                              << "did you mean \"slower\"?";
        QTest::newRow("no value") << QStringList{"export", "last", "--pivot", "-o", "md"}
                                  << "--pivot: a value is missing before -o";
        QTest::newRow("no value below")
            << QStringList{"list", "runs", "--store", "--json"}
            << "--store: a value is missing before --json; see `sweetspot "
               "list runs --help`";
        QTest::newRow("no store") << QStringList{"compare", "--store", "/nowhere/x"}
                                  << "There is no store /nowhere/x";
    }
    void wrong_words_get_the_nearest_right_one_and_status_2() {
        QFETCH(QStringList, words);
        QFETCH(QString, sentence);
        if (words.first() == "run") words += {"--store", store_};
        const auto said = call(words);
        QVERIFY2(said.errors.contains(sentence), qPrintable(said.errors));
        QCOMPARE(said.status, 2);
        QVERIFY(said.out.isEmpty());
        QVERIFY(!QFile::exists(store_));
    }

    void a_device_that_is_not_there_is_status_5() {
        const auto listed =
            QJsonDocument::fromJson(call({"list", "devices", "--json"}).out.toUtf8());
        const auto cuda = listed.array().last().toObject();
        if (cuda["available"].toBool()) QSKIP("this machine has a GPU");
        QVERIFY(!cuda["meaning"].toString().isEmpty());
        const auto said = call(quick("run", {"--device", "cuda"}));
        QCOMPARE(said.status, 5);
        QVERIFY2(said.errors.contains(cuda["meaning"].toString()), qPrintable(said.errors));
    }

    void a_sweep_prints_its_table_and_keeps_its_runs() {
        const auto said = call(quick("run", {"-b", "1,2", "-a", "naive,flash", "-o", "md"}));
        QCOMPARE(said.status, 0);
        const auto rows = lines(said.out).filter(QRegularExpression("^\\|"));
        QCOMPARE(rows.size(), 6);
        QVERIFY(rows[0].contains("batch") && rows[0].contains("attention"));
        QVERIFY2(rows[0].contains("step time [") && rows[0].contains("peak memory ["),
                 qPrintable(rows[0]));
        QVERIFY(said.errors.contains("[4/4]"));
        // What the runs have in common, and nothing of what other tasks would ask.
        QVERIFY(said.out.contains("stories260k · ") && !said.out.contains("learning_rate"));
        const auto again = call({"export", "last", "--store", store_, "-o", "csv"});
        QCOMPARE(again.out.split("\r\n", Qt::SkipEmptyParts).size(), 5);
        QVERIFY(again.errors.isEmpty());
    }

    void ranges_and_zipped_axes_make_the_points_they_say() {
        const auto points = [&](const QStringList& more) {
            return lines(call(quick("plan", QStringList{"--points-only", "-o", "csv"} + more)).out)
                       .size() -
                   1;
        };
        QCOMPARE(points({"-b", "1-8*2"}), 4);
        QCOMPARE(points({"-b", "1-8"}), 8);
        QCOMPARE(points({"-a", "sequence[pow2]=[4:6]"}), 3);
        QCOMPARE(points({"-b", "1,2,3", "--seed", "7,8,9"}), 9);
        QCOMPARE(points({"-b", "1,2,3", "--seed", "7,8,9", "--zip"}), 3);
    }

    void json_holds_every_sample_in_plain_units() {
        const auto said = call(quick("run", {"-o", "json", "-q"}));
        QCOMPARE(said.errors, QString());
        const auto run = QJsonDocument::fromJson(said.out.toUtf8()).array().at(0).toObject();
        QCOMPARE(run["status"].toString(), QString("done"));
        QCOMPARE(run["model"].toString(), QString("stories260k"));
        QCOMPARE(run["sequence"].toInt(), 16);
        QCOMPARE(run["samples"].toObject()["step_seconds"].toArray().size(), 2);
        QVERIFY(run["peak_bytes"].toDouble() > 1e6);
        QVERIFY(run["environment"].toObject().contains("cpu"));
    }

    void lines_of_json_come_one_a_run() {
        const auto said = call(quick("run", {"-b", "1,2,3", "-o", "jsonl"}));
        QCOMPARE(lines(said.out).size(), 3);
        for (const auto& line : lines(said.out)) {
            QVERIFY(QJsonDocument::fromJson(line.toUtf8()).isObject());
            QCOMPARE(object(line)["sweep_id"].toInt(), 1);
        }
        const auto stored = call({"export", "last", "--store", store_, "-o", "jsonl"});
        constexpr int as_they_end[] = {0, 2, 1}; // the ends of the axis first; stored as asked for
        for (int i = 0; i < 3; ++i)
            QCOMPARE(object(lines(said.out)[i])["hash"],
                     object(lines(stored.out)[as_they_end[i]])["hash"]);
    }

    void the_same_command_with_other_data_measures_again() {
        const QString a = folder_.filePath("a"), b = folder_.filePath("b");
        write(a + "/p.fasta", ">1\nMKTAYIAK\n>2\nMKV\n");
        write(b + "/p.fasta", ">1\nWWWWHHHH\n");
        const QStringList command{"run",     "-m",      "esm2-8m",    "--task", "perplexity",
                                  "--data",  "p.fasta", "-t",         "1",      "-s",
                                  "16",      "-r",      "1",          "-q",     "--no-warmup",
                                  "--trace", "false",   "--min-time", "0",      "-o",
                                  "json",    "--store", store_};
        const auto run = [&](const QString& folder) {
            const auto said = call(command, folder);
            auto result = QJsonDocument::fromJson(said.out.toUtf8()).array().at(0).toObject();
            result["errors"] = said.errors;
            return result;
        };
        const auto first = run(a), other = run(b), again = run(a);
        QCOMPARE(first["data_sequences"].toInt(), 2);
        QCOMPARE(first["data_letters"].toInt(), 11);
        QVERIFY(!first["reused"].toBool() && !other["reused"].toBool());
        QCOMPARE(other["data_letters"].toInt(), 8);
        QVERIFY(first["data_sha256"] != other["data_sha256"]);
        QVERIFY(again["reused"].toBool());
        QVERIFY(again["errors"].toString().contains("1 of 1 runs were measured before"));
        for (const auto name : {"run_id", "hash", "perplexity", "started", "measured_on"})
            QCOMPARE(again[name], first[name]);
        QVERIFY(!again["measured_on"].toString().isEmpty());

        const auto compared = call({"compare", "1", "2", "--store", store_});
        QVERIFY2(compared.out.contains("data_sha256"), qPrintable(compared.out));

        write(a + "/p.fasta", ">1\nMKTAYIAR\n>2\nMKV\n"); // as long as it was
        QVERIFY(!run(a)["reused"].toBool());
    }

    void reuse_is_said_beside_the_numbers() {
        call(quick("run", {"-b", "1", "-q"}));
        const auto said = call(quick("run", {"-b", "1,2", "-q", "-o", "md"}));
        QCOMPARE(said.out.count("reused: measured 20"), 1);
        const auto sweeps = call({"list", "runs", "--store", store_}).out;
        QVERIFY2(sweeps.contains("reused"), qPrintable(sweeps));
    }

    void sql_can_be_run_as_it_is() {
        const auto said = call(quick("run", {"-o", "sql", "--weights", "it's"}));
        QVERIFY(said.out.startsWith("CREATE TABLE IF NOT EXISTS sweetspot_runs ("));
        QVERIFY2(said.out.contains("'it''s'"), qPrintable(said.out));
    }

    void output_to_errors_leaves_standard_output_to_the_other() {
        const auto said = call(quick("run", {"-q", "-o", "none", "-oe", "csv"}));
        QVERIFY(said.out.isEmpty());
        QVERIFY(said.errors.startsWith("run_id,"));
    }

    void a_second_call_runs_only_what_is_missing() {
        QCOMPARE(call(quick("run", {"-b", "1,2"})).status, 0);
        const auto more = call(quick("run", {"-b", "1,2,3"}));
        QVERIFY2(more.errors.contains("2 of 3 runs were measured before"), qPrintable(more.errors));
        QVERIFY(more.errors.contains("[1/1]"));
        QCOMPARE(lines(more.out).filter(QRegularExpression("^\\|")).size(), 5);
        const auto none = call(quick("run", {"-b", "1,2,3"}));
        QVERIFY(none.errors.contains("3 of 3 runs were measured before"));
        QVERIFY(!none.errors.contains("[1/"));
        QCOMPARE(lines(none.out).filter(QRegularExpression("^\\|")).size(), 5);
        const auto forced = call(quick("run", {"-b", "1,2,3", "--force"}));
        QVERIFY(forced.errors.contains("[3/3]"));
        const auto sweeps = call({"list", "runs", "--store", store_}).out;
        QCOMPARE(lines(sweeps).size(), 2 + 3);
    }

    void a_run_that_fails_is_a_row_with_its_reason_and_status_4() {
        const auto said = call(quick("run", {"--memory-limit-bytes", "1000,0"}));
        QCOMPARE(said.status, 4);
        QVERIFY2(said.out.contains("out of memory"), qPrintable(said.out));
        QVERIFY(said.errors.contains("1 of 2 runs failed"));
        const auto fast =
            call(quick("run", {"--memory-limit-bytes", "1000,0", "--force", "--fail-fast"}));
        QCOMPARE(fast.status, 4);
        QVERIFY(!fast.errors.contains("[2/2]"));
    }

    void an_impossible_point_is_kept_with_its_reason() {
        const auto said =
            call(quick("run", {"-m", "esm2-8m", "--task", "generate", "--new-tokens", "2"}));
        QCOMPARE(said.status, 0);
        QVERIFY(said.errors.contains("1 of 2 points are impossible"));
        QVERIFY2(said.out.contains("impossible: esm2-8m cannot generate"), qPrintable(said.out));
    }

    void control_c_keeps_what_finished() {
        QProcess process;
        // The first of each two is short, the second measures for a minute.
        process.start(program(), {"run",
                                  "-m",
                                  "stories260k",
                                  "-t",
                                  "1",
                                  "--sequence",
                                  "16",
                                  "--no-warmup",
                                  "--rounds",
                                  "1",
                                  "-b",
                                  "1,2",
                                  "--min-samples",
                                  "2",
                                  "--noise",
                                  "1",
                                  "--max-samples",
                                  "1000000",
                                  "--min-time",
                                  "0,60",
                                  "--store",
                                  store_,
                                  "-o",
                                  "jsonl"});
        QByteArray errors;
        const auto table = [&] {
            return call({"export", "last", "--store", store_, "-o", "csv"}).out;
        };
        const auto second_runs = [&] { // the first is told, and the next is in the store
            return (errors += process.readAllStandardError()).contains("[1/4]") &&
                   table().contains(",running,");
        };
        QVERIFY(QTest::qWaitFor(second_runs, 30'000));
        ::kill(pid_t(process.processId()), SIGINT);
        QVERIFY(process.waitForFinished(20'000));
        QCOMPARE(process.exitCode(), 130);
        errors += process.readAllStandardError();
        QVERIFY2(errors.contains("what finished is kept"), errors);
        const auto csv = table();
        QCOMPARE(csv.count(",done,"), 1);
        QCOMPARE(csv.count(",interrupted,"), 1);
        QCOMPARE(csv.count(",planned,"), 2);
    }

    void a_reader_that_leaves_does_no_harm() {
        QProcess shell;
        shell.start("bash",
                    {"-c", "set -o pipefail; " + program() + " list models --json | head -1"});
        QVERIFY(shell.waitForFinished(20'000));
        QCOMPARE(shell.readAllStandardOutput(), QByteArray("[\n"));
        QCOMPARE(shell.readAllStandardError(), QByteArray());
    }
};

SWEETSPOT_TEST(CliTest)
#include "cli_test.moc"
