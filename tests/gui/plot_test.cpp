#include "app/gui/plot/hover_card.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/theme/theme.h"
#include "tests/gui/plot_data.h"
#include "tests/suite.h"
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <qcustomplot.h>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

QPoint pixelOf(PlotView& view, double x, double y) {
    return QPoint(qRound(view.canvas()->xAxis->coordToPixel(x)),
                  qRound(view.canvas()->yAxis->coordToPixel(y)));
}

void drag(PlotView& view, QPoint from, QPoint to, Qt::KeyboardModifiers keys = {}) {
    QTest::mousePress(view.canvas(), Qt::LeftButton, keys, from);
    QMouseEvent move(QEvent::MouseMove, to, view.canvas()->mapToGlobal(QPointF(to)), Qt::NoButton,
                     Qt::LeftButton, keys);
    QApplication::sendEvent(view.canvas(), &move);
    QTest::mouseRelease(view.canvas(), Qt::LeftButton, keys, to);
}

} // namespace

class PlotTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(lightTheme()); }

    void hovering_reads_every_series_at_the_nearest_x_sorted_as_in_the_plot() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        QTest::mouseMove(view.canvas(), pixelOf(view, 512, 10) + QPoint(9, 0));
        QTRY_VERIFY(view.hoverCard()->isVisible());
        QCOMPARE(view.hoverCard()->title(), QString("512 tokens, GiB"));
        QCOMPARE(view.hoverCard()->lines().size(), 2);
        QCOMPARE(view.hoverCard()->lines()[0].name, QString("naive"));
        QCOMPARE(view.hoverCard()->lines()[0].value, QString("13.70"));
        QCOMPARE(view.hoverCard()->lines()[1].value, QString("7.40"));
        // More room is on the left of 512, so the card is there and stays inside.
        QVERIFY(view.hoverCard()->geometry().right() < pixelOf(view, 512, 0).x());
        QVERIFY(view.rect().contains(view.hoverCard()->geometry()));
    }

    void arrow_keys_step_through_the_points_and_escape_ends() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        QTest::keyClick(&view, Qt::Key_Right);
        QCOMPARE(view.hoverCard()->title(), QString("128 tokens, GiB"));
        QTest::keyClick(&view, Qt::Key_Right);
        QCOMPARE(view.hoverCard()->title(), QString("256 tokens, GiB"));
        for (int i = 0; i < 9; ++i) QTest::keyClick(&view, Qt::Key_Right);
        QCOMPARE(view.hoverCard()->title(), QString("1024 tokens, GiB"));
        QCOMPARE(view.hoverCard()->lines().size(), 1); // naive did not fit there
        QTest::keyClick(&view, Qt::Key_Left);
        QCOMPARE(view.hoverCard()->title(), QString("512 tokens, GiB"));
        QTest::keyClick(&view, Qt::Key_Escape);
        QVERIFY(!view.hoverCard()->isVisible());
    }

    void the_wheel_zooms_and_a_double_click_shows_all_again() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        const PlotRange all = view.range();
        QCOMPARE(all, view.fullRange());
        QSignalSpy chosen(&view, &PlotView::rangeChosen);
        const QPointF middle(view.canvas()->rect().center());
        QWheelEvent wheel(middle, view.canvas()->mapToGlobal(middle), {}, {0, 120}, Qt::NoButton,
                          Qt::NoModifier, Qt::NoScrollPhase, false);
        QApplication::sendEvent(view.canvas(), &wheel);
        QTRY_COMPARE(chosen.count(), 1);
        QVERIFY(view.range().y_high - view.range().y_low < 0.95 * (all.y_high - all.y_low));
        const PlotRange zoomed = view.range();
        view.setSpec(memorySpec()); // new data do not take the zoom away
        QCOMPARE(view.range(), zoomed);
        QTest::mouseDClick(view.canvas(), Qt::LeftButton, {}, middle.toPoint());
        QCOMPARE(view.range(), all);
    }

    void dragging_pans() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        const PlotRange all = view.range();
        const QPoint from = view.canvas()->rect().center();
        drag(view, from, from + QPoint(0, 60));
        QVERIFY(view.range().y_high > all.y_high + 1);
    }

    void dragging_with_shift_zooms_into_the_box() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        QTest::qWait(120);
        QSignalSpy chosen(&view, &PlotView::rangeChosen);
        drag(view, pixelOf(view, 200, 12), pixelOf(view, 400, 4), Qt::ShiftModifier);
        QTRY_COMPARE(chosen.count(), 1);
        const PlotRange range = view.range();
        QVERIFY(std::abs(range.x_low - 200) < 4 && std::abs(range.x_high - 400) < 4);
        QVERIFY(std::abs(range.y_low - 4) < 0.3 && std::abs(range.y_high - 12) < 0.3);
    }

    void dragging_from_a_point_takes_its_run_and_does_not_pan() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        const PlotRange all = view.range();
        QSignalSpy dragged(&view, &PlotView::pointDragged), clicked(&view, &PlotView::pointClicked);
        const QPoint from = pixelOf(view, 256, 6.1);
        drag(view, from, from + QPoint(1, 1)); // still a click
        QCOMPARE(dragged.count(), 0);
        QCOMPARE(clicked.count(), 1);
        drag(view, from, from + QPoint(60, -40));
        QCOMPARE(dragged.count(), 1);
        QCOMPARE(dragged[0][0].toLongLong(), 12);
        QCOMPARE(view.range(), all);
        drag(view, from + QPoint(0, 40), from + QPoint(0, 80)); // beside it
        QVERIFY(view.range() != all);
    }

    void a_cross_is_described_and_taken_like_a_point() {
        PlotView view;
        show(view);
        PlotSpec spec = memorySpec();
        spec.kind = PlotKind::points;
        spec.limits.clear();
        spec.series[0].misfit_ids = {31};
        spec.series.push_back(
            {.name = "2 failed", .slot = -1, .misfit_x = {NAN, NAN}, .misfit_ids = {41, 42}});
        view.setSpec(spec);
        QList<qint64> asked;
        view.setDescriber([&](const QList<qint64>& ids) {
            asked = ids;
            return PointReadout{"failed", {}, "out of memory: there was no room for all of it"};
        });
        const double height = cross_height(spec);
        QTest::mouseMove(view.canvas(), pixelOf(view, 1024, height));
        QTRY_VERIFY(view.hoverCard()->isVisible());
        QCOMPARE(asked, QList<qint64>{31});
        QVERIFY(view.hoverCard()->note().startsWith("out of memory"));
        QVERIFY(view.rect().contains(view.hoverCard()->geometry()));
        // Those that have no place stand together.
        QTest::mouseMove(view.canvas(), pixelOf(view, cross_place(spec, NAN, true), height));
        QTRY_COMPARE(asked, (QList<qint64>{41, 42}));
        QSignalSpy clicked(&view, &PlotView::pointClicked);
        QTest::mouseClick(view.canvas(), Qt::LeftButton, {}, pixelOf(view, 1024, height));
        QCOMPARE(clicked.at(0)[0].toLongLong(), 31);
    }

    void a_click_takes_the_run_behind_the_nearest_point() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        QSignalSpy clicked(&view, &PlotView::pointClicked);
        QTest::mouseClick(view.canvas(), Qt::LeftButton, {},
                          pixelOf(view, 256, 6.1) + QPoint(3, -3));
        QCOMPARE(clicked.count(), 1);
        QCOMPARE(clicked[0][0].toLongLong(), 12);
        QTest::mouseClick(view.canvas(), Qt::LeftButton, {},
                          pixelOf(view, 181, 18)); // nothing near
        QCOMPARE(clicked.count(), 1);
    }

    void a_point_can_be_added_at_the_end_and_in_the_middle() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        view.append(1, {2048, 25, 24, 26, 25});
        view.append(0, {192, 4.8, 4.8, 4.8, 14});
        const PlotSeries& naive = view.spec().series[0];
        const PlotSeries& flash = view.spec().series[1];
        QCOMPARE(flash.x.back(), 2048.0);
        QCOMPARE(flash.hi.back(), 26.0);
        QCOMPARE(naive.x, std::vector<double>({128, 192, 256, 512}));
        QCOMPARE(naive.ids, std::vector<std::int64_t>({11, 14, 12, 13}));
        QVERIFY(view.range().x_high > 2048); // the view follows the data
        QVERIFY(view.range().y_high > 26);
    }

    void new_data_are_drawn_at_most_20_times_a_second() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        QTest::qWait(120);
        QSignalSpy replotted(&view, &PlotView::replotted);
        QElapsedTimer timer;
        timer.start();
        for (int i = 0; timer.elapsed() < 500; ++i) {
            view.append(1, {2048.0 + i, 25});
            QTest::qWait(2);
        }
        QTest::qWait(80);
        const double most = double(timer.elapsed()) / 50 + 2;
        QVERIFY2(replotted.count() >= 2 && replotted.count() <= most,
                 qPrintable(QString::number(replotted.count())));
    }

    void a_point_that_did_not_fit_is_a_cross_on_the_limit() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        QTest::qWait(120);
        QVERIFY(view.range().y_high > 23.6);
        const QImage image =
            view.canvas()->toPixmap(view.canvas()->width(), view.canvas()->height()).toImage();
        const QPoint cross = pixelOf(view, 1024, 23.6);
        QCOMPARE(image.pixelColor(cross).name(), lightTheme().bad.name());
        QCOMPARE(image.pixelColor(cross + QPoint(3, 3)).name(), lightTheme().bad.name());
    }

    void a_limit_far_above_does_not_flatten_the_data() {
        PlotSpec spec = memorySpec();
        spec.series[0].misfit_x.clear();
        spec.limits = {{.name = "host memory 512 GiB", .value = 512}};
        PlotView view;
        view.setSpec(spec);
        QVERIFY(view.range().y_high < 20);
    }

    void the_range_leaves_room_around_the_points_on_every_kind_of_axis() {
        PlotSpec spec = memorySpec();
        spec.limits.clear();
        spec.series.erase(spec.series.begin()); // flash: 128 to 1024, 3.1 to 13.1
        for (const auto y : {PlotScale::linear, PlotScale::log10})
            for (const auto x : {PlotScale::linear, PlotScale::log2, PlotScale::log10}) {
                spec.y.scale = y;
                spec.x.scale = x;
                PlotView view;
                view.setSpec(spec);
                const PlotRange range = view.range();
                QVERIFY(range.x_low < 125 && range.x_high > 1040);
                QVERIFY(range.y_high > 13.5 && range.y_high < 20);
                QVERIFY(y == PlotScale::log10 ? range.y_low > 2 && range.y_low < 3.1
                                              : range.y_low == 0);
            }
        spec.x.categories = {"a", "b"};
        spec.y.scale = PlotScale::linear;
        spec.kind = PlotKind::bars;
        spec.series[0].x = {0, 1};
        spec.series[0].y = {-1, 2};
        spec.series[0].lo = spec.series[0].hi = {-1, 2};
        PlotView bars;
        bars.setSpec(spec);
        QCOMPARE(bars.range().x_low, -0.5);
        QCOMPARE(bars.range().x_high, 1.5);
        QVERIFY(bars.range().y_low < -1 && bars.range().y_high > 2);
    }

    void a_bar_is_taken_where_it_is_filled_and_told_by_what_stands_on_it() {
        PlotSpec spec{.x = {.name = "part", .categories = {"A", "layers", "B"}},
                      .y = {.name = "time", .title = "Time", .unit = "ms", .from_zero = true},
                      .kind = PlotKind::floating};
        spec.series = {
            {.name = "less", .x = {1}, .y = {6}, .lo = {6}, .hi = {9}, .labels = {"-3"}}};
        PlotView waterfall;
        show(waterfall);
        waterfall.setSpec(spec);
        QTest::keyClick(&waterfall, Qt::Key_Right);
        QCOMPARE(waterfall.hoverCard()->lines().at(0).value, QString("-3"));
        // Bars that have an x each stand in its middle.
        spec.kind = PlotKind::bars;
        spec.series = {{.name = "worse", .x = {0}, .y = {8}, .ids = {5}},
                       {.name = "better", .x = {1}, .y = {-4}, .ids = {6}}};
        PlotView bars;
        show(bars);
        bars.setSpec(spec);
        QTest::qWait(120);
        QSignalSpy clicked(&bars, &PlotView::pointClicked);
        QTest::mouseClick(bars.canvas(), Qt::LeftButton, {}, pixelOf(bars, 0, 2));
        QTest::mouseClick(bars.canvas(), Qt::LeftButton, {}, pixelOf(bars, 1, -1));
        QTest::mouseClick(bars.canvas(), Qt::LeftButton, {}, pixelOf(bars, 1, 5)); // above it
        QCOMPARE(clicked.size(), 2);
        QVERIFY(clicked[0][0] == 5LL && clicked[1][0] == 6LL);
    }

    void a_movable_limit_follows_the_mouse_and_the_plot_stays() {
        PlotSpec spec = memorySpec();
        spec.limits = {{.name = "budget", .value = 10, .movable = true},
                       {.name = "device memory", .value = 23.6}};
        PlotView view;
        show(view);
        view.setSpec(spec);
        QTest::qWait(120);
        const PlotRange before = view.range();
        QSignalSpy moved(&view, &PlotView::limitMoved);
        drag(view, pixelOf(view, 180, 10), pixelOf(view, 180, 15));
        QCOMPARE(moved.count(), 1);
        QCOMPARE(moved[0][0].toInt(), 0);
        QVERIFY(std::abs(view.spec().limits[0].value - 15) < 0.2);
        QCOMPARE(view.range(), before);
        drag(view, pixelOf(view, 180, 23.6), pixelOf(view, 180, 20)); // this one is not movable
        QCOMPARE(moved.count(), 1);
        QCOMPARE(view.spec().limits[1].value, 23.6);
    }

    void the_name_of_a_marked_point_covers_no_other() {
        PlotSeries points{.name = "points", .x = {20}, .y = {80}, .ids = {1}};
        for (int i = 0; i < 14; ++i) { // below and right of it, where there is most room
            points.x.push_back(24 + i);
            points.y.push_back(76 - i);
        }
        points.x.insert(points.x.end(), {0, 100});
        points.y.insert(points.y.end(), {0, 100});
        points.ids.resize(points.x.size());
        PlotSpec spec{.x = {.name = "x"}, .y = {.name = "y"}, .kind = PlotKind::points};
        spec.series = {points};
        PlotView view;
        show(view);
        view.setSpec(spec);
        view.setMark({1, "Sweet spot, #1\nbatch 1\nflash"});
        QTest::qWait(120);
        QCPItemText* name = nullptr;
        for (int i = 0; i < view.canvas()->itemCount(); ++i)
            if (auto* text = qobject_cast<QCPItemText*>(view.canvas()->item(i)))
                if (text->text().startsWith("Sweet spot")) name = text;
        QVERIFY(name && name->visible());
        const QRectF box(name->topLeft->pixelPosition(), name->bottomRight->pixelPosition());
        QVERIFY(box.width() > 60 && QRectF(view.canvas()->axisRect()->rect()).contains(box));
        for (std::size_t i = 0; i < points.x.size(); ++i)
            QVERIFY2(!box.contains(pixelOf(view, points.x[i], points.y[i])),
                     qPrintable(QString::number(i)));
    }

    void a_limit_of_x_stands_upright() {
        PlotSpec spec = memorySpec();
        spec.series[0].misfit_x.clear();
        spec.limits = {{.name = "budget", .side = PlotSide::x, .value = 300}};
        PlotView view;
        show(view);
        view.setSpec(spec);
        QTest::qWait(120);
        const QImage image =
            view.canvas()->toPixmap(view.canvas()->width(), view.canvas()->height()).toImage();
        const int x = pixelOf(view, 300, 0).x();
        int red = 0;
        for (int y = 0; y < image.height(); ++y)
            red += image.pixelColor(x, y).red() > image.pixelColor(x, y).blue() + 60;
        QVERIFY2(red > image.height() / 4, qPrintable(QString::number(red)));
    }

    void steps_hold_their_value_and_floating_bars_leave_out_what_is_below() {
        PlotSpec spec = memorySpec();
        spec.limits.clear();
        spec.series = {{.name = "front", .slot = 0, .x = {128, 512}, .y = {12, 4}}};
        spec.kind = PlotKind::steps;
        PlotView view;
        show(view);
        view.setSpec(spec);
        QTest::qWait(120);
        const auto shot = [&] {
            return view.canvas()
                ->toPixmap(view.canvas()->width(), view.canvas()->height())
                .toImage();
        };
        const auto coloured = [&](const QImage& image, double x, double y) {
            const QColor colour = image.pixelColor(pixelOf(view, x, y));
            return colour.alpha() > 100 && colour.blue() > colour.red() + 60;
        };
        QVERIFY(coloured(shot(), 300, 12)); // a line would be at 8 here
        spec.kind = PlotKind::floating;
        spec.x = {.name = "part", .title = "Part", .categories = {"a", "b"}};
        spec.series[0].x = {0, 1};
        spec.series[0].lo = {0, 6};
        spec.series[0].hi = {8, 12};
        view.setSpec(spec);
        QTest::qWait(120);
        QVERIFY(coloured(shot(), 0, 4));
        QVERIFY(coloured(shot(), 1, 9));
        QVERIFY(!coloured(shot(), 1, 3));
    }

    void a_click_in_the_legend_isolates_again_shows_all_and_control_toggles() {
        PlotGroup group;
        show(group);
        group.setSpecs({memorySpec()});
        Legend& legend = *group.legend();
        QCOMPARE(legend.buttons().size(), 2);
        QTest::mouseClick(legend.buttons()[0], Qt::LeftButton);
        QCOMPARE(group.views()[0]->hidden(), QSet<QString>({"flash"}));
        QTest::mouseClick(legend.buttons()[0], Qt::LeftButton);
        QVERIFY(group.views()[0]->hidden().isEmpty());
        legend.toggle("naive");
        QCOMPARE(group.views()[0]->hidden(), QSet<QString>({"naive"}));
        QTest::mouseDClick(legend.buttons()[1], Qt::LeftButton);
        QVERIFY(group.views()[0]->hidden().isEmpty());
    }

    void a_wide_interval_is_cut_and_does_not_flatten_the_values() {
        PlotSpec spec = memorySpec();
        spec.limits.clear();
        for (PlotSeries& series : spec.series) {
            series.misfit_x.clear();
            series.lo = series.hi = series.y;
        }
        const double plain = full_range(spec).y_high;
        spec.series[0].hi.back() *= 50; // one bad run
        const double wide = full_range(spec).y_high;
        QVERIFY(wide > plain); // the interval is seen to go on
        QVERIFY(wide < 2 * plain);
        spec.series[0].hi.back() = 1.1 * spec.series[0].y.back();
        QVERIFY(full_range(spec).y_high > spec.series[0].hi.back()); // one that has room is whole
    }

    void a_failed_point_far_below_the_limit_stands_above_the_values() {
        PlotSpec spec = memorySpec();
        spec.limits[0].value = 2000; // what the machine has, far above
        QVERIFY(cross_height(spec) < 20);
        QVERIFY(full_range(spec).y_high < 20);
    }

    void a_limit_is_moved_and_a_point_marked_without_another_drawing() {
        PlotView view;
        show(view);
        PlotSpec spec = memorySpec();
        spec.limits[0].movable = true;
        spec.limits[0].veil = PlotLimit::Veil::above;
        view.setSpec(spec);
        QTest::qWait(120);
        QSignalSpy drawn(&view, &PlotView::replotted);
        PlotLimit limit = view.spec().limits[0];
        limit.value = 9;
        limit.name = "at most 9 GiB";
        view.setLimit(0, limit);
        view.setMark({.id = 13, .name = "sweet spot"});
        QCOMPARE(view.spec().limits[0].value, 9.0);
        QCOMPARE(view.spec().mark.id, 13);
        QTest::qWait(120);
        QCOMPARE(drawn.size(), 0);
    }

    void a_hidden_series_is_not_read_out() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        view.setHidden({"naive"});
        view.hoverAt(512);
        QCOMPARE(view.hoverCard()->lines().size(), 1);
        QCOMPARE(view.hoverCard()->lines()[0].name, QString("flash"));
    }

    void facets_share_their_range_and_zoom_together() {
        PlotSpec small = memorySpec(), large = memorySpec();
        small.series.pop_back();
        large.series.erase(large.series.begin());
        large.limits.clear();
        large.series[0].y = {1, 2, 3, 90};
        PlotGroup group;
        show(group);
        group.setSpecs({small, large});
        QCOMPARE(group.views()[0]->range(), group.views()[1]->range());
        QVERIFY(group.views()[0]->range().y_high > 90);
        QTest::keyClick(group.views()[0], Qt::Key_Plus);
        QVERIFY(group.views()[0]->range().y_high < 90);
        QCOMPARE(group.views()[0]->range(), group.views()[1]->range());
        QTest::keyClick(group.views()[1], Qt::Key_Home);
        QVERIFY(group.views()[0]->range().y_high > 90);
    }

    void the_theme_changes_in_place() {
        PlotView view;
        show(view);
        view.setSpec(memorySpec());
        applyTheme(darkTheme());
        QCoreApplication::processEvents();
        QCOMPARE(view.canvas()->xAxis->tickLabelColor(), darkTheme().text3);
        QCOMPARE(view.spec().series.size(), 2u);
        applyTheme(lightTheme());
    }

    void an_empty_plot_has_a_range_and_no_read_out() {
        PlotView view;
        show(view);
        QTest::keyClick(&view, Qt::Key_Right);
        QVERIFY(!view.hoverCard()->isVisible());
        QVERIFY(view.range().x_high > view.range().x_low);
        view.setSpec(PlotSpec{});
        QVERIFY(view.range().y_high > view.range().y_low);
    }

    void numbers_on_axes_are_short_and_have_a_real_minus() {
        QCOMPARE(axisNumber(2048), QString("2048"));
        QCOMPARE(axisNumber(131072), QString("131072"));
        QCOMPARE(axisNumber(-0.5), QString(QChar(0x2212)) + "0.5");
        QCOMPARE(readoutNumber(5.4, 13.7), QString("5.40"));
        QCOMPARE(readoutNumber(223.44, 380), QString("223.4"));
    }
};

SWEETSPOT_TEST(PlotTest)
#include "plot_test.moc"
