#include "app/gui/pages/machine_column.h"
#include "app/gui/pages/sweep_sentence.h"
#include "app/gui/pages/welcome_page.h"
#include "app/gui/session/host.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/card.h"
#include "tests/suite.h"
#include <QDir>
#include <QFile>
#include <QPushButton>
#include <QScrollArea>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

void put(const QString& root, const QString& path, const QByteArray& text) {
    const QString whole = root + path;
    QDir().mkpath(QFileInfo(whole).path());
    QFile file(whole);
    if (!file.open(QIODevice::WriteOnly)) qFatal("%s cannot be written", qPrintable(whole));
    file.write(text);
}

/// A finished run: equal steps, one in each of its rounds, which alternate with those of others.
RunRecord finished(AttentionVariant attention, double step_seconds, double peak_bytes,
                   int rounds = 6) {
    RunRecord run;
    run.config.attention = attention;
    run.status = RunStatus::done;
    run.metrics = {{"peak_bytes", peak_bytes}, {"tokens_nominal", 128}};
    for (int i = 0; i < rounds; ++i) {
        run.samples["step_seconds"].push_back({"step_seconds", 0, step_seconds, false, i});
        run.rounds.push_back({i, 1e9 + 10 * i, 1e9 + 10 * i + 1});
    }
    return run;
}

RecentSweeps::Entry entryOf(std::vector<RunRecord> runs) {
    RecentSweeps::Entry entry;
    entry.info.id = 7;
    for (const RunRecord& run : runs) entry.info.failed += run.status == RunStatus::failed;
    entry.runs = std::make_shared<const std::vector<RunRecord>>(std::move(runs));
    return entry;
}

SweepSentence sentence(const RecentSweeps::Entry& entry) {
    return sentenceOf(entry, findingOf(entry), {});
}

} // namespace

class WelcomePageTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("welcome");
        qputenv("SWEETSPOT_RESOURCES", SWEETSPOT_SOURCE_DIR "/resources");
        applyTheme(lightTheme());
    }

    void a_host_is_what_its_system_tells() {
        QTemporaryDir root;
        put(root.path(), "/proc/cpuinfo",
            "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz\n"
            "cpu MHz\t\t: 2699.998\nflags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16\n\n"
            "processor\t: 1\nmodel name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz\n");
        put(root.path(), "/proc/meminfo",
            "MemTotal:        8000 kB\nMemFree: 10 kB\nMemAvailable:    2000 kB\n");
        put(root.path(), "/proc/loadavg", "1.50 1.20 0.90 2/345 678\n");
        put(root.path(), "/proc/sys/kernel/perf_event_paranoid", "2\n");
        const Host host = readHost(root.path());
        QCOMPARE(host.threads, 2);
        QCOMPARE(shortCpuName(host.cpu), QString("Xeon Platinum 8481C"));
        QCOMPARE(host.isa, QString("AVX-512 with bf16 and AMX"));
        QCOMPARE(host.memory_bytes, 8000.0 * 1024);
        QCOMPARE(host.available_bytes, 2000.0 * 1024);
        QCOMPARE(host.load, 1.5);
        QCOMPARE(host.counters_forbidden, 2);
        QVERIFY(host.governor.isEmpty());
        QVERIFY(!host.has_counters); // allowed, and there are none: as in a virtual machine
        QVERIFY(QDir(root.path()).mkpath("sys/bus/event_source/devices/cpu"));
        QVERIFY(readHost(root.path()).has_counters);
    }

    void what_a_system_does_not_tell_stays_unknown() {
        QTemporaryDir root;
        const Host host = readHost(root.path());
        QCOMPARE(host.threads, 0);
        QVERIFY(host.cpu.isEmpty() && host.isa.isEmpty());
        MachineColumn column;
        column.present(host, false);
        QVERIFY(column.text().contains("unknown processor"));
        QVERIFY(column.text().contains("No hardware counters"));
    }

    void a_busy_machine_is_said_to_be_busy_unless_the_load_is_our_own() {
        Host host;
        host.threads = 2;
        host.load = 1.5;
        MachineColumn column;
        column.present(host, false);
        QVERIFY(column.text().contains("Other programs are busy"));
        column.present(host, true);
        QVERIFY(!column.text().contains("Other programs are busy"));
    }

    void gpus_stand_with_their_memory_and_a_missing_one_with_its_reason() {
        MachineColumn column;
        QVERIFY(column.text().contains("Not known yet"));
        column.showDevices(
            {{.name = "cpu", .available = true}, {.name = "cuda", .meaning = "the driver sleeps"}});
        QVERIFY2(column.text().contains("None found\nThe driver sleeps."),
                 qPrintable(column.text()));
        column.showDevices({{.name = "cuda",
                             .available = true,
                             .meaning = "Fake 9000, compute capability 9.0",
                             .memory_bytes = 4 * 1073741824.0,
                             .free_bytes = 3 * 1073741824.0}});
        const QString text = column.text();
        QVERIFY2(text.contains("Fake 9000\nCompute capability 9.0."), qPrintable(text));
        QVERIFY2(text.contains("1.00 GiB / 4.00 GiB"), qPrintable(text));
        QVERIFY(!text.contains("None found"));
    }

    void the_quickstart_is_the_first_preset_and_all_can_be_read() {
        const auto all = presets();
        QVERIFY(all.size() >= 5);
        QCOMPARE(all[0].name, QString("quickstart"));
        QCOMPARE(all[0].points, 48.0);
        for (const Preset& preset : all) QVERIFY2(preset.points > 0, qPrintable(preset.purpose));
    }

    void the_strongest_optimization_is_the_sentence_of_a_sweep() {
        const auto entry = entryOf({finished(AttentionVariant::naive, 0.4, 200e6),
                                    finished(AttentionVariant::flash, 0.2, 100e6)});
        QCOMPARE(
            sentence(entry).text,
            QString("flash instead of naive: 2.00%1 faster, 50 % less memory").arg(QChar(0xD7)));
    }

    void an_optimization_that_slows_down_is_told_the_other_way_round() {
        const auto entry = entryOf({finished(AttentionVariant::naive, 0.1, 100e6),
                                    finished(AttentionVariant::flash, 0.2, 100e6)});
        QCOMPARE(sentence(entry).text,
                 QString("naive instead of flash: 2.00%1 faster").arg(QChar(0xD7)));
    }

    void changes_below_two_percent_are_none() {
        const auto entry = entryOf({finished(AttentionVariant::naive, 0.100, 100e6),
                                    finished(AttentionVariant::flash, 0.101, 100e6)});
        QCOMPARE(sentence(entry).text,
                 QString("no optimization changed the time by more than 2 %"));
    }

    void a_change_that_rounds_do_not_show_is_undecided() {
        for (const int rounds : {1, 3}) {
            const auto entry = entryOf({finished(AttentionVariant::naive, 0.1, 1e6, rounds),
                                        finished(AttentionVariant::flash, 0.07, 1e6, rounds)});
            const QString text = sentence(entry).text;
            QVERIFY2(text.startsWith("undecided whether an optimization changed the time"),
                     qPrintable(text));
        }
    }

    void a_noisy_run_makes_no_sentence() {
        auto noisy = finished(AttentionVariant::flash, 0.05, 1e6);
        for (int i = 0; i < 6; ++i) noisy.samples["step_seconds"][i].value *= 1 + 0.1 * i;
        const auto entry = entryOf({finished(AttentionVariant::naive, 0.4, 1e6), noisy});
        QVERIFY(sentence(entry).text.startsWith("undecided"));
    }

    void the_fastest_says_against_which_it_is_undecided() {
        auto slow = finished(AttentionVariant::flash, 0.110, 200e6, 3);
        auto fast = finished(AttentionVariant::flash, 0.100, 200e6, 3);
        fast.config.sequence = 256;
        const QString text = sentence(entryOf({slow, fast})).text;
        QVERIFY2(text.endsWith("; undecided against 1 other"), qPrintable(text));
    }

    void without_optimizations_the_fastest_configuration_is_the_sentence() {
        auto slow = finished(AttentionVariant::flash, 0.4, 200e6);
        auto fast = finished(AttentionVariant::flash, 0.1, 200e6);
        fast.config.batch = 8;
        const QString text = sentence(entryOf({slow, fast})).text;
        QVERIFY2(text.startsWith("fastest: batch 8, 1.28 k tokens/s"), qPrintable(text));
    }

    void a_sweep_in_which_all_failed_says_why() {
        RunRecord run;
        run.status = RunStatus::failed;
        run.failure = Failure::out_of_memory;
        run.reason = "out of memory: the run needs 30 GiB";
        const QString text = sentence(entryOf({run})).text;
        QVERIFY2(text.startsWith("none finished; ") && text.contains("needs 30 GiB"),
                 qPrintable(text));
    }

    void recent_sweeps_of_a_database_stand_on_the_page_and_open() {
        QTemporaryDir folder;
        const QString path = folder.filePath("runs.sweetspot");
        {
            Store store(path.toStdString());
            Spec spec;
            spec.name = "attention-by-length";
            spec.axes = {{"attention", {"naive", "flash"}}};
            const auto runs = plan(spec);
            const auto sweep = store.add_sweep(spec, runs);
            for (std::size_t i = 0; i < runs.size(); ++i) {
                const auto id = sweep.run_ids[i];
                store.append(id, Started{runs[i].hash, runs[i].config, 1});
                store.append(id, Environment{{{"isa", "AVX-512 with bf16"}}});
                for (int k = 0; k < 6; ++k) {
                    store.append(id, Measured{"step_seconds", 0, i == 0 ? 0.4 : 0.2, false, k});
                    store.append(id, Round{k, 1e9 + 10 * k, 1e9 + 10 * k + 1});
                }
                store.append(id, Metric{"peak_bytes", 1e6});
                store.append(id, Finished{2});
            }
        }
        Session session;
        RecentSweeps recent(session, 5);
        WelcomePage page(session, recent);
        page.resize(1256, 800);
        page.show();
        session.open(path);
        QTRY_VERIFY(!recent.entries().empty() && recent.entries()[0].runs);
        Card* found = nullptr;
        for (auto* card : page.findChildren<Card*>())
            if (card->accessibleName().startsWith(
                    "attention-by-length: flash instead of naive: 2.00"))
                found = card;
        QVERIFY(found);
        QVERIFY(page.machine().text().contains("AVX-512 with bf16"));
        QVERIFY(page.machine().text().contains("Noise 0.0 %"));
        QSignalSpy chosen(&page, &WelcomePage::sweepChosen);
        QTest::mouseClick(found, Qt::LeftButton);
        QCOMPARE(chosen.count(), 1);
        QCOMPARE(chosen[0][0].toLongLong(), recent.entries()[0].info.id);
        (void)page.grab();
    }

    void nothing_is_cut_in_the_smallest_window() {
        Session session;
        RecentSweeps recent(session, 5);
        WelcomePage page(session, recent);
        page.resize(1120 - 184, 700); // less the rail
        page.show();
        auto* area = page.findChild<QScrollArea*>();
        const int needed = area->widget()->minimumSizeHint().width();
        QVERIFY2(needed <= area->viewport()->width(), qPrintable(QString::number(needed)));
    }

    void what_was_measured_last_is_seen_below_the_first_presets() {
        Session session;
        RecentSweeps recent(session, 5);
        WelcomePage page(session, recent);
        page.resize(1280 - 184, 720);
        page.show();
        const auto cards = [&] {
            int count = 0;
            for (const Card* card : page.findChildren<Card*>())
                count += card->accessibleName().contains(" point");
            return count;
        };
        QTRY_COMPARE(cards(), 6);
        const auto labels = page.findChildren<QLabel*>();
        const auto title = std::ranges::find(labels, "Recent experiments", &QLabel::text);
        QVERIFY(title != labels.end());
        QVERIFY(page.rect().contains((*title)->mapTo(&page, QPoint(0, 100))));
        page.morePresets()->click();
        QTRY_COMPARE(cards(), int(presets().size()));
    }

    void a_preset_is_a_button() {
        Session session;
        RecentSweeps recent(session, 5);
        WelcomePage page(session, recent);
        page.show();
        QSignalSpy chosen(&page, &WelcomePage::presetChosen);
        for (auto* card : page.findChildren<Card*>())
            if (card->accessibleName().startsWith("quickstart, 48 points"))
                QTest::keyClick(card, Qt::Key_Return);
        QCOMPARE(chosen.count(), 1);
        QVERIFY(chosen[0][0].toString().endsWith("experiments/quickstart.json"));
    }
};

SWEETSPOT_TEST(WelcomePageTest)
#include "welcome_page_test.moc"
