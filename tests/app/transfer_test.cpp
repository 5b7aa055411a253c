#include "app/experiment/statistics.h"
#include "tests/app/program.h"
#include "tests/suite.h"
#include <QtTest>
#include <sys/stat.h>

using namespace sweetspot::called;

class TransferTest : public Program {
    Q_OBJECT

    Outcome call(const QStringList& arguments, const QString& store) const {
        return Program::call(arguments + QStringList{"--store", store}, folder_.path());
    }
    void write(const QString& name, const QByteArray& text) const {
        Program::write(folder_.filePath(name), text);
    }
    QJsonArray runs_in(const QString& store) const {
        return QJsonDocument::fromJson(call({"export", "last", "-o", "json"}, store).out.toUtf8())
            .array();
    }

    static inline const QByteArray json =
        R"([{"build_commit":"c392e50","cpu_info":"EPYC","gpu_info":"","model_filename":"tiny.gguf",
"model_type":"llama 7B Q4_0","model_n_params":6738415616,"n_threads":2,"n_gpu_layers":0,
"n_prompt":512,"n_gen":0,"test_time":"2025-02-07T17:06:32Z","avg_ns":2000000000,"stddev_ns":10,
"samples_ns":[1900000000,2000000000,2100000000]},
{"build_commit":"c392e50","cpu_info":"EPYC","gpu_info":"","model_filename":"tiny.gguf",
"model_type":"llama 7B Q4_0","model_n_params":6738415616,"n_threads":2,"n_gpu_layers":0,
"n_prompt":0,"n_gen":128,"test_time":"2025-02-07T17:08:32Z","avg_ns":12800000000,"stddev_ns":10,
"samples_ns":[12800000000]}])";

