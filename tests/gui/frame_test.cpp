#include "app/gui/frame/main_window.h"
#include "app/gui/frame/panes.h"
#include "app/gui/frame/rail.h"
#include "app/gui/frame/search_box.h"
#include "app/gui/frame/shortcuts_sheet.h"
#include "app/gui/frame/status_bar.h"
#include "app/gui/frame/top_bar.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/run_mime.h"
#include "tests/suite.h"
#include <QApplication>
#include <QDockWidget>
#include <QDropEvent>
#include <QLabel>
#include <QMimeData>
#include <QScreen>
#include <QSettings>
#include <QSignalSpy>
#include <QSplitter>
#include <QTest>
#include <cmath>

using namespace sweetspot::gui;

namespace {

struct Window {
    ThemeControl theme;
    MainWindow window{defaultViews(), theme};

    explicit Window(bool shown = true) {
        if (!shown) return;
        window.show();
        window.activateWindow();
        if (!QTest::qWaitForWindowActive(&window)) QFAIL("the window was not activated");
    }
};

} // namespace

class FrameTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("frame");
    }
    void init() { QSettings().clear(); }
    void cleanup() { QSettings().clear(); }

    void the_rail_has_every_view_in_its_group() {
        QStringList names;
        for (const View& view : defaultViews())
            names << (view.group.isEmpty() ? view.name : view.group + '/' + view.name);
        QCOMPARE(names, QStringList({"Welcome", "Run/Experiment", "Run/Live", "Decide/Results",
                                     "Decide/Sweet spot", "Explain/Compare", "Explain/Timeline",
                                     "Explain/Quality", "History/Runs"}));
    }

    void no_ring_stands_on_a_new_window_and_tab_goes_on_from_the_page() {
        Window w;
        QVERIFY(w.window.focusWidget() == w.window.page(ViewId::welcome));
        w.window.showView(ViewId::runs);
        QVERIFY(w.window.focusWidget() == w.window.page(ViewId::runs)); // so that its keys work
    }

    void control_and_a_digit_shows_a_view() {
        Window w;
        QCOMPARE(w.window.currentView(), ViewId::welcome);
        QSignalSpy shown(&w.window, &MainWindow::viewShown);
        QTest::keyClick(&w.window, Qt::Key_4, Qt::ControlModifier);
        QCOMPARE(w.window.currentView(), ViewId::results);
        QCOMPARE(w.window.topBar().title(), QString("Results"));
        QTest::keyClick(&w.window, Qt::Key_9, Qt::ControlModifier);
        QCOMPARE(w.window.currentView(), ViewId::runs);
        QCOMPARE(shown.count(), 2);
        QVERIFY(w.window.rail().button(8)->isChecked());
        QVERIFY(!w.window.rail().button(3)->isChecked());
    }

    void up_and_down_move_through_the_rail() {
        Window w;
        w.window.rail().button(0)->setFocus(Qt::TabFocusReason);
        QTest::keyClick(w.window.rail().button(0), Qt::Key_Down);
        QCOMPARE(w.window.currentView(), ViewId::experiment);
        QVERIFY(w.window.rail().button(1)->hasFocus());
        QTest::keyClick(w.window.rail().button(1), Qt::Key_Up);
        QTest::keyClick(w.window.rail().button(0), Qt::Key_Up); // the first stays
        QCOMPARE(w.window.currentView(), ViewId::welcome);
    }

    void a_page_is_made_when_it_is_first_needed() {
        int made = 0;
        std::vector<View> views = defaultViews();
        views[3].make = [&made] {
            ++made;
            return new Page;
        };
        ThemeControl theme;
        MainWindow window(views, theme);
        QCOMPARE(made, 0);
        window.showView(ViewId::results);
        window.showView(ViewId::live);
        window.showView(ViewId::results);
        QCOMPARE(made, 1);
        QVERIFY(window.page(ViewId::results));
    }

    void every_coming_view_says_what_it_will_show() {
        Window w(false);
        for (const View& view : defaultViews()) {
            int words = 0;
            for (const QLabel* label : w.window.page(view.id)->findChildren<QLabel*>())
                words += int(label->text().size());
            QVERIFY2(words > 50, qPrintable(view.name));
        }
    }

    void the_sheet_lists_every_action_with_a_shortcut() {
        Window w;
        w.window.addCommand("Run the sweep", Icon::play, QKeySequence("Ctrl+Return"), "Experiment",
                            [] {});
        QTest::keyClick(&w.window, Qt::Key_F1);
        auto* sheet = w.window.findChild<ShortcutsSheet*>();
        QVERIFY(sheet);
        QStringList words;
        for (const QLabel* label : sheet->findChildren<QLabel*>()) words << label->text();
        int listed = 0;
        for (const QAction* action : w.window.findChildren<QAction*>()) {
            if (action->shortcut().isEmpty()) continue;
            QVERIFY2(words.contains(action->text()), qPrintable(action->text()));
            QVERIFY(words.contains(action->shortcut().toString(QKeySequence::NativeText)));
            ++listed;
        }
        QVERIFY(listed >= 15); // nine views and six commands
        QVERIFY(words.contains("Ctrl+Return"));
    }

    void no_two_commands_have_the_same_keys() {
        Window w(false);
        QStringList keys;
        for (const ShortcutLine& line : shortcutsOf(w.window)) keys << line.keys;
        QCOMPARE(QSet<QString>(keys.begin(), keys.end()).size(), keys.size());
    }

    void control_k_finds_a_view_by_part_of_its_name() {
        Window w;
        QTest::keyClick(&w.window, Qt::Key_K, Qt::ControlModifier);
        auto* box = w.window.findChild<SearchBox*>();
        QVERIFY(box);
        QTest::keyClicks(box->field(), "sweet");
        QCOMPARE(box->found(), QStringList("Sweet spot"));
        QTest::keyClick(box->field(), Qt::Key_Return);
        QCOMPARE(w.window.currentView(), ViewId::sweet_spot);
    }

    void alt_left_goes_back_and_alt_right_forward_again() {
        Window w;
        w.window.showView(ViewId::results);
        w.window.showView(ViewId::sweet_spot);
        QTest::keyClick(&w.window, Qt::Key_Left, Qt::AltModifier);
        QCOMPARE(w.window.currentView(), ViewId::results);
        QTest::keyClick(&w.window, Qt::Key_Right, Qt::AltModifier);
        QCOMPARE(w.window.currentView(), ViewId::sweet_spot);
        QTest::keyClick(&w.window, Qt::Key_Left, Qt::AltModifier);
        w.window.showView(ViewId::runs); // what was ahead is gone
        QTest::keyClick(&w.window, Qt::Key_Right, Qt::AltModifier);
        QCOMPARE(w.window.currentView(), ViewId::runs);
    }

    void what_else_can_be_found_comes_when_it_is_asked_for() {
        Window w;
        int opened = 0;
        w.window.setMoreToFind([&] {
            return QList<SearchEntry>{{{}, "gpt2-small", "model", [&] { ++opened; }}};
        });
        QTest::keyClick(&w.window, Qt::Key_K, Qt::ControlModifier);
        auto* box = w.window.findChild<SearchBox*>();
        QVERIFY(!box->found().join('\n').contains("gpt2"));
        QTest::keyClicks(box->field(), "model gpt");
        QCOMPARE(box->found(), QStringList("gpt2-small    model"));
        QTest::keyClick(box->field(), Qt::Key_Return);
        QCOMPARE(opened, 1);
    }

    void widgets_of_a_page_stand_in_the_top_bar_only_while_it_is_shown() {
        auto* page = new Page;
        QPushButton* run = button("Run");
        page->addTopWidget(run);
        page->setContext("esm2-8m");
        std::vector<View> views = defaultViews();
        views[1].make = [page] { return page; };
        ThemeControl theme;
        MainWindow window(views, theme);
        window.show();
        window.showView(ViewId::experiment);
        QVERIFY(run->isVisible());
        window.showView(ViewId::live);
        QVERIFY(!run->isVisible());
    }

    void the_selection_pill_is_cleared_by_its_cross() {
        Window w;
        QVERIFY(!w.window.topBar().selection()->isVisible());
        w.window.topBar().setSelection("selected: #51 flash, padded");
        QVERIFY(w.window.topBar().selection()->isVisible());
        QSignalSpy cleared(&w.window, &MainWindow::selectionCleared);
        QTest::keyClick(w.window.topBar().selection(), Qt::Key_Delete);
        QCOMPARE(cleared.count(), 1);
    }

    void a_run_that_is_dragged_up_becomes_a_or_b() {
        Window w;
        QSignalSpy dropped(&w.window, &MainWindow::runDropped);
        const std::unique_ptr<QMimeData> run(mimeOfRun(12));
        const auto drag = [&](QPoint to) {
            QDragEnterEvent enter({400, 400}, Qt::CopyAction, run.get(), Qt::LeftButton, {});
            QApplication::sendEvent(&w.window, &enter);
            QVERIFY(enter.isAccepted());
            QDropEvent drop(to, Qt::CopyAction, run.get(), Qt::LeftButton, {});
            QApplication::sendEvent(&w.window, &drop);
        };
        drag({100, 50});
        QCOMPARE(dropped.count(), 1);
        QCOMPARE(dropped[0][0].toLongLong(), 12);
        QVERIFY(!dropped[0][1].toBool());
        drag({w.window.width() - 100, 50});
        QVERIFY(dropped.at(1)[1].toBool());
        drag({400, 400}); // nowhere
        QCOMPARE(dropped.count(), 2);
    }

    void dropped_files_are_told_and_words_are_not_taken() {
        Window w;
        QSignalSpy dropped(&w.window, &MainWindow::filesDropped);
        QMimeData words;
        words.setText("hello");
        QDragEnterEvent no({10, 10}, Qt::CopyAction, &words, Qt::LeftButton, {});
        no.ignore();
        QApplication::sendEvent(&w.window, &no);
        QVERIFY(!no.isAccepted());
        QMimeData files;
        files.setUrls({QUrl::fromLocalFile("/data/sweep.json"), QUrl("https://example.org/x")});
        QDragEnterEvent enter({10, 10}, Qt::CopyAction, &files, Qt::LeftButton, {});
        QApplication::sendEvent(&w.window, &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop({10, 10}, Qt::CopyAction, &files, Qt::LeftButton, {});
        QApplication::sendEvent(&w.window, &drop);
        QCOMPARE(dropped.count(), 1);
        QCOMPARE(dropped[0][0].toStringList(), QStringList("/data/sweep.json"));
    }

    void a_view_remembered_by_its_name_is_found_and_an_unknown_one_is_the_first() {
        for (const auto& [kept, view] :
             {std::pair("Sweet spot", ViewId::sweet_spot), std::pair("runs", ViewId::runs),
              std::pair("No such view", ViewId::welcome)}) {
            QSettings().setValue("window/view", kept);
            const Window w(false);
            QCOMPARE(w.window.currentView(), view);
        }
    }

    void the_first_window_fits_the_screen_as_far_as_it_can() {
        const Window w(false);
        const QSize screen = w.window.screen()->availableSize(), least = w.window.minimumSize();
        QVERIFY(w.window.height() < std::max(screen.height(), least.height() + 1));
        QVERIFY(w.window.width() <= std::max(screen.width(), least.width()));
    }

    void size_view_and_splitters_are_remembered() {
        {
            Window w;
            w.window.resize(1200, 760);
            w.window.showView(ViewId::live);
            w.window.close();
        }
        Window again;
        QCOMPARE(again.window.size(), QSize(1200, 760));
        QCOMPARE(again.window.currentView(), ViewId::live);

        QList<int> sizes;
        for (int round = 0; round < 2; ++round) {
            QSplitter splitter;
            splitter.addWidget(new QLabel("a"));
            splitter.addWidget(new QLabel("b"));
            splitter.resize(400, 100);
            rememberSplitter(&splitter, "test");
            splitter.show();
            if (round == 1) {
                QCOMPARE(splitter.sizes(), sizes);
                continue;
            }
            splitter.setSizes({100, 300});
            emit splitter.splitterMoved(100, 1);
            sizes = splitter.sizes();
        }
    }

    void panes_keep_their_parts_in_a_smaller_window() {
        double part = 0;
        for (const int width : {1600, 1000, 1000}) { // left, found again, and not moved by that
            Panes panes("test");
            panes.add("wide", "Wide", new QLabel("a"), 3);
            panes.add("narrow", "Narrow", new QLabel("b"), 1, "wide", Qt::Horizontal);
            panes.begin();
            panes.resize(width, 400);
            panes.show();
            QTest::qWait(50);
            if (width == 1600) {
                panes.resizeDocks({panes.dock("wide"), panes.dock("narrow")}, {1280, 320},
                                  Qt::Horizontal);
                QTest::qWait(600); // kept when it rests
            }
            const double now = double(panes.dock("narrow")->width()) / width;
            if (part == 0) part = now;
            QVERIFY2(std::abs(now - part) < 0.02, qPrintable(QString::number(now)));
        }
        QVERIFY2(std::abs(part - 0.2) < 0.02, qPrintable(QString::number(part)));
        // Likewise where the window is made smaller, or shown before it has its size.
        Panes panes("test");
        panes.add("wide", "Wide", new QLabel("a"), 3);
        panes.add("narrow", "Narrow", new QLabel("b"), 1, "wide", Qt::Horizontal);
        panes.begin();
        panes.resize(300, 200);
        panes.show();
        for (const int width : {1500, 700}) {
            panes.resize(width, 400);
            QTest::qWait(50);
            const double now = double(panes.dock("narrow")->width()) / width;
            QVERIFY2(std::abs(now - part) < 0.03, qPrintable(QString::number(now)));
        }
    }

    void panes_found_in_a_window_of_the_same_size_are_as_they_were_left() {
        for (const bool again : {false, true}) {
            Panes panes("same");
            panes.add("wide", "Wide", new QLabel("a"), 12);
            panes.add("narrow", "Narrow", new QLabel("b"), 4, "wide", Qt::Horizontal);
            panes.begin();
            panes.resize(again ? QSize(120, 90)
                               : QSize(1200, 400)); // as a page that is shown first
            panes.show();
            QTest::qWait(50);
            panes.resize(1200, 400);
            QTest::qWait(600); // kept when it rests
            const int narrow = panes.dock("narrow")->width();
            QVERIFY2(std::abs(narrow - 300) < 20, qPrintable(QString::number(narrow)));
        }
    }

    void a_pane_that_becomes_useful_gets_its_part() {
        Panes panes("useful");
        panes.add("a", "A", new QLabel("a"), 2);
        panes.add("b", "B", new QLabel("b"), 2, "a", Qt::Horizontal);
        panes.add("c", "C", new QLabel("c"), 2, "b", Qt::Horizontal);
        panes.setUseful("c", false);
        panes.begin();
        panes.resize(1200, 400);
        panes.show();
        QTest::qWait(600); // its places are kept
        QVERIFY(std::abs(panes.dock("a")->width() - panes.dock("b")->width()) < 20);
        panes.setUseful("c", true);
        QTRY_VERIFY(panes.dock("c")->isVisible());
        QTest::qWait(50);
        for (const char* key : {"a", "b", "c"})
            QVERIFY2(std::abs(panes.dock(key)->width() - 400) < 20,
                     qPrintable(QString::number(panes.dock(key)->width())));
    }

    void the_window_paints_soon_after_the_start() {
        QElapsedTimer timer;
        timer.start();
        Window w;
        w.window.grab();
        // The whole budget is 0.7 s on an idle machine; this catches a page made for nothing.
        QVERIFY2(timer.elapsed() < 3000, qPrintable(QString::number(timer.elapsed())));
    }

    void everything_that_takes_focus_has_a_name() {
        Window w;
        for (const QWidget* widget : w.window.findChildren<QWidget*>()) {
            if (widget->focusPolicy() == Qt::NoFocus || !widget->isVisible()) continue;
            const auto* button = qobject_cast<const QAbstractButton*>(widget);
            const bool named =
                !widget->accessibleName().isEmpty() || (button && !button->text().isEmpty());
            QVERIFY2(named, widget->metaObject()->className());
        }
    }
};

SWEETSPOT_TEST(FrameTest)
#include "frame_test.moc"
