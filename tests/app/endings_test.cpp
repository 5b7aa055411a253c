// However a program of ours ends, its workers end with it: real programs, real workers, real
// signals. Workers are told apart from others by a mark in their environment.
#include "tests/suite.h"
#include <QtTest>
#include <algorithm>
#include <csignal>
#include <sqlite3.h>
#include <sys/socket.h>

namespace {

const QByteArray mark_name = "SWEETSPOT_ENDINGS_TEST";
const QString sweetspot = SWEETSPOT_BINARY_DIR "/bin/sweetspot";

/// Processes that run sweetspot-worker and carry the mark.
QList<pid_t> workers_with(const QByteArray& mark) {
    QList<pid_t> found;
    for (const auto& name : QDir("/proc").entryList(QDir::Dirs)) {
        bool is_process = false;
        const auto pid = pid_t(name.toInt(&is_process));
        if (!is_process || !QFile::symLinkTarget("/proc/" + name + "/exe").contains("worker"))
            continue;
        QFile environment("/proc/" + name + "/environ");
        if (environment.open(QIODevice::ReadOnly) &&
            environment.readAll().contains(mark_name + '=' + mark))
            found << pid;
    }
    return found;
}

/// Processor time that it used so far, in clock ticks of a hundredth of a second.
qint64 ticks_of(pid_t pid) {
    QFile stat(QString("/proc/%1/stat").arg(pid));
    if (!stat.open(QIODevice::ReadOnly)) return 0;
    const auto text = stat.readAll();
    const auto words = text.mid(text.lastIndexOf(')') + 2).split(' ');
    return words[11].toLongLong() + words[12].toLongLong();
}

/// A program with a mark of its own, killed at the latest when the test ends.
class Marked : public QProcess {
public:
    Marked(const QString& program, const QStringList& arguments)
        : mark_(QByteArray::number(QCoreApplication::applicationPid()) + '-' +
                QByteArray::number(++count_)) {
        auto environment = QProcessEnvironment::systemEnvironment();
        environment.insert(mark_name, mark_);
        environment.insert("QT_QPA_PLATFORM", "offscreen");
        setProcessEnvironment(environment);
        start(program, arguments);
    }
    ~Marked() override {
        kill();
        waitForFinished();
        for (const pid_t worker : workers()) ::kill(worker, SIGKILL);
    }

    QList<pid_t> workers() const { return workers_with(mark_); }
    /// Whether a worker has computed for a while.
    bool computes() const {
        for (const pid_t worker : workers())
            if (ticks_of(worker) > 30) return true;
        return false;
    }
    void send(int signal) const {
        if (state() == Running) ::kill(pid_t(processId()), signal);
    }

private:
    static inline int count_ = 0;
    QByteArray mark_;
};

/// Whether each of its threads is stopped; before the last one is, the kernel knows of no stop.
bool is_stopped(pid_t pid) {
    const QString threads = QString("/proc/%1/task/").arg(pid);
    const auto names = QDir(threads).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
    return !names.isEmpty() && std::all_of(names.begin(), names.end(), [&](const QString& name) {
        QFile stat(threads + name + "/stat");
        if (!stat.open(QIODevice::ReadOnly)) return false;
        const auto text = stat.readAll();
        return text.at(text.lastIndexOf(')') + 2) == 'T';
    });
}

} // namespace

class EndingsTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    static QStringList one_step(const QString& model, const QString& tokens, const QString& batch,
                                const QString& store) {
        return {"run",     "-m",    model, "-s",       tokens, "-b",          batch,        "-t",
                "1",       "-r",    "1",   "--rounds", "1",    "--no-warmup", "--min-time", "0",
                "--trace", "false", "-q",  "-o",       "none", "--store",     store};
    }
    /// A step of minutes.
    static QStringList long_step(const QString& store) {
        return one_step("esm2-35m", "1024", "256", store);
    }
    /// Forty thousand points.
    QStringList long_prediction() const {
        return {"plan", "-b", "1-200", "-s", "1-200", "-o", "none", "--store", path("none")};
    }
    QString path(const QString& name) const { return folder_.filePath(name); }