private slots:
    void what_was_exported_comes_back_the_same() {
        QVERIFY(folder_.isValid());
        const auto run = call({"run", "-m", "stories260k", "-t", "1", "-s", "16", "-b", "1,2", "-r",
                               "4", "--no-warmup", "--min-time", "0", "--rounds", "2", "-q"},
                              "first.sweetspot");
        QVERIFY2(run.status == 0, qPrintable(run.errors));
        write("runs.jsonl",
              call({"export", "last", "-o", "jsonl"}, "first.sweetspot").out.toUtf8());
        const auto said = call({"import", "runs.jsonl"}, "second.sweetspot");
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        const auto before = runs_in("first.sweetspot"), after = runs_in("second.sweetspot");
        QCOMPARE(after.size(), 2);
        for (int i = 0; i < 2; ++i) {
            for (const auto* same : {"hash", "status", "samples", "sample_rounds", "metrics",
                                     "rounds_done_at", "environment", "batch", "peak_bytes",
                                     "step_seconds", "weights_loaded", "parameters", "started"})
                QVERIFY2(after[i][same] == before[i][same], same);
            QCOMPARE(after[i]["texts"]["imported"].toString(), QString("from runs.jsonl"));
        }
    }

    void runs_of_llama_bench_stand_beside_ours_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QByteArray>("text");
        QTest::newRow("json") << "bench.json" << json;
        QTest::newRow("csv")
            << "bench.csv"
            << QByteArray("build_commit,cpu_info,gpu_info,model_filename,model_type,model_n_params,"
                          "n_threads,"
                          "n_gpu_layers,n_prompt,n_gen,test_time,avg_ns,stddev_ns\n"
                          "\"c392e50\",\"EPYC\",\"\",\"tiny.gguf\",\"llama 7B "
                          "Q4_0\",\"6738415616\",\"2\",\"0\","
                          "\"512\",\"0\",\"2025-02-07T17:06:32Z\",\"2000000000\",\"10\"\n"
                          "\"c392e50\",\"EPYC\",\"\",\"tiny.gguf\",\"llama 7B "
                          "Q4_0\",\"6738415616\",\"2\",\"0\","
                          "\"0\",\"128\",\"2025-02-07T17:08:32Z\",\"12800000000\",\"10\"\n");
        QTest::newRow("sql")
            << "bench.sql"
            << QByteArray("CREATE TABLE IF NOT EXISTS llama_bench (build_commit TEXT);\n\n"
                          "INSERT INTO llama_bench (build_commit, cpu_info, gpu_info, "
                          "model_filename, model_type, "
                          "model_n_params, n_threads, n_gpu_layers, n_prompt, n_gen, test_time, "
                          "avg_ns) VALUES "
                          "('c392e50', 'EPYC', '', 'tiny.gguf', 'llama 7B Q4_0', '6738415616', "
                          "'2', '0', '512', "
                          "'0', '2025-02-07T17:06:32Z', '2000000000');\n"
                          "INSERT INTO llama_bench (build_commit, cpu_info, gpu_info, "
                          "model_filename, model_type, "
                          "model_n_params, n_threads, n_gpu_layers, n_prompt, n_gen, test_time, "
                          "avg_ns) VALUES "
                          "('c392e50', 'EPYC', '', 'tiny.gguf', 'llama 7B Q4_0', '6738415616', "
                          "'2', '0', '0', "
                          "'128', '2025-02-07T17:08:32Z', '12800000000');\n");
    }
    void runs_of_llama_bench_stand_beside_ours() {
        QFETCH(QString, name);
        QFETCH(QByteArray, text);
        write(name, text);
        const auto store = name + ".sweetspot";
        const auto said = call({"import", name}, store);
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        const auto runs = runs_in(store);
        QCOMPARE(runs.size(), 2);
        QCOMPARE(runs[0]["task"].toString(), QString("forward"));
        QCOMPARE(runs[0]["tokens_per_second"].toDouble(), 256.0);
        QCOMPARE(runs[1]["task"].toString(), QString("generate"));
        QCOMPARE(runs[1]["decode_seconds"].toDouble(), 0.1);
        QCOMPARE(runs[1]["parameters"].toInteger(), qint64(6738415616));
        QVERIFY(runs[0]["texts"]["imported"].toString().contains("llama-bench"));
        const auto table = call({"best", "last", "--maximise", "throughput"}, store);
        QVERIFY2(table.status == 0, qPrintable(table.errors));
    }

    void rows_of_llama_bench_that_differ_in_a_setting_are_points_of_their_own() {
        QByteArray rows;
        for (const char* type : {"f16", "q8_0"})
            rows += QJsonDocument(QJsonObject{{"model_filename", "tiny.gguf"},
                                              {"model_type", "llama 7B"},
                                              {"n_prompt", 0},
                                              {"n_gen", 16},
                                              {"n_batch", 512},
                                              {"type_v", "f16"},
                                              {"type_k", type},
                                              {"samples_ns", QJsonArray{1'000'000'000}}})
                        .toJson(QJsonDocument::Compact) +
                    "\n";
        write("types.jsonl", rows);
        const auto said = call({"import", "types.jsonl"}, "types.sweetspot");
        QVERIFY2(said.status == 0, qPrintable(said.errors));
        const auto runs = runs_in("types.sweetspot");
        QCOMPARE(runs.size(), 2);
        QVERIFY(runs[0]["hash"].toString() != runs[1]["hash"].toString());
        QCOMPARE(runs[0]["model"].toString(), QString("tiny.gguf, type_k f16"));
        QCOMPARE(runs[1]["model"].toString(), QString("tiny.gguf, type_k q8_0"));
        // What all rows share is a fact beside the others.
        QCOMPARE(runs[1]["environment"]["llama_bench_n_batch"].toString(), QString("512"));
    }

    void ours_go_out_as_llama_bench_and_come_back() {
        const auto out = call({"export", "last", "-o", "llama-bench"}, "first.sweetspot");
        QCOMPARE(out.status, 0);
        write("ours.json", out.out.toUtf8());
        QCOMPARE(call({"import", "ours.json"}, "third.sweetspot").status, 0);
        const auto written = QJsonDocument::fromJson(out.out.toUtf8()).array();
        const auto after = runs_in("third.sweetspot");
        QCOMPARE(after.size(), 2);
        for (int i = 0; i < 2; ++i) {
            const QJsonObject one = written[i].toObject();
            // Samples of all rounds together, of which few may be disturbed.
            std::vector<double> nanoseconds;
            for (const auto sample : one["samples_ns"].toArray())
                nanoseconds.push_back(sample.toDouble());
            const double expected = (one["n_prompt"].toDouble() + one["n_gen"].toDouble()) * 1e9 /
                                    sweetspot::median(nanoseconds);
            const double is = after[i]["tokens_per_second"].toDouble();
            QVERIFY2(std::abs(is / expected - 1) < 1e-6,
                     qPrintable(QString::number(is / expected)));
        }
    }

    void a_pivot_of_runs_is_a_table() {
        const auto csv =
            call({"export", "last", "--pivot", "sequence,batch,peak_bytes"}, "first.sweetspot");
        QVERIFY2(csv.status == 0, qPrintable(csv.errors));
        const auto lines = csv.out.split('\n', Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), 2);
        QCOMPARE(lines[0], QString("sequence,batch 1,batch 2"));
        const auto runs = runs_in("first.sweetspot");
        QCOMPARE(lines[1].split(',').value(1).toDouble(), runs[0]["peak_bytes"].toDouble());
        QCOMPARE(lines[1].split(',').value(2).toDouble(), runs[1]["peak_bytes"].toDouble());
        const auto md = call({"export", "last", "--pivot", "sequence,batch,memory", "-o", "md"},
                             "first.sweetspot");
        QVERIFY2(md.out.contains("batch 2 ["), qPrintable(md.out));
        const auto wrong =
            call({"export", "last", "--pivot", "sequence,btach,memory"}, "first.sweetspot");
        QCOMPARE(wrong.status, 2);
        QVERIFY2(wrong.errors.contains("did you mean \"batch\""), qPrintable(wrong.errors));
    }

    void variables_that_change_how_is_computed_are_in_the_record() {
        QProcess process;
        process.setWorkingDirectory(folder_.path());
        auto variables = QProcessEnvironment::systemEnvironment();
        variables.insert("OMP_DYNAMIC", "false");
        variables.insert("SWEETSPOT_STORE", "elsewhere");
        process.setProcessEnvironment(variables);
        process.start(SWEETSPOT_BINARY_DIR "/bin/sweetspot",
                      {"run", "-m", "stories260k", "-t", "1", "-s", "16", "-r", "1", "--no-warmup",
                       "--min-time", "0", "--rounds", "1", "-q", "-o", "jsonl", "--store",
                       "variables.sweetspot"});
        QVERIFY(process.waitForFinished(60'000));
        const auto facts =
            QJsonDocument::fromJson(process.readAllStandardOutput())["environment"].toObject();
        QCOMPARE(facts["variable OMP_DYNAMIC"].toString(), QString("false"));
        QVERIFY(!facts.contains("variable SWEETSPOT_STORE"));
    }

    void a_run_that_the_cap_of_samples_ended_early_says_so() {
        const auto said =
            call({"run", "-m", "stories260k", "-t", "1", "-s", "16", "-r", "2", "--max-samples",
                  "2", "--no-warmup", "--min-time", "100", "--rounds", "1", "-q", "-o", "md"},
                 "short.sweetspot");
        QVERIFY2(said.out.contains("ended by max_repeats, 2 steps, after") &&
                     said.out.contains("of the 1 min 40 s asked for by min_seconds"),
                 qPrintable(said.out));
    }

    void what_is_no_file_of_runs_is_a_sentence_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("sentence");
        QTest::newRow("empty") << QByteArray() << "is empty";
        QTest::newRow("other JSON") << QByteArray("{\"a\":1}") << "holds no field of a run";
        QTest::newRow("an empty list") << QByteArray("[]") << "holds no runs";
        QTest::newRow("no time") << QByteArray(json)
                                        .replace("2000000000", "0")
                                        .replace("\"samples_ns\":[1900000000,0,2100000000]",
                                                 "\"x\":1")
                                 << "there is no time in it";
        QTest::newRow("half a token")
            << QByteArray(json).replace("\"n_prompt\":512", "\"n_prompt\":0.5")
            << "n_prompt is no count but \"0.5\"";
        QTest::newRow("beyond a number")
            << QByteArray(json).replace("\"n_prompt\":512", "\"n_prompt\":1e300")
            << "n_prompt is no count but \"1e+300\"";
        QTest::newRow("behind other tokens")
            << QByteArray(json).replace("\"n_prompt\":512", "\"n_depth\":4096,\"n_prompt\":512")
            << "n_depth is 4096";
        QTest::newRow("before times are counted")
            << QByteArray(json).replace("2025-02-07", "1013-02-07")
            << "test_time is 1013-02-07T17:06:32Z, not a time since 1970";
        QTest::newRow("no date") << QByteArray(json).replace("2025-02-07T17:06:32Z", "today")
                                 << "test_time is today, not a time since 1970";
        const QByteArray run = R"({"batch":1,"status":"done",)";
        QTest::newRow("samples") << QByteArray(run + R"("samples":{"step_seconds":{"a":1}}})")
                                 << "it is an object, not a list";
        QTest::newRow("rounds of samples")
            << QByteArray(run +
                          R"("samples":{"step_seconds":[1]},"sample_rounds":{"step_seconds":[]}})")
            << "it is a list, not a list of 1";
        QTest::newRow("a round") << QByteArray(run + R"("rounds_done_at":[[0,1]]})")
                                 << "it is a list, not a list of 3";
        QTest::newRow("columns") << QByteArray("model_filename,n_prompt,n_gen\n1,2\n")
                                 << "has 2 values for 3 columns";
    }
    void what_is_no_file_of_runs_is_a_sentence() {
        QFETCH(QByteArray, text);
        QFETCH(QString, sentence);
        write("bad.json", text);
        const auto said = call({"import", "bad.json"}, "bad.sweetspot");
        QCOMPARE(said.status, 2);
        QVERIFY2(said.errors.contains(sentence), qPrintable(said.errors));
    }

    void a_file_that_may_never_end_is_refused_at_once() {
        for (const QString place : {"/dev/zero", "pipe.jsonl"}) {
            if (place.endsWith("jsonl")) mkfifo(qPrintable(folder_.filePath(place)), 0600);
            const auto said = call({"import", place}, "endless.sweetspot");
            QCOMPARE(said.status, 2);
            QVERIFY2(said.errors.contains("a pipe or a device"), qPrintable(said.errors));
        }
        const auto said = call({"compare", "pipe.jsonl", "last"}, "first.sweetspot");
        QCOMPARE(said.status, 2);
        QVERIFY2(said.errors.contains("a pipe or a device"), qPrintable(said.errors));
    }
};

SWEETSPOT_TEST(TransferTest)
#include "transfer_test.moc"
