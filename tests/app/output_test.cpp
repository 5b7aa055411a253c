// What programs print: where it cannot be written, and what must not be in it.
#include "app/analysis/csv.h"
#include "app/experiment/printable.h"
#include "tests/suite.h"
#include <QtTest>
#include <csignal>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

using namespace sweetspot;

namespace {

const QString sweetspot_program = SWEETSPOT_BINARY_DIR "/bin/sweetspot";
const QByteArray evil = "\x1b]0;pwn\a\x1b[2Jx\xC2\x9B"
                        "2J\x7f\xFF|\r";

struct Said {
    int status = -1;
    QByteArray out, errors;
};

/// A command line, in which $0 is the program.
Said shell(const QString& line, const QString& program = sweetspot_program) {
    QProcess process;
    process.start("bash", {"-c", line, program});
    if (!process.waitForFinished(120'000)) return {};
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -2,
            process.readAllStandardOutput(), process.readAllStandardError()};
}

/// No byte that moves a terminal, and UTF-8 throughout.
bool is_tame(QByteArray text) {
    for (const char c : text)
        if ((c >= 0 && c < 0x20 && c != '\n') || c == 0x7f) return false;
    return is_utf8(text.toStdString()) && !text.contains("\xC2\x9B");
}

} // namespace

class OutputTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    QString store_;

    QString run(const QString& more) const {
        return "\"$0\" run -m stories260k -t 1 --sequence 16 -r 2 --no-warmup --min-time 0 -q "
               "--store '" +
               store_ + "' " + more;
    }
    QString with_store(const QString& command) const {
        return "\"$0\" " + command + " --store '" + store_ + "'";
    }
    void change(const char* sql) const {
        sqlite3* database = nullptr;
        QCOMPARE(sqlite3_open(store_.toUtf8(), &database), SQLITE_OK);
        sqlite3_stmt* statement = nullptr;
        QCOMPARE(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr), SQLITE_OK);
        sqlite3_bind_text(statement, 1, evil.data(), int(evil.size()), SQLITE_STATIC);
        QCOMPARE(sqlite3_step(statement), SQLITE_DONE);
        sqlite3_finalize(statement);
        sqlite3_close(database);
    }

