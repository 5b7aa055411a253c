// The window and the command line store the same rows for the same spec.
#include "app/experiment/metrics.h"
#include "tests/gui/session_data.h"
#include "tests/suite.h"
#include <QProcess>
#include <QTemporaryDir>
#include <map>
#include <set>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

/// Points that are done, that cannot be, and that fail; each takes as many steps as any other time.
constexpr const char* spec_text = R"({
    "name": "agreement",
    "description": "what both store",
    "base": {"model": "stories260k", "threads": 1, "rounds": 2, "warmup": 1, "repeats": 4,
             "max_repeats": 4, "min_seconds": 0, "lengths": "uniform:3:16",
             "tokenizer": "bytes+bos", "quality": "perplexity", "quality_window": 16,
             "quality_data": "TEXT", "memory_limit_bytes": 4e6},
    "axes": {"sequence": [16, 32], "batch": [2, 4, 4000], "attention": ["naive", "flash", "vendor"]}
})";

/// Facts of a moment, not of the machine.
const std::set<std::string> of_a_moment{"cpu_mhz", "load_average"};

/// Whether a metric comes out the same each time.
bool repeats(const std::string& metric) {
    const MetricInfo* info = find_metric(metric);
    return info && info->judged != Judgement::single && info->unit != "s" &&
           !metric.ends_with("_seconds");
}

/// All that a run stores which no clock and no neighbour decides, a line each.
QStringList rowsOf(const RunRecord& run) {
    QStringList rows;
    const auto add = [&](const std::string& name, const std::string& value) {
        rows << QString::fromStdString(name + " = " + value);
    };
    for (const RunField& field : run_fields()) add(std::string(field.name), field.get(run.config));
    add("hash", run.hash);
    add("status", to_text(run.status));
    add("failure", run.failure ? to_text(*run.failure) : "");
    add("reason", run.reason);
    for (const auto& [name, value] : run.environment)
        if (!of_a_moment.contains(name)) add("environment " + name, value);
    if (run.weights) add("weights", run.weights->path + to_text(run.weights->parameters));
    if (run.scored) add("scored", run.scored->tokens_sha256);
    for (const auto& [name, value] : run.metrics)
        add("metric " + name, repeats(name) ? to_text(value) : "");
    for (const auto& [name, text] : run.texts) add("text " + name, text);
    for (const auto& [name, samples] : run.samples)
        for (const Measured& sample : samples)
            if (name != "kept_rounds") // which point loads a model first goes by the order
                add("sample " + name, to_text(sample.index) + (sample.warmup ? " warm-up" : "") +
                                          " round " + to_text(sample.round));
    for (const Round& round : run.rounds) add("round", to_text(round.index));
    for (const RegionSum& region : run.regions)
        add("region " + region.path, to_text(region.calls) + " " + to_text(region.flops));
    for (const MemoryPoint& point : run.memory)
        add("memory", to_text(point.purpose) + to_text(point.bytes));
    for (const float loss : run.token_losses) add("loss", to_text(double(loss)));
    return rows;
}

/// The runs of the only sweep of a database, by configuration: the order of measuring is each
/// one's own.
std::map<std::string, RunRecord> runsOf(const QString& path, SweepInfo& sweep) {
    const Store store(path.toStdString(), Store::Mode::read);
    const auto sweeps = store.sweeps();
    if (sweeps.size() != 1) return {};
    sweep = sweeps.front();
    std::map<std::string, RunRecord> runs;
    for (RunRecord& run : store.runs({.sweep_id = sweep.id, .with_details = true}))
        runs.emplace(run.hash, std::move(run));
    return runs;
}

} // namespace

class RowAgreementTest : public QObject {
    Q_OBJECT
private slots:
    void the_window_and_the_command_line_store_the_same_rows() {
        qunsetenv("SWEETSPOT_WORKER"); // the true one
        QTemporaryDir folder;
        const QString spec = folder.filePath("spec.json"), text = folder.filePath("story.lines");
        const auto write = [](const QString& path, const QString& words) {
            QFile file(path);
            return file.open(QIODevice::WriteOnly) && file.write(words.toUtf8()) > 0;
        };
        QVERIFY(write(text, "once upon a time\nthere was a small machine that counted\n"));
        QVERIFY(write(spec, QString(spec_text).replace("TEXT", text)));

        const QString by_command = folder.filePath("command.sweetspot"),
                      by_window = folder.filePath("window.sweetspot");
        QProcess program;
        program.start(SWEETSPOT_BINARY_DIR "/bin/sweetspot",
                      {"run", spec, "--store", by_command, "-o", "none", "-q"});
        QVERIFY(program.waitForFinished(120'000));
        const QByteArray errors = program.readAllStandardError();
        QVERIFY2(program.exitCode() == 4, errors.constData()); // some runs failed
        {
            Session session;
            QVERIFY(opens(session, by_window));
            QVERIFY(starts(session, load_spec(spec.toStdString())));
            QVERIFY(ends(session));
        }
        SweepInfo a, b;
        const auto command = runsOf(by_command, a), window = runsOf(by_window, b);
        QCOMPARE(b.name, a.name);
        QCOMPARE(b.description, a.description);
        QCOMPARE(b.spec_json, a.spec_json);
        QCOMPARE(b.planned, a.planned);
        QCOMPARE(command.size(), std::size_t(18));
        QCOMPARE(window.size(), command.size());
        std::set<RunStatus> seen;
        for (const auto& [hash, run] : command) {
            QVERIFY2(window.contains(hash), hash.c_str());
            const QStringList of_command = rowsOf(run), of_window = rowsOf(window.at(hash));
            for (qsizetype i = 0; i < std::min(of_command.size(), of_window.size()); ++i)
                QCOMPARE(of_window[i], of_command[i]);
            QCOMPARE(of_window.size(), of_command.size());
            seen.insert(run.status);
        }
        QVERIFY(seen.contains(RunStatus::done) && seen.contains(RunStatus::failed) &&
                seen.contains(RunStatus::impossible));
    }
};

SWEETSPOT_TEST(RowAgreementTest)
#include "row_agreement_test.moc"
