// The timeline as people use it, and how fast it is with a million events.
#include "app/gui/pages/timeline_page.h"
#include "app/gui/timeline/flame_view.h"
#include "app/gui/timeline/sums_model.h"
#include "app/gui/widgets/choice.h"
#include "tests/profiler/trace_data.h"
#include <QElapsedTimer>
#include <QtTest>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

std::shared_ptr<const Timeline> timeline_of(Trace trace) {
    return std::make_shared<const Timeline>(make_timeline(std::move(trace)));
}

Trace long_trace(std::size_t activities) {
    Trace trace = small_trace();
    for (Nanoseconds time = 7000; trace.activities.size() < activities; time += 1000)
        for (Index op = 0; op < 2; ++op)
            trace.activities.push_back({.kind = ActivityKind::kernel,
                                        .name = 4 + op,
                                        .region = 1 + op,
                                        .shape = op,
                                        .track = 7,
                                        .begin = time + 500 * op,
                                        .end = time + 500 * op + 400});
    return trace;
}

} // namespace

class TimelinePageTest : public QObject {
    Q_OBJECT

    struct Shown {
        explicit Shown(const Trace& trace) {
            view.resize(1000, 500);
            view.setTimelines({{"Run 1", timeline_of(trace)}});
            view.show();
        }
        TimelineView view;
    };

private slots:
    void keys_zoom_and_move_and_zero_shows_all() {
        Shown shown(small_trace());
        const TimeRange all = shown.view.seen();
        QCOMPARE(all.begin, 0.0);
        QTest::keyClick(&shown.view, Qt::Key_Plus);
        QVERIFY(shown.view.seen().end - shown.view.seen().begin < all.end);
        const TimeRange near = shown.view.seen();
        QTest::keyClick(&shown.view, Qt::Key_Right);
        QVERIFY(shown.view.seen().begin > near.begin);
        for (int i = 0; i < 100; ++i) QTest::keyClick(&shown.view, Qt::Key_Right);
        QVERIFY(shown.view.seen().end <= all.end); // there is nothing beyond
        QTest::keyClick(&shown.view, Qt::Key_0);
        QVERIFY(shown.view.seen() == all);
    }

    void the_wheel_zooms_where_the_mouse_is() {
        Shown shown(small_trace());
        const QPointF at(566, 80); // the middle of what is drawn
        QWheelEvent wheel(at, shown.view.mapToGlobal(at), {}, {0, 480}, Qt::NoButton,
                          Qt::NoModifier, Qt::NoScrollPhase, false);
        const double middle = (shown.view.seen().begin + shown.view.seen().end) / 2;
        QApplication::sendEvent(&shown.view, &wheel);
        const TimeRange seen = shown.view.seen();
        QVERIFY(std::abs((seen.begin + seen.end) / 2 - middle) < 0.02 * (seen.end - seen.begin));
    }

    void dragging_selects_a_range_and_escape_clears_it() {
        Shown shown(small_trace());
        QSignalSpy ranges(&shown.view, &TimelineView::rangeChanged);
        QTest::mousePress(&shown.view, Qt::LeftButton, {}, {300, 400});
        QTest::mouseMove(&shown.view, {600, 400});
        QTest::mouseRelease(&shown.view, Qt::LeftButton, {}, {600, 400});
        QVERIFY(shown.view.range());
        QVERIFY(shown.view.range()->end > shown.view.range()->begin);
        QVERIFY(!ranges.isEmpty());
        QTest::keyClick(&shown.view, Qt::Key_Escape);
        QVERIFY(!shown.view.range());
    }

    void a_click_on_a_kernel_marks_its_region() {
        Shown shown(small_trace());
        QSignalSpy clicks(&shown.view, &TimelineView::regionClicked);
        const TimeRange all = shown.view.seen();
        // The first kernel, in the row of its stream below two rows of regions.
        const double x = 132 + 1400e-9 / all.end * (1000 - 132 - 8);
        const int y = 4 + 22 + 24 + 44 + 12 + 10;
        QTest::mouseClick(&shown.view, Qt::LeftButton, {}, QPoint(int(x), y));
        QCOMPARE(clicks.size(), 1);
        QCOMPARE(shown.view.marked(), Index(1));
        QTest::mouseClick(&shown.view, Qt::LeftButton, {}, QPoint(200, 490));
        QCOMPARE(shown.view.marked(), none);
    }

    void two_runs_stand_above_each_other_on_one_axis() {
        TimelineView view;
        Trace longer = long_trace(100);
        view.setTimelines({{"Run 1", timeline_of(small_trace())}, {"Run 2", timeline_of(longer)}});
        QVERIFY(view.seen().end >= 46e-6); // of the longer
        const int both = view.sizeHint().height();
        view.setTimelines({{"Run 1", timeline_of(small_trace())}});
        QVERIFY(both > view.sizeHint().height() * 3 / 2);
    }