private slots:
    void no_worker_outlives_its_program_data() {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<int>("signal");
        const std::pair<const char*, int> signals_to_send[] = {
            {"SIGINT", SIGINT}, {"SIGTERM", SIGTERM}, {"SIGHUP", SIGHUP}, {"SIGKILL", SIGKILL}};
        for (const auto& [name, number] : signals_to_send) {
            const QString file = path(name);
            QTest::addRow("run %s", name) << long_step(file) << number;
            QTest::addRow("plan %s", name) << long_prediction() << number;
            QTest::addRow("doctor %s", name) << QStringList{"doctor", "--store", file} << number;
            QTest::addRow("list devices %s", name) << QStringList{"list", "devices"} << number;
            if (QFile::exists(sweetspot + "-gui"))
                QTest::addRow("window %s", name) << QStringList{"window"} << number;
        }
    }
    void no_worker_outlives_its_program() {
        QFETCH(QStringList, words);
        QFETCH(int, signal);
        const bool window = words.first() == "window";
        if (window) words = {"--store", path("window"), path("long.json")};
        QFile spec(path("long.json")); // each of its points is predicted for many seconds
        QVERIFY(spec.open(QIODevice::WriteOnly));
        spec.write(R"({"base": {"model": "llama2-70b", "task": "generate", "sequence": 100000,
                                "new_tokens": 100000}, "axes": {"batch": "1-8"}})");
        spec.close();
        Marked program(window ? sweetspot + "-gui" : sweetspot, words);
        // QTRY_VERIFY would ask again, and a window's first worker may be over by then.
        const bool is_long = window || words.first() == "run" || words.first() == "plan";
        const auto in_the_midst = [&] {
            return is_long
                       ? program.computes()
                       : !program.workers().isEmpty() || program.state() == QProcess::NotRunning;
        };
        QVERIFY(QTest::qWaitFor(in_the_midst, 60'000));
        if (is_long) QCOMPARE(program.state(), QProcess::Running);
        program.send(signal); // a short command may be over by now
        QVERIFY(program.state() == QProcess::NotRunning || program.waitForFinished(20'000));
        QTRY_VERIFY_WITH_TIMEOUT(program.workers().isEmpty(), 5'000);
    }

    void a_stopped_worker_ends_with_its_program() {
        Marked program(sweetspot, long_prediction());
        QVERIFY(QTest::qWaitFor([&] { return program.computes(); }, 60'000));
        const pid_t worker = program.workers().front();
        ::kill(worker, SIGSTOP);
        QTRY_VERIFY_WITH_TIMEOUT(is_stopped(worker), 20'000);
        program.send(SIGKILL);
        QVERIFY(program.waitForFinished(20'000));
        QTRY_VERIFY_WITH_TIMEOUT(program.workers().isEmpty(), 5'000);
    }

    void an_interrupted_command_says_so_with_status_130_data() {
        QTest::addColumn<int>("signal");
        QTest::newRow("SIGINT") << SIGINT;
        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGHUP") << SIGHUP;
    }
    void an_interrupted_command_says_so_with_status_130() {
        QFETCH(int, signal);
        for (const auto& words : {long_prediction(), long_step(path(QTest::currentDataTag()))}) {
            Marked program(sweetspot, words);
            QVERIFY(QTest::qWaitFor([&] { return program.computes(); }, 60'000));
            program.send(signal);
            QVERIFY(program.waitForFinished(20'000));
            QCOMPARE(program.exitStatus(), QProcess::NormalExit);
            QCOMPARE(program.exitCode(), 130);
            QVERIFY(!program.readAllStandardError().isEmpty());
        }
    }

    void nohup_is_heeded() {
        Marked program("bash", QStringList{"-c", "trap '' HUP; exec \"$0\" \"$@\"", sweetspot} +
                                   long_prediction());
        QVERIFY(QTest::qWaitFor([&] { return !program.workers().isEmpty(); }, 60'000));
        program.send(SIGHUP);
        QVERIFY(!program.waitForFinished(500));
        program.send(SIGTERM);
        QVERIFY(program.waitForFinished(20'000));
        QCOMPARE(program.exitCode(), 130);
    }

    void a_kill_leaves_the_store_whole() {
        const auto store = path("killed.sweetspot");
        {
            Marked first(sweetspot, one_step("stories260k", "16", "1", store));
            QVERIFY(first.waitForFinished(60'000));
            Marked program(sweetspot, long_step(store));
            QTRY_VERIFY_WITH_TIMEOUT(rows(store,
                                          "SELECT count(*) FROM runs WHERE status = 'running'"
                                          " AND id = 2") == QStringList{"1"},
                                     60'000);
            program.send(SIGKILL);
            QVERIFY(program.waitForFinished(20'000));
        }
        QCOMPARE(rows(store, "PRAGMA integrity_check"), QStringList{"ok"});
        QCOMPARE(rows(store, "SELECT status FROM runs ORDER BY id"),
                 (QStringList{"done", "running"}));
        QCOMPARE(rows(store,
                      "SELECT count(*) FROM samples WHERE run_id = 1 AND metric = 'step_seconds'"),
                 QStringList{"1"});
        Marked again(sweetspot, {"import", store, "--store", store}); // opens it for writing
        QVERIFY(again.waitForFinished(60'000));
        QCOMPARE(rows(store, "SELECT status FROM runs ORDER BY id"),
                 (QStringList{"done", "failed"}));
        QCOMPARE(rows(store, "SELECT failure FROM runs WHERE id = 2"), QStringList{"interrupted"});
    }

    void the_end_of_a_pipe_of_configurations_ends_no_run() {
        QProcess worker;
        worker.start(sweetspot + "-worker", QStringList());
        worker.write(R"({"model":"stories260k","sequence":16,"repeats":50,"threads":1})"
                     "\n");
        worker.closeWriteChannel();
        QVERIFY(worker.waitForFinished(60'000));
        QVERIFY(worker.readAllStandardOutput().contains("\"finished\""));
        QCOMPARE(worker.exitCode(), 0);
    }

private:
    /// The first column of what a query finds; empty if there is no such database yet.
    static QStringList rows(const QString& file, const char* sql) {
        QStringList all;
        sqlite3* database = nullptr;
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_open_v2(file.toUtf8(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
            sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) == SQLITE_OK)
            while (sqlite3_step(statement) == SQLITE_ROW)
                all << reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
        sqlite3_finalize(statement);
        sqlite3_close(database);
        return all;
    }
};

SWEETSPOT_TEST(EndingsTest)
#include "endings_test.moc"
