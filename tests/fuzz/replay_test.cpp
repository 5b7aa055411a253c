#include "tests/fuzz/targets.h"
#include <QDirIterator>
#include <QFile>
#include <QTest>

/// What searches kept goes through every reader again; nothing is searched here.
class ReplayTest : public QObject {
    Q_OBJECT

private slots:
    void every_target_has_inputs_and_every_input_a_target();
    void no_input_does_what_a_reader_may_not_data();
    void no_input_does_what_a_reader_may_not();
};

static const QString corpus = SWEETSPOT_SOURCE_DIR "/tests/fuzz/corpus";

void ReplayTest::every_target_has_inputs_and_every_input_a_target() {
    QStringList targets;
    sweetspot::fuzz::each_target([&](const auto& target) { targets << target.name; });
    targets.sort();
    QCOMPARE(QDir(corpus).entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name), targets);
    qint64 bytes = 0;
    for (const auto& target : targets) {
        QDirIterator inputs(corpus + "/" + target, QDir::Files);
        QVERIFY2(inputs.hasNext(), qPrintable(target));
        while (inputs.hasNext()) bytes += QFile(inputs.next()).size();
    }
    QVERIFY2(bytes <= 1 << 20, qPrintable(QString("%1 bytes").arg(bytes)));
}

void ReplayTest::no_input_does_what_a_reader_may_not_data() {
    QTest::addColumn<void (*)(const std::uint8_t*, std::size_t)>("read");
    sweetspot::fuzz::each_target(
        [](const auto& target) { QTest::newRow(target.name) << target.read; });
}

void ReplayTest::no_input_does_what_a_reader_may_not() {
    using Read = void (*)(const std::uint8_t*, std::size_t);
    QFETCH(Read, read);
    QDirIterator inputs(corpus + "/" + QTest::currentDataTag(), QDir::Files);
    while (inputs.hasNext()) {
        QFile file(inputs.next());
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray bytes = file.readAll();
        try {
            read(reinterpret_cast<const std::uint8_t*>(bytes.data()), std::size_t(bytes.size()));
        } catch (const std::exception& error) {
            QFAIL(qPrintable(file.fileName() + ": " + error.what()));
        }
    }
}

QTEST_GUILESS_MAIN(ReplayTest)
#include "replay_test.moc"