    void the_table_sums_what_is_seen() {
        Session session;
        TimelinePage page(session);
        page.showTimelines({{"Run 1", timeline_of(small_trace())}}, {});
        QVERIFY(!page.isEmpty());
        QCOMPARE(page.sums()->rowCount(), 2);
        QCOMPARE(page.sums()->sum(0).name, std::string("layer */matmul"));
        page.view()->see({0, 1e-6});
        QTRY_COMPARE(page.sums()->rowCount(), 0); // no kernel ran yet
        page.view()->see({1e-6, 2e-6});
        QTRY_COMPARE(page.sums()->rowCount(), 2);
    }

    void a_frame_that_is_clicked_fills_the_view_and_marks_its_region() {
        FlameView view;
        view.resize(600, 200);
        const auto timeline = timeline_of(small_trace());
        view.setFrames(flame(*timeline, FlameFrom::top, 0, timeline->end));
        view.show();
        QSignalSpy clicks(&view, &FlameView::regionClicked);
        const double all = view.rectOf(0).width();
        QCOMPARE(std::lround(view.rectOf(2).width()), std::lround(all * 2 / 3)); // of 2,400 ns
        QTest::mouseClick(&view, Qt::LeftButton, {}, view.rectOf(4).center().toPoint());
        QCOMPARE(view.opened(), std::size_t(4)); // the norms
        QCOMPARE(view.rectOf(4).width(), all);
        QVERIFY(view.rectOf(2).isEmpty()); // what is beside it is not seen
        QCOMPARE(clicks.last().at(0).value<Index>(), view.frames()[4].region);
        // The same frame stays open when what is seen changes.
        view.setFrames(flame(*timeline, FlameFrom::top, 0, timeline->end));
        QCOMPARE(view.opened(), std::size_t(4));
        QTest::keyClick(&view, Qt::Key_Escape);
        QCOMPARE(view.opened(), std::size_t(0));
        QCOMPARE(clicks.last().at(0).value<Index>(), none);
        for (const auto key : {Qt::Key_Down, Qt::Key_Down, Qt::Key_Right, Qt::Key_Return})
            QTest::keyClick(&view, key);
        QCOMPARE(view.opened(), std::size_t(4)); // all, the layers, their products, their norms
    }

    void the_flame_graph_follows_the_range_and_the_search() {
        Session session;
        TimelinePage page(session);
        page.showTimelines({{"Run 1", timeline_of(small_trace())}}, {});
        QVERIFY(page.flameGraph()->frames().empty()); // nobody looks at it yet
        QTest::keyClick(page.shape(), Qt::Key_Right);
        QCOMPARE(page.flameGraph()->frames().size(), std::size_t(6));
        QTest::keyClick(page.shape(), Qt::Key_Right);
        QCOMPARE(page.flameGraph()->frames()[1].name, std::string("product_kernel"));
        page.view()->see({0, 1e-6});
        QTRY_VERIFY(page.flameGraph()->frames().empty());
    }

    void bounds_need_ceilings() {
        SumsModel model;
        auto sums = range_sums(make_timeline(small_trace()), SumsBy::op, 0, 6000);
        for (RangeSum& sum : sums) sum.cost = {1e3, 1e5};
        model.setSums(sums, {}, true);
        QVERIFY(model.data(model.index(0, SumsModel::bound)).isNull());
        model.setSums(sums, {.device = "x", .all = {{"copy", "B/s", 1e11, 0}}}, true);
        QCOMPARE(model.data(model.index(0, SumsModel::bound)).toString(), QString("memory"));
    }

    void a_million_events_are_painted_within_a_second_and_pan_at_thirty_frames() {
        const auto timeline = timeline_of(long_trace(1'000'000));
        TimelineView view;
        view.resize(1400, 600);
        QElapsedTimer timer;
        timer.start();
        view.setTimelines({{"Run 1", timeline}});
        QImage picture(view.size(), QImage::Format_ARGB32_Premultiplied);
        view.render(&picture);
        const double first = double(timer.nsecsElapsed()) * 1e-9;
        const double length = view.seen().end;
        view.see({0, length / 20});
        constexpr int frames = 30;
        timer.restart();
        for (int i = 0; i < frames; ++i) {
            view.see({length * i / 40, length * i / 40 + length / 20});
            view.render(&picture);
        }
        const double frame = double(timer.nsecsElapsed()) * 1e-9 / frames;
        qInfo("first paint %.3f s, a frame %.4f s", first, frame);
        QVERIFY(first <= 1);
        QVERIFY(frame <= 1.0 / 30);
    }
};

QTEST_MAIN(TimelinePageTest)
#include "timeline_page_test.moc"
