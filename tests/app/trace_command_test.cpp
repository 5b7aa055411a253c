// sweetspot trace and what export makes of it, with real processes on the CPU.
#include <QtTest>

class TraceCommandTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    struct Outcome {
        int status = -1;
        QByteArray out, errors;
    };
    Outcome call(const QStringList& arguments) const {
        QProcess process;
        process.start(SWEETSPOT_BINARY_DIR "/bin/sweetspot",
                      arguments + QStringList{"--store", folder_.filePath("runs.sweetspot")});
        if (!process.waitForFinished(120'000)) return {};
        return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -2,
                process.readAllStandardOutput(), process.readAllStandardError()};
    }

private slots:
    void initTestCase() {
        const Outcome run =
            call({"run", "-m", "stories260k", "-t", "2", "--sequence", "16", "-b", "1,2", "-r", "2",
                  "--no-warmup", "--min-time", "0", "--rounds", "1", "-o", "none"});
        QVERIFY2(run.status == 0, run.errors);
    }

    void a_run_that_was_not_traced_says_how_to() {
        const Outcome outcome = call({"export", "1", "-o", "pftrace"});
        QCOMPARE(outcome.status, 2);
        QVERIFY(outcome.errors.contains("`sweetspot trace 1`"));
        QVERIFY(outcome.out.isEmpty());
    }

    void a_trace_is_of_one_run() {
        const Outcome outcome = call({"trace", "last"});
        QCOMPARE(outcome.status, 2);
        QVERIFY2(outcome.errors.contains("name one of 1, 2"), outcome.errors);
    }

    void a_traced_run_shows_its_ops_and_can_be_exported() {
        const Outcome traced = call({"trace", "1"});
        QVERIFY2(traced.status == 0, traced.errors);
        QVERIFY2(traced.out.contains("layer */"), traced.out);
        QVERIFY(traced.out.contains("FLOP/s"));
        QVERIFY(QFile::exists(folder_.filePath("runs.sweetspot.traces/run-1.trace")));

        const Outcome chrome = call({"export", "1", "-o", "trace"});
        const auto events = QJsonDocument::fromJson(chrome.out).object()["traceEvents"].toArray();
        int ops = 0, values = 0;
        for (const QJsonValue& event : events) {
            ops += event["ph"] == "X" && event["name"] == "matmul";
            values += event["ph"] == "C" && event["name"].toString().startsWith("memory: ");
        }
        QVERIFY(ops > 5);
        QVERIFY(values > 0);
        const Outcome perfetto = call({"export", "1", "-o", "pftrace"});
        QCOMPARE(perfetto.status, 0);
        QVERIFY(perfetto.out.contains("layer 0"));
        const Outcome regions = call({"export", "1", "-o", "regions-csv"});
        QVERIFY(regions.out.startsWith("region,calls,host_seconds"));
        QVERIFY(regions.out.contains("layer 4/"));
        const Outcome kernels = call({"export", "1", "-o", "kernels-json"});
        QCOMPARE(kernels.out, QByteArray("[]\n")); // a CPU has none
    }

    void what_tracing_costs_is_said_with_its_interval() {
        const Outcome plain = call({"trace", "1"});
        QVERIFY(!plain.out.contains("tracing costs"));
        const Outcome traced = call({"trace", "1", "--overhead"});
        QVERIFY2(traced.status == 0, traced.errors);
        static const QRegularExpression said(
            R"(tracing costs [+-]?[\d.]+ % of a step \(95 %: ([+-]?[\d.]+) % to ([+-]?[\d.]+) %\))");
        const auto match = said.match(QString::fromUtf8(traced.out));
        QVERIFY2(match.hasMatch(), traced.out);
        QVERIFY(match.captured(1).toDouble() <= match.captured(2).toDouble());
    }

    void counters_are_shown_by_op_or_missed_in_a_sentence() {
        const Outcome traced = call({"trace", "1", "--counters"});
        QVERIFY2(traced.status == 0, traced.errors);
        // Linux's own are there wherever a program may count at all.
        const auto table = traced.out.indexOf("page faults"),
                   op = traced.out.lastIndexOf("layer */mlp/matmul");
        QCOMPARE(table < 0, traced.out.contains("no perf: "));
        QVERIFY2(table < 0 || op > table, traced.out);
    }

    void other_runs_export_their_sums_as_before() {
        const Outcome outcome = call({"export", "2", "-o", "trace"});
        QCOMPARE(outcome.status, 0);
        QVERIFY(outcome.out.contains("\"cat\":\"region\"") ||
                outcome.out.contains("\"cat\": \"region\""));
    }
};

QTEST_GUILESS_MAIN(TraceCommandTest)
#include "trace_command_test.moc"
