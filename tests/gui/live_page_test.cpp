#include "app/gui/frame/panes.h"
#include "app/gui/models/log_model.h"
#include "app/gui/pages/live_header.h"
#include "app/gui/pages/live_page.h"
#include "app/gui/pages/log_card.h"
#include "app/gui/pages/plot_choice_bar.h"
#include "app/gui/pages/queue_line.h"
#include "app/gui/pages/results_page.h"
#include "app/gui/plot/legend.h"
#include "app/gui/table/table_view.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/message.h"
#include "tests/gui/run_data.h"
#include "tests/gui/session_data.h"
#include "tests/gui/shown_results.h"
#include "tests/suite.h"
#include <QApplication>
#include <QDockWidget>
#include <QHelpEvent>
#include <QTemporaryDir>
#include <QToolTip>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

QStringList words(const QWidget& widget) {
    QStringList all;
    for (const QLabel* label : widget.findChildren<QLabel*>())
        if (!label->text().isEmpty()) all << label->text();
    return all;
}

int crosses(const PlotGroup& group) {
    int n = 0;
    for (const PlotView* view : group.views())
        for (const PlotSeries& series : view->spec().series) n += int(series.misfit_x.size());
    return n;
}

int points(const PlotGroup& group) {
    int n = 0;
    for (const PlotView* view : group.views())
        for (const PlotSeries& series : view->spec().series) n += int(series.x.size());
    return n;
}

} // namespace

class LivePageTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        qputenv("SWEETSPOT_WORKER", FAKE_WORKER);
        QCoreApplication::setOrganizationName("sweetspot-tests");
        applyTheme(lightTheme());
    }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void without_a_sweep_the_page_says_how_to_get_one() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(page.isEmpty());
        QSignalSpy asked(&page, &LivePage::viewRequested);
        page.findChild<EmptyState*>()->button()->click();
        QCOMPARE(asked.at(0)[0].value<ViewId>(), ViewId::experiment);
    }

    void a_sweep_with_a_hanging_and_a_killed_run_leaves_the_window_fluid() {
        Session session;
        LivePage live(session);
        ResultsPage results(session);
        for (Page* page : {static_cast<Page*>(&live), static_cast<Page*>(&results)}) {
            page->resize(1240, 820);
            page->show();
        }
        QVERIFY(opens(session, folder_->filePath("a.sweetspot")));
        QTest::qWait(200); // first paint
        const Fluidity fluidity;
        QVERIFY(starts(session, sweep_of({"done", "slow", "killed"}, {"1", "2", "4"})));
        QTRY_VERIFY(!live.isEmpty());
        QVERIFY(live.header()->stopButton()->isVisibleTo(&live));
        QVERIFY(ends(session));
        QTest::qWait(100);
        qInfo("worst gap of a 10 ms timer with two pages: %d ms (%d ms by the clock)",
              fluidity.worst_ms(), fluidity.worst_wall_ms());
        QVERIFY(fluidity.worst_ms() < 200);

        QCOMPARE(count(session, RunStatus::failed), 3);
        QCOMPARE(count(session, RunStatus::done), 6);
        QCOMPARE(points(*live.plotGroups()[0]), 6);
        QCOMPARE(crosses(*live.plotGroups()[0]), 3);
        QCOMPARE(crosses(*live.plotGroups()[1]), 3);
        const auto* log = live.findChild<LogModel*>();
        QCOMPARE(log->count(Tone::bad), 3);
        int told = 0;
        for (int i = 0; i < log->rowCount(); ++i)
            told += log->line(i).what == "failed" && log->line(i).sentence.contains("SIGKILL");
        QCOMPARE(told, 3);
        const QStringList shown = words(*live.header());
        QVERIFY2(shown.contains("9") && shown.contains("of 9 points"), qPrintable(shown.join('|')));
        QVERIFY2(shown.contains("3 failed"), qPrintable(shown.join('|')));
        QVERIFY(!live.header()->stopButton()->isVisibleTo(&live));
    }

    void pause_and_stop_are_pressed_in_the_header() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(opens(session, folder_->filePath("b.sweetspot")));
        QVERIFY(starts(session, sweep_of({"slow"}, {"1", "2", "4"})));
        QTRY_VERIFY(page.header()->pauseButton()->isVisible());
        QTest::mouseClick(page.header()->pauseButton(), Qt::LeftButton);
        QCOMPARE(page.header()->pauseButton()->text(), "Go on");
        QVERIFY(session.progress().paused);
        QTest::mouseClick(page.header()->pauseButton(), Qt::LeftButton);
        QVERIFY(!session.progress().paused);
        QTest::mouseClick(page.header()->stopButton(), Qt::LeftButton);
        QCOMPARE(page.header()->stopButton()->text(), "Stop now");
        QVERIFY(session.progress().active);
        QTest::mouseClick(page.header()->stopButton(), Qt::LeftButton);
        QVERIFY(ends(session));
        QVERIFY(count(session, RunStatus::planned) >= 1);
    }

    void a_pause_is_told_when_it_begins_and_a_stopped_sweep_resumes() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(opens(session, folder_->filePath("resume.sweetspot")));
        QVERIFY(starts(session, sweep_of({"slow"}, {"1", "2", "4"})));
        const auto says = [&](const QString& word) { return words(*page.header()).contains(word); };
        QVERIFY(QTest::qWaitFor([&] { return session.progress().current >= 0; }, 20'000));
        session.setPaused(true);
        QVERIFY(session.progress().pausing());
        QVERIFY(
            QTest::qWaitFor([&] { return says("Pausing"); }, 5'000)); // what runs is still measured
        QVERIFY(!says("Paused"));
        QTRY_VERIFY_WITH_TIMEOUT(says("Paused"), 20'000);
        QVERIFY(!session.progress().pausing());
        session.setPaused(false);
        QVERIFY(QTest::qWaitFor([&] { return session.progress().current >= 0; }, 20'000));
        session.stopNow();
        QVERIFY(ends(session));
        QTRY_VERIFY(says("Stopped, 2 left")); // the one that was interrupted among them
        QVERIFY(says("none flagged, none failed"));
        QCOMPARE(crosses(*page.plotGroups()[0]), 0);
        QPushButton* resume = page.header()->resumeButton();
        QVERIFY(resume->isVisible());
        QCOMPARE(resume->text(), "Resume");
        QTest::mouseClick(resume, Qt::LeftButton);
        QVERIFY(QTest::qWaitFor([&] { return session.progress().active; }, 20'000));
        QVERIFY(!resume->isVisible());
        QCOMPARE(session.progress().done, 1); // of 3: not measured again
        QVERIFY(ends(session));
        QTRY_VERIFY(says("Done"));
        QVERIFY(!resume->isVisible());
        QCOMPARE(count(session, RunStatus::done), 3);
    }

    void failed_points_can_be_tried_again() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(opens(session, folder_->filePath("retry.sweetspot")));
        QVERIFY(starts(session, sweep_of({"done", "killed"})));
        QVERIFY(ends(session));
        QTRY_VERIFY(words(*page.header()).contains("Ended, 1 failed"));
        QCOMPARE(page.header()->resumeButton()->text(), "Retry failed");
        QSignalSpy started(&session, &Session::sweepStarted);
        QTest::mouseClick(page.header()->resumeButton(), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(started.size(), 1, 20'000);
        QVERIFY(ends(session));
    }

    void a_sweep_of_another_window_is_said_to_run_there() {
        Session writer, reader;
        LivePage page(reader);
        page.resize(1240, 820);
        page.show();
        const QString path = folder_->filePath("two.sweetspot");
        QVERIFY(opens(writer, path));
        QVERIFY(starts(writer, sweep_of({"slow"}, {"1", "2", "4", "8"})));
        QVERIFY(opens(reader, path));
        reader.selection().setSweep(reader.sweeps()->front().id);
        QVERIFY(QTest::qWaitFor(
            [&] { return words(*page.header()).contains("Running in another program"); }, 20'000));
        QVERIFY(!page.header()->resumeButton()->isVisible());
        writer.stopNow();
        QVERIFY(ends(writer));
    }

    void what_was_predicted_stands_dashed_before_anything_is_measured() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(opens(session, folder_->filePath("predicted.sweetspot")));
        const Spec spec = sweep_of({"slow"}, {"1", "2", "4"});
        std::vector<RunConfig> configs;
        for (const PlannedRun& run : plan(spec)) configs.push_back(run.config);
        QSignalSpy predicted(&session, &Session::predicted);
        session.predict(configs);
        QTRY_COMPARE_WITH_TIMEOUT(predicted.size(), 1, 20'000);
        QVERIFY(starts(session, spec));
        QTRY_VERIFY(!page.isEmpty());
        const PlotSpec& memory = page.plotGroups()[0]->views()[0]->spec();
        QCOMPARE(memory.series.size(), std::size_t(2));
        QVERIFY(memory.series[0].x.empty()); // measured: nothing yet
        QVERIFY(memory.series[1].predicted);
        QCOMPARE(memory.series[1].x, (std::vector<double>{1, 2, 4}));
        QCOMPARE(memory.series[1].y[0] * memory.y.factor, 1000.0);
        QCOMPARE(memory.limits.size(), std::size_t(1)); // and what the machine has
        QVERIFY(memory.limits[0].value * memory.y.factor > 1e8);
        session.stopNow();
        QVERIFY(ends(session));
    }

    void a_queued_sweep_stands_below_the_header_and_is_taken_back() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(opens(session, folder_->filePath("queue.sweetspot")));
        QVERIFY(starts(session, sweep_of({"slow"})));
        auto* queue = page.findChild<QueueLine*>();
        QVERIFY(!queue->isVisible());
        session.enqueue({sweep_of({"done"}, {"1", "2"})});
        QVERIFY(queue->isVisible());
        auto* chip = queue->findChild<Chip*>();
        QCOMPARE(chip->text(), "fake, 2 points");
        QTest::keyClick(chip, Qt::Key_Delete);
        QVERIFY(session.queued().empty());
        QVERIFY(!queue->isVisible());
        for (auto* undo : page.findChildren<QPushButton*>())
            if (undo->text() == "Undo" && undo->isVisible()) undo->click();
        QCOMPARE(session.queued().size(), std::size_t(1));
        QVERIFY(queue->isVisible());
        session.stopNow();
        QVERIFY(ends(session));
    }

    void a_queued_sweep_is_dragged_to_another_place() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(opens(session, folder_->filePath("drag.sweetspot")));
        QVERIFY(starts(session, sweep_of({"slow"})));
        auto* queue = page.findChild<QueueLine*>();
        for (const char* name : {"first", "second", "third"}) {
            Spec spec = sweep_of({"done"});
            spec.name = name;
            session.enqueue({spec});
        }
        const auto names = [&] {
            QStringList all;
            for (const SweepOrder& order : session.queued())
                all << QString::fromStdString(order.spec.name);
            return all;
        };
        const auto chip = [&](const QString& name) {
            Chip* found = nullptr;
            for (auto* each : queue->findChildren<Chip*>())
                if (each->text().startsWith(name)) found = each; // the newest: others are to go
            return found;
        };
        QTest::qWait(50); // until they are laid out
        const QPoint grip(6, 10);
        Chip* held = chip("third");
        QTest::mousePress(held, Qt::LeftButton, {}, grip);
        const QPoint way = chip("first")->pos() - held->pos() - QPoint(10, 0);
        QTest::mouseMove(held, grip + way);
        QMouseEvent moved(QEvent::MouseMove, grip + way, held->mapToGlobal(grip) + way,
                          Qt::NoButton, Qt::LeftButton, {});
        QCoreApplication::sendEvent(held, &moved);
        QTest::mouseRelease(held, Qt::LeftButton, {}, grip);
        QCOMPARE(names(), (QStringList{"third", "first", "second"}));
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        QTest::keyClick(chip("first"), Qt::Key_Right, Qt::AltModifier);
        QCOMPARE(names(), (QStringList{"third", "second", "first"}));
        session.stopNow();
        QVERIFY(ends(session));
    }

    void a_cell_of_the_strip_selects_its_run() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(opens(session, folder_->filePath("c.sweetspot")));
        QVERIFY(starts(session, sweep_of({"done"}, {"1", "2"})));
        QVERIFY(ends(session));
        QTRY_VERIFY(!page.isEmpty());
        QTest::mouseClick(page.strip(), Qt::LeftButton, {},
                          page.strip()->cellBox(0, 1).center().toPoint());
        QCOMPARE(session.selection().runs(), QSet<qint64>{session.runs()->at(1).id});
        QHelpEvent help(QEvent::ToolTip, page.strip()->cellBox(0, 1).center().toPoint(), {});
        QCoreApplication::sendEvent(page.strip(), &help);
        const QString tip = QToolTip::text();
        QVERIFY2(tip.startsWith(QString("#%1 ").arg(session.runs()->at(1).id)) &&
                     tip.endsWith(runStateName(RunState::done)),
                 qPrintable(tip));
    }

    void the_log_folds_where_there_is_no_room() {
        Session session;
        LivePage page(session);
        page.resize(1240, 820);
        page.show();
        QVERIFY(page.log()->isOpen());
        page.resize(1096, 720);
        QTRY_VERIFY(!page.log()->isOpen());
    }

    void plots_and_strip_have_room_in_a_small_window() {
        On<LivePage> shown(folder_->filePath("small.sweetspot"), grid(72, 6));
        QVERIFY(shown.ready);
        QTRY_COMPARE(shown.session.runs()->size(), std::size_t(72));
        shown.page.setMinimumSize(1, 1);         // a window gives it what there is
        shown.page.resize(1280 - 184, 800 - 80); // less the rail, and the bars
        QTest::qWait(200);                       // the layout follows in several turns
        for (PlotGroup* group : shown.page.plotGroups()) {
            if (!group->isVisible()) continue;
            const int height = group->views()[0]->height();
            QVERIFY2(height >= 120, qPrintable(QString::number(height)));
        }
        const auto inside = [&](const QWidget* widget) {
            return shown.page.rect().contains(
                QRect(widget->mapTo(&shown.page, QPoint()), widget->size()));
        };
        QVERIFY(inside(shown.page.strip()->parentWidget()));
        QVERIFY(inside(shown.page.log()));
        QVERIFY(inside(shown.page.plotGroups()[0]->legend()));
    }

    void what_an_export_came_to_moves_nothing() {
        On<LivePage> shown(folder_->filePath("said.sweetspot"), grid(12, 4));
        QVERIFY(shown.ready);
        const QPoint before = shown.page.header()->mapTo(&shown.page, QPoint());
        emit shown.page.plotGroups()[0]->exported("The plot was written to plot.png.", true);
        QTest::qWait(100);
        const auto strips = shown.page.findChildren<MessageStrip*>();
        const auto told =
            std::ranges::find(strips, "The plot was written to plot.png.", &MessageStrip::fact);
        QVERIFY(told != strips.end() && (*told)->isVisible());
        QCOMPARE(shown.page.header()->mapTo(&shown.page, QPoint()), before);
        QVERIFY(shown.page.rect().contains((*told)->mapTo(&shown.page, (*told)->rect().center())));
    }

    void many_facets_are_a_list() {
        std::vector<RunRecord> runs;
        for (int i = 0; i < 70; ++i) { // more lengths than batches: these are facets
            RunConfig config;
            config.batch = 1 + i % 7;
            config.sequence = 64 * (1 + i / 7);
            runs.push_back(done_run(i + 1, config, 0.01, 1e6));
        }
        On<LivePage> shown(folder_->filePath("facets.sweetspot"), runs);
        QVERIFY(shown.ready);
        const auto lists = shown.page.findChildren<Select*>();
        const auto list = std::ranges::find(lists, "Facet shown", &QWidget::accessibleName);
        QVERIFY(list != lists.end());
        QTRY_VERIFY((*list)->isVisible());
        QCOMPARE((*list)->count(), 7);
        QCOMPARE(shown.page.width(), 1256); // they widen nothing
        (*list)->setCurrentIndex(6);
        for (PlotGroup* group : shown.page.plotGroups())
            if (group->isVisible())
                QCOMPARE(group->views()[0]->spec().series[0].ids.front(), std::int64_t(7));
    }

    void what_runs_on_no_device_has_no_plot_of_times() {
        auto runs = grid(6, 0);
        for (RunRecord& run : runs) {
            run.config.device = DeviceKind::plan;
            run.hash = hash_of(run.config);
        }
        On<LivePage> shown(folder_->filePath("plan.sweetspot"), runs);
        QVERIFY(shown.ready);
        QTRY_VERIFY(shown.page.panes()->dock("peak_bytes")->isVisible());
        for (const char* timed : {"step_seconds", "tokens_per_second", "perplexity"})
            QVERIFY2(!shown.page.panes()->dock(timed)->isVisible(), timed);
    }

    void a_plot_grows_by_appending_and_equals_one_made_at_once() {
        const auto runs = grid(96, 8);
        auto choice = default_choice(runs, "step_seconds");
        const PlotLayout layout = plot_layout(runs, choice);
        PlotGroup group;
        GrowingPlot plot(group);
        plot.start(layout);
        for (size_t i = 0; i < runs.size(); ++i) {
            plot.add(i, runs[i]);
            plot.flush();
        }
        const auto whole = plot_specs(facets(runs, choice), layout, true);
        const PlotSpec& grown = group.views()[0]->spec();
        QCOMPARE(grown.series.size(), whole[0].series.size());
        QCOMPARE(grown.y.unit, whole[0].y.unit);
        for (size_t i = 0; i < grown.series.size(); ++i) {
            QCOMPARE(grown.series[i].x, whole[0].series[i].x);
            QCOMPARE(grown.series[i].ids, whole[0].series[i].ids);
            for (size_t k = 0; k < grown.series[i].y.size(); ++k)
                QVERIFY(std::abs(grown.series[i].y[k] - whole[0].series[i].y[k]) < 1e-9);
        }
        QCOMPARE(group.legend()->buttons().size(), qsizetype(layout.series.size()));
    }

private:
    std::unique_ptr<QTemporaryDir> folder_;
};

SWEETSPOT_TEST(LivePageTest)
#include "live_page_test.moc"
