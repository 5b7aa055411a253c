// The commands beside run: plan, compare, export, import, report, list, doctor.
#include "tests/app/program.h"
#include "tests/suite.h"
#include <sqlite3.h>

using namespace sweetspot::called;

class CommandsTest : public Program {
    Q_OBJECT

private slots:
    void init() { renew(); }

    void plan_predicts_what_the_run_then_takes() {
        const auto planned = call(quick("plan", {"-o", "json"}));
        QCOMPARE(planned.status, 0);
        QVERIFY(!QFile::exists(store_));
        const auto prediction =
            QJsonDocument::fromJson(planned.out.toUtf8()).array().at(0).toObject();
        const auto run = QJsonDocument::fromJson(call(quick("run", {"-o", "json"})).out.toUtf8())
                             .array()
                             .at(0)
                             .toObject();
        QVERIFY(prediction["peak_bytes"].toDouble() > 0);
        QCOMPARE(prediction["peak_bytes"].toDouble(), run["peak_bytes"].toDouble());
        QCOMPARE(prediction["flops"].toDouble(), run["flops"].toDouble());
        QCOMPARE(prediction["hash"].toString(), QString()); // files are not read for a plan
    }

    void a_plan_says_what_will_not_fit() {
        const auto said = call(quick("plan", {"--memory-limit-bytes", "1000"}));
        QVERIFY2(said.out.contains("will not fit"), qPrintable(said.out));
    }

    /// How fast: tests/bench/limits.py.
    void a_plan_for_a_budget_is_a_table_of_lengths() {
        const auto said = call({"plan", "-m", "llama-110m", "--weight-format", "dense,q4_0", "-s",
                                "128-512*2", "--memory", "300MiB"});
        QCOMPARE(said.status, 0);
        const auto rows = lines(said.out);
        QCOMPARE(rows.size(), 4);
        QVERIFY2(rows[0].contains("128 tokens") && rows[0].contains("512 tokens"),
                 qPrintable(said.out));
        QCOMPARE(rows[2].count("✗"), 3); // dense
        QCOMPARE(rows[3].count("✗"), 0);
        QVERIFY2(said.errors.contains("3 will not fit") &&
                     said.errors.contains("300 MiB asked for"),
                 qPrintable(said.errors));
        QCOMPARE(call({"plan", "-m", "llama-110m", "--memory", "much"}).status, 2);
    }

    void a_plan_says_which_formats_fall_back() {
        const auto said = call({"plan", "-m", "stories260k", "--weight-format", "q4_k"});
        QVERIFY2(said.out.contains("query_key_value in q5_0: its rows of 64 are no whole blocks") &&
                     said.out.contains("down dense: its rows of 172 are no whole blocks"),
                 qPrintable(said.out));
    }