private slots:
    void initTestCase() {
        store_ = folder_.filePath("runs.sweetspot");
        QCOMPARE(shell(run("-b 1,2 -o none")).status, 0);
        QCOMPARE(shell(run("-b 1,2 -o none --force")).status, 0);
    }

    void output_that_cannot_be_written_is_a_status_and_a_sentence_data() {
        QTest::addColumn<QString>("command");
        QTest::newRow("run") << run("-o csv");
        QTest::newRow("run, lines") << run("-o jsonl --force");
        for (const char* words : {"export last", "export last -o json", "export 1 -o trace",
                                  "list runs", "plan -s 16 -o csv", "compare", "compare -o json"})
            QTest::newRow(words) << with_store(words);
        QTest::newRow("report") << with_store("report last -o md --out '" +
                                              folder_.filePath("report") + "'");
        QTest::newRow("import") << "\"$0\" import '" + store_ + "' --store '" +
                                       folder_.filePath("copy") + "'";
        for (const char* words : {"list models", "list devices --json", "list fields",
                                  "list experiments", "--help", "run --help", "--version"})
            QTest::newRow(words) << "\"$0\" " + QString(words);
        for (const char* words : {"--help", "--version", "devices"})
            QTest::addRow("worker %s", words) << "\"$0-worker\" " + QString(words);
        if (QFile::exists(sweetspot_program + "-gui"))
            for (const char* words : {"--help", "--version"})
                QTest::addRow("window %s", words) << "\"$0-gui\" " + QString(words);
    }
    void output_that_cannot_be_written_is_a_status_and_a_sentence() {
        QFETCH(QString, command);
        const struct {
            QString where;
            QByteArray why;
        } places[] = {
            {" > /dev/full", "No space left on device"},
            {" >&-", "Bad file descriptor"},
            // A pipe whose reader has gone before anything is written.
            {" > >(exec <&-; : > '" + folder_.filePath("gone") + "')", "its reader has gone"}};
        for (const auto& [where, why] : places) {
            QFile::remove(folder_.filePath("gone"));
            const auto wait = where.contains("gone")
                                  ? "exec 3" + where.trimmed() + "; while [ ! -e '" +
                                        folder_.filePath("gone") + "' ]; do :; done; " + command +
                                        " >&3"
                                  : command + where;
            const auto said = shell(wait);
            QVERIFY2(said.status == 1, qPrintable(wait + ": " + QString::number(said.status)));
            QVERIFY2(said.errors.contains("cannot write to standard output: " + why),
                     qPrintable(wait + ": " + said.errors));
        }
    }

    void a_file_that_may_not_grow_is_a_full_disk() {
        const auto said =
            shell("ulimit -f 1; \"$0\" list fields --json > '" + folder_.filePath("limited") + "'");
        QCOMPARE(said.status, 1);
        QVERIFY2(said.errors.contains("standard output: File too large"), said.errors);
        const auto store =
            shell("ulimit -f 40; " + run("-b 1-9 -o none").replace(store_, store_ + "2"));
        QCOMPARE(store.status, 1);
        QVERIFY2(store.errors.contains("the file may not grow any more"), store.errors);
    }

    void a_reader_that_leaves_costs_no_run() {
        const auto other = QString(store_ + "3");
        const auto said = shell(run("-b 1-6 -o jsonl").replace(store_, other) + " | head -1");
        QCOMPARE(said.out.count('\n'), 1);
        const auto kept = shell("\"$0\" export last -o csv --store '" + other + "'");
        QCOMPARE(kept.out.count(",done,"), 6);
    }

    void what_is_shown_has_no_control_characters_and_is_utf8() {
        QCOMPARE(QByteArray::fromStdString(printable("a\x1b[2J\x7f\n\tb\xC2\x9B\xFF\xC3\xA9")),
                 QByteArray("a␛[2J␡\n\tb\uFFFD\uFFFDé"));
        QCOMPARE(printable_json("\"a\x7f\xC2\x9B\xC3\xA9\""),
                 std::string("\"a\\u007f\\u009b\xC3\xA9\""));
        // What is longer than need be, half of a pair, beyond Unicode or cut is no UTF-8.
        for (const char* bad : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                "\xF0\x9F\x98", "\xC3", "\x80"})
            QVERIFY2(!is_utf8(bad), bad);
        for (const char* good : {"", "a", "é", "ह", "😀", "\xF4\x8F\xBF\xBF"})
            QVERIFY2(is_utf8(good), good);
    }

    void no_command_passes_control_characters_on() {
        change("UPDATE sweeps SET name = ?1, note = ?1, description = ?1");
        change("UPDATE runs SET status = 'failed', failure = 'bug', reason = ?1 WHERE id = 1");
        for (const char* words :
             {"list runs", "list runs --json", "export s1", "export s1 -o json", "export s1 -o sql",
              "compare s2 s1", "compare s2 s1 -o json", "report s1 -o md --out report"}) {
            auto said = shell("cd '" + folder_.path() + "'; " + with_store(words));
            QVERIFY2(said.status == 0, said.errors);
            said.out.replace("\r\n", "\n");
            QVERIFY2(is_tame(said.out) && is_tame(said.errors), words);
        }
        QFile report(folder_.filePath("report/report.md"));
        QVERIFY(report.open(QIODevice::ReadOnly));
        QVERIFY(is_tame(report.readAll()));
        const auto wrong = shell(QString("\"$0\" $'\\e[2J'; \"$0\" run --store /nowhere/$'\\e[2J' "
                                         "-m $'\\e[2J'; \"$0\" list runs --store $'\\e[2J'"));
        QVERIFY2(is_tame(wrong.errors) && wrong.errors.contains("␛[2J"), wrong.errors);
    }

    void a_field_that_is_not_utf8_is_refused_before_anything_starts() {
        const auto store = folder_.filePath("none");
        for (const char* flag : {"--data ", "--weights ", "-m ", "--tokenizer ", "--prompt ",
                                 "--name ", "--lengths file:"}) {
            const auto said = shell("cd '" + folder_.path() + "'; \"$0\" run " + flag +
                                    "$'gr\\374n/x' --store '" + store + "'");
            QCOMPARE(said.status, 2);
            QVERIFY2(said.errors.contains("is not UTF-8") && is_utf8(said.errors.toStdString()),
                     said.errors);
        }
        QVERIFY(!QFile::exists(store));
    }

    void paths_outside_of_records_may_be_any_bytes() {
        const auto said =
            shell("cd '" + folder_.path() + "'; d=$'gr\\374n'; mkdir \"$d\"; cp '" + store_ +
                  "' \"$d/s\"; echo '{\"base\": {}}' > \"$d/spec.json\"; \"$0\" list runs --store "
                  "\"$d/s\""
                  " && \"$0\" report last --store \"$d/s\" -o md --out \"$d/report\" && "
                  "\"$0\" plan \"$d/spec.json\" --points-only && test -s \"$d/report/report.md\"; "
                  "status=$?; rm -r \"$d\"; exit $status");
        QVERIFY2(said.status == 0, said.errors);
    }

    void a_cell_of_csv_is_no_formula() {
        const std::pair<const char*, const char*> cells[] = {{"=1+1", "'=1+1"},
                                                             {"+1+1", "'+1+1"},
                                                             {"@a", "'@a"},
                                                             {"-a", "'-a"},
                                                             {"-1.5", "-1.5"},
                                                             {"-inf", "-inf"},
                                                             {"1e-3", "1e-3"},
                                                             {"a=b", "a=b"},
                                                             {"\t=1", "'\t=1"},
                                                             {"", ""},
                                                             {"=\"a\"", "\"'=\"\"a\"\"\""}};
        for (const auto& [text, cell] : cells) QCOMPARE(csv_cell(text), std::string(cell));
        const auto said = shell(run("-o csv --task generate -n 1 --prompt \"=cmd|' /C calc'!A0\""));
        QVERIFY2(said.out.contains(",'=cmd|' /C calc'!A0,"), said.out);
    }
};

SWEETSPOT_TEST(OutputTest)
#include "output_test.moc"
