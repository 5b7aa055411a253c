#include "app/gui/models/log_model.h"
#include "app/gui/pages/live_header.h"
#include "app/gui/pages/live_page.h"
#include "app/gui/pages/log_card.h"
#include "app/gui/pages/plot_choice_bar.h"
#include "app/gui/pages/results_page.h"
#include "app/gui/plot/legend.h"
#include "app/gui/table/table_view.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/message.h"
#include "tests/gui/run_data.h"
#include "tests/gui/session_data.h"
#include <QApplication>
#include <QTemporaryDir>

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
        QCOMPARE(page.header()->pauseButton()->text(), "Resume");
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

    void a_plot_grows_by_appending_and_equals_one_made_at_once() {
        const auto runs = grid(96, 8);
        auto choice = default_choice(runs, "step_seconds");
        const PlotLayout layout = plot_layout(runs, choice);
        PlotGroup group;
        GrowingPlot plot(group);
        plot.start(layout);
        for (const RunRecord& run : runs) {
            plot.add(run);
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

QTEST_MAIN(LivePageTest)
#include "live_page_test.moc"