    void models_that_lie_in_a_folder_are_listed() {
        const QString golden = SWEETSPOT_SOURCE_DIR "/tests/golden/families";
        auto said = call({"list", "models", "--folder", golden, "--json"});
        QCOMPARE(said.status, 0);
        const auto rows = QJsonDocument::fromJson(said.out.toUtf8()).array();
        QCOMPARE(rows.size(), 14); // seven folders, each with a .gguf
        for (const auto& row : rows) {
            QCOMPARE(row.toObject()["note"].toString(), "fits");
            QVERIFY(row.toObject()["needs_bytes"].toDouble() > 50'000);
        }
        QCOMPARE(rows[0].toObject()["format"].toString(), "BF16");
        QCOMPARE(rows[1].toObject()["format"].toString(), "BF16");

        // As Hugging Face's tools keep it: a snapshot of links.
        const QString hub = folder_.filePath("hub"), snapshot = hub + "/models--a--b/snapshots/1";
        write(hub + "/models--a--b/blobs/2", "no safetensors");
        write(snapshot + "/config.json", R"({"model_type": "gemma2", "torch_dtype": "float16"})");
        QVERIFY(QFile::link("../../blobs/2", snapshot + "/model.safetensors"));
        qputenv("HF_HUB_CACHE", hub.toUtf8());
        said = call({"list", "models", "--available", "--json"});
        qunsetenv("HF_HUB_CACHE");
        const auto there = QJsonDocument::fromJson(said.out.toUtf8()).array();
        QString problem;
        for (const auto& row : there)
            if (row.toObject()["model"].toString() == snapshot)
                problem = row.toObject()["note"].toString();
        QVERIFY2(problem.contains("gemma2") && problem.contains("softened scores"),
                 qPrintable(said.out + said.errors));
    }

    void ten_thousand_points_are_planned() {
        const auto said = call({"plan", "-b", "1-100", "-s", "1-100", "--points-only", "-o", "none",
                                "--store", store_});
        QCOMPARE(said.status, 0);
        QVERIFY(said.errors.contains("10000 runs"));
    }

    void the_store_of_an_older_program_is_brought_up_to_date_by_whatever_reads_it() {
        QFile text(SWEETSPOT_SOURCE_DIR "/tests/app/store-version1.sql");
        QVERIFY(text.open(QIODevice::ReadOnly));
        const QByteArray sql = text.readAll();
        const auto reads = [&](const QString& command, const QStringList& words) {
            const QString old = folder_.filePath(command + ".sweetspot");
            sqlite3* database = nullptr;
            if (sqlite3_open(old.toUtf8(), &database) != SQLITE_OK ||
                sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
                return QString("no old store");
            sqlite3_close(database);
            return call(QStringList{command} + words + QStringList{"--store", old}).errors;
        };
        QVERIFY(!reads("plan", {"-m", "stories260k", "-o", "none"}).contains("older schema"));
        QCOMPARE(reads("list", {"runs"}), QString());
    }

    void compare_tells_less_memory_and_a_gate_breaks_on_more() {
        QCOMPARE(call(quick("run", {"-b", "4"})).status, 0);
        QCOMPARE(call(quick("run", {"-b", "1"})).status, 0);
        const auto less =
            call({"compare", "last~1", "last", "--store", store_, "--fail-on", "memory"});
        QVERIFY2(less.out.contains("| peak memory"), qPrintable(less.out + less.errors));
        QVERIFY(less.out.contains("less, better"));
        QVERIFY(less.out.contains("| batch"));
        QCOMPARE(less.status, 0);
        const auto more =
            call({"compare", "2", "1", "--store", store_, "--fail-on", "slower,memory"});
        QVERIFY(more.out.contains("more, worse"));
        QVERIFY(more.errors.contains("Gate memory"));
        QCOMPARE(more.status, 3);
    }

    void rounds_are_rows_of_one_run_and_their_number_is_said() {
        const auto said = call(in_rounds("2", "2", "run", {"-o", "json"}));
        QCOMPARE(said.status, 0);
        QVERIFY2(said.errors.contains("[1/2]") && said.errors.contains("round 2 of 2"),
                 qPrintable(said.errors));
        const auto rows = QJsonDocument::fromJson(said.out.toUtf8()).array();
        QCOMPARE(rows.size(), 1);
        QCOMPARE(rows[0].toObject()["rounds_done"].toInt(), 2);
        QCOMPARE(rows[0].toObject()["samples"].toObject()["step_seconds"].toArray().size(), 2);
    }

    void interleaved_sweeps_are_measured_turn_about_and_compared() {
        const auto said = call(in_rounds("6", "6", "run", {"--interleave", "batch=1", "batch=64"}));
        QCOMPARE(said.status, 0);
        QVERIFY2(said.errors.contains("[12/12]"), qPrintable(said.errors));
        QVERIFY2(said.out.contains("A: stories260k, batch=1 (sweep 1)"), qPrintable(said.out));
        QVERIFY2(said.out.contains("| step time"), qPrintable(said.out));
        const auto list = call({"compare", "s1", "s2", "--store", store_, "-o", "json"}).out;
        const auto pair = QJsonDocument::fromJson(list.toUtf8()).array()[0].toObject();
        QCOMPARE(pair["metrics"].toArray()[0].toObject()["metric"].toString(),
                 QString("step_seconds"));
        const auto needs = pair["metrics"].toArray()[0].toObject()["needs"].toString();
        QVERIFY2(!needs.contains("--interleave"), qPrintable(needs)); // they are turn about
        QCOMPARE(call(quick("run", {"--interleave", "batch=1"})).status, 2);
        QCOMPARE(call(quick("run", {"--interleave", "batch=1", "bach=2"})).status, 2);
    }

    void a_gate_can_ask_for_undecided_by_its_old_name_too() {
        QCOMPARE(call(quick("run", {"-b", "8"})).status, 0);
        QCOMPARE(call(quick("run", {"-b", "1"})).status, 0);
        for (const QString gate : {"undecided", "ambiguous"}) {
            const auto said = call({"compare", "--store", store_, "--fail-on", gate});
            QCOMPARE(said.status, 6);
            QVERIFY2(said.out.contains("Undecided: "), qPrintable(said.out));
            QVERIFY2(said.errors.contains("Gate undecided: step time"), qPrintable(said.errors));
        }
        QCOMPARE(call({"compare", "--store", store_, "--fail-on", "memory"}).status, 0);
    }

    void what_is_not_comparable_has_an_exit_code_of_its_own() {
        QCOMPARE(call(quick("run", {"-b", "1,2"})).status, 0);
        QCOMPARE(call(quick("run", {"--seed", "5,6"})).status, 0);
        const auto none = call({"compare", "--store", store_});
        QCOMPARE(none.status, 7);
        QVERIFY2(none.errors.contains("Not comparable: "), qPrintable(none.errors));
        QCOMPARE(call(quick("run", {"-b", "1", "--task", "perplexity"})).status, 0);
        QCOMPARE(call(quick("run", {"-b", "2", "--task", "forward"})).status, 0);
        const auto tasks = call({"compare", "--store", store_, "--fail-on", "slower"});
        QCOMPARE(tasks.status, 7);
        QVERIFY2(tasks.out.contains("the runs do different tasks"), qPrintable(tasks.out));
    }

    void a_trace_is_what_chrome_reads() {
        QCOMPARE(call(quick("run", {})).status, 0);
        const auto said = call({"export", "1", "--store", store_, "-o", "trace"});
        const auto trace = QJsonDocument::fromJson(said.out.toUtf8());
        QVERIFY(trace.isObject());
        const auto events = trace.object()["traceEvents"].toArray();
        int regions = 0, counters = 0;
        for (const auto& event : events) {
            regions += event.toObject()["ph"] == "X";
            counters += event.toObject()["ph"] == "C";
        }
        QVERIFY2(regions > 10 && counters > 10,
                 qPrintable(QString("%1 %2").arg(regions).arg(counters)));
    }

    void import_brings_the_sweeps_of_another_store() {
        QCOMPARE(call(quick("run", {})).status, 0);
        const auto other = folder_.filePath("other.sweetspot");
        const auto said = call({"import", store_, "--store", other});
        QCOMPARE(said.out, "1 sweep imported into " + other + "\n");
        QCOMPARE(said.status, 0);
        QCOMPARE(call({"import", folder_.filePath("nothing"), "--store", other}).status, 2);
        QCOMPARE(call({"import", SWEETSPOT_SOURCE_DIR "/README.md", "--store", other}).status, 2);
    }

    void a_report_is_one_page_with_pictures_beside_it() {
        QCOMPARE(call(quick("run", {"-b", "1,2", "-a", "naive,flash"})).status, 0);
        const auto folder = folder_.filePath("report");
        const auto said =
            call({"report", "last", "--store", store_, "-o", "html", "--out", folder});
        QCOMPARE(said.status, 0);
        QCOMPARE(lines(said.out).first(), folder + "/report.html");
        for (const auto& path : lines(said.out))
            QVERIFY2(QFileInfo(path).size() > 1000, qPrintable(path));
        QVERIFY(lines(said.out).contains(folder + "/memory.png"));
        QCOMPARE(call({"report", "last", "--store", store_, "-o", "pdf", "--out", folder}).status,
                 0);
        QFile pdf(folder + "/report.pdf");
        QVERIFY(pdf.open(QIODevice::ReadOnly));
        QCOMPARE(pdf.read(5), QByteArray("%PDF-"));
        QCOMPARE(call({"report", "last", "--store", store_, "-o", "md", "--out", folder}).status,
                 0);
        const auto nowhere = call({"report", "last", "--store", store_, "--out", "/proc/nowhere"});
        QCOMPARE(nowhere.status, 1);
        QVERIFY(nowhere.errors.contains("/proc/nowhere"));
    }

    void every_experiment_that_comes_along_can_be_planned() {
        const auto list = call({"list", "experiments", "--json"});
        const auto all = QJsonDocument::fromJson(list.out.toUtf8()).array();
        QVERIFY2(all.size() >= 5, qPrintable(list.errors));
        for (const auto& experiment : all) {
            const auto name = experiment.toObject()["name"].toString();
            const auto said =
                call({"plan", name, "--points-only", "-o", "none", "--store", store_});
            QVERIFY2(said.status == 0 && !said.errors.contains("impossible"),
                     qPrintable(name + ": " + said.errors));
        }
    }

    void lists_tell_what_there_is() {
        QVERIFY(call({"list", "models"}).out.contains("| esm2-8m"));
        QVERIFY(call({"list", "devices"}).out.contains("| cuda |"));
        QVERIFY(call({"list", "optimizations"}).out.contains("naive, flash"));
        const auto models =
            QJsonDocument::fromJson(call({"list", "models", "--json"}).out.toUtf8());
        QVERIFY(models.array().size() > 15);
    }

    void the_doctor_finds_this_machine_able() {
        const auto said = call({"doctor", "--store", store_});
        QCOMPARE(said.status, 0);
        QVERIFY(said.out.contains("✓ worker"));
        QVERIFY(said.out.contains("✓ store"));
        QVERIFY2(said.out.contains("byte for byte"), qPrintable(said.out));
        QVERIFY2(said.out.contains("✓ product     f32 forward: "), qPrintable(said.out));
        const auto ill = call({"doctor", "--store", "/proc/nowhere/x.sweetspot"});
        QVERIFY2(ill.out.contains("✗ store"), qPrintable(ill.out));
        QCOMPARE(ill.status, 1);
    }
};

SWEETSPOT_TEST(CommandsTest)
#include "commands_test.moc"
