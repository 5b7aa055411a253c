#include "app/analysis/plot.h"
#include "app/gui/theme/colour.h"
#include "app/gui/theme/icons.h"
#include "app/gui/theme/stylesheet.h"
#include "app/gui/theme/theme_control.h"
#include "kernels/core/observer.h"
#include "tests/suite.h"
#include <QLabel>
#include <QListView>
#include <QSettings>
#include <QStringListModel>
#include <QTest>
#include <QtMath>
#include <cmath>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

struct Lab {
    double l, a, b;
};

// CIE L*a*b* (D65) of linear sRGB.
Lab labOf(double r, double g, double b) {
    const double x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047;
    const double y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    const double z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883;
    const auto f = [](double v) { return v > 0.008856 ? std::cbrt(v) : 7.787 * v + 16.0 / 116; };
    return {116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))};
}

// How dichromats see a colour: matrices of Machado, Oliveira and Fernandes (2009), severity 1.
Lab seenBy(const QColor& colour, int kind) {
    static const double matrices[4][9] = {{1, 0, 0, 0, 1, 0, 0, 0, 1},
                                          {0.152286, 1.052583, -0.204868, 0.114503, 0.786281,
                                           0.099216, -0.003882, -0.048116, 1.051998},
                                          {0.367322, 0.860646, -0.227968, 0.280085, 0.672501,
                                           0.047413, -0.011820, 0.042940, 0.968881},
                                          {1.255528, -0.076749, -0.178779, -0.078411, 0.930809,
                                           0.147602, 0.004733, 0.691367, 0.303900}};
    const double in[3] = {linearLight(colour.redF()), linearLight(colour.greenF()),
                          linearLight(colour.blueF())};
    double out[3];
    for (int i = 0; i < 3; ++i) {
        const double* row = matrices[kind] + 3 * i;
        out[i] = std::clamp(row[0] * in[0] + row[1] * in[1] + row[2] * in[2], 0.0, 1.0);
    }
    return labOf(out[0], out[1], out[2]);
}

double distance(const Lab& p, const Lab& q) {
    return std::hypot(p.l - q.l, p.a - q.a, p.b - q.b);
}

} // namespace

class ThemeTest : public QObject {
    Q_OBJECT

    static void needs(const char* what, const QColor& a, const QColor& b, double least) {
        const double ratio = contrast(a, b);
        QVERIFY2(ratio >= least, qPrintable(QString("%1: %2 on %3 is %4, needs %5")
                                                .arg(what, a.name(), b.name())
                                                .arg(ratio)
                                                .arg(least)));
    }

private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("theme");
    }
    void init() { QSettings().clear(); }
    void cleanup() { QSettings().clear(); }

    void contrast_of_black_on_white_is_21_and_of_a_known_pair_too() {
        QCOMPARE(contrast(Qt::black, Qt::white), 21.0);
        // The best known grey of WCAG: #767676 on white is 4.54.
        QVERIFY(std::abs(contrast(QColor("#767676"), Qt::white) - 4.54) < 0.01);
    }

    void words_are_readable_on_every_surface_data() {
        QTest::addColumn<bool>("dark");
        QTest::newRow("light") << false;
        QTest::newRow("dark") << true;
    }
    void words_are_readable_on_every_surface() {
        QFETCH(bool, dark);
        const Theme t = dark ? darkTheme() : lightTheme();
        for (const QColor& back : {t.window, t.rail, t.surface, t.inset, t.hover})
            for (const QColor& ink : {t.text, t.text2, t.text3}) needs("text", ink, back, 4.5);
        const std::pair<QColor, QColor> states[] = {{t.good, t.good_soft},
                                                    {t.warn, t.warn_soft},
                                                    {t.bad, t.bad_soft},
                                                    {t.info, t.info_soft},
                                                    {t.accent, t.accent_soft}};
        for (const auto& [ink, soft] : states) {
            needs("state", ink, t.surface, 4.5);
            needs("state", ink, t.window, 4.5);
            needs("state on its fill", ink, soft, 4.5);
            needs("text on a soft fill", t.text, soft, 4.5);
        }
        needs("primary button", t.on_accent, t.accent_fill, 4.5);
        needs("primary button under the mouse", t.on_accent, t.accent_fill_hover, 4.5);
    }

    void marks_and_borders_stand_out_data() { words_are_readable_on_every_surface_data(); }
    void marks_and_borders_stand_out() {
        QFETCH(bool, dark);
        const Theme t = dark ? darkTheme() : lightTheme();
        needs("border of inputs", t.border_strong, t.surface, 3);
        needs("border of inputs", t.border_strong, t.window, 3);
        needs("focus", t.accent, t.surface, 3);
        needs("finished run", t.done, t.surface, 3);
        needs("neutral marks", t.neutral, t.surface, 3);
        QCOMPARE(t.series.size(), series_slots);
        QCOMPARE(t.purpose.size(), qsizetype(purpose_count));
        for (const auto& colours : {t.series, t.purpose, t.ramp})
            for (const QColor& colour : colours) needs("mark", colour, t.surface, 3);
        for (int i = 0; i <= 40; ++i) {
            const QColor cell = along(t.heat, i / 40.0);
            needs("number in a cell", inkOn(cell), cell, 4.5);
        }
    }

    void maps_are_monotone_in_lightness_data() { words_are_readable_on_every_surface_data(); }
    void maps_are_monotone_in_lightness() {
        QFETCH(bool, dark);
        const Theme t = dark ? darkTheme() : lightTheme();
        for (const auto& map : {t.heat, t.ramp}) {
            const double sign = luminance(map.back()) > luminance(map.front()) ? 1 : -1;
            for (int i = 1; i <= 100; ++i)
                QVERIFY(sign * luminance(along(map, i / 100.0)) >=
                        sign * luminance(along(map, (i - 1) / 100.0)));
        }
    }

    void series_stay_apart_for_every_kind_of_eye_data() {
        words_are_readable_on_every_surface_data();
    }
    void series_stay_apart_for_every_kind_of_eye() {
        QFETCH(bool, dark);
        const Theme t = dark ? darkTheme() : lightTheme();
        for (int kind = 0; kind < 4; ++kind)
            for (int i = 0; i < series_slots; ++i)
                for (int j = i + 1; j < series_slots; ++j) {
                    const double apart =
                        distance(seenBy(t.series[i], kind), seenBy(t.series[j], kind));
                    QVERIFY2(apart >= 10, qPrintable(QString("slots %1 and %2, eye %3: %4")
                                                         .arg(i + 1)
                                                         .arg(j + 1)
                                                         .arg(kind)
                                                         .arg(apart)));
                }
    }

    void the_stylesheet_has_no_token_left() {
        const QString sheet = stylesheet(darkTheme());
        QVERIFY(!sheet.contains('@'));
        QVERIFY(!sheet.contains("#000000")); // what an unknown token would become
        QVERIFY(sheet.contains("color: #b6bdc9"));
    }

    void digits_of_numbers_are_equally_wide() {
        const QFontMetricsF metrics(numberFont(12));
        QCOMPARE(metrics.horizontalAdvance("111.11"), metrics.horizontalAdvance("888.88"));
    }

    void every_icon_draws_something() {
        for (int i = 1; i < icon_count; ++i) {
            const QImage image = themedIcon(Icon(i)).pixmap(24, 24).toImage();
            int inked = 0;
            for (int y = 0; y < image.height(); ++y)
                for (int x = 0; x < image.width(); ++x) inked += qAlpha(image.pixel(x, y)) > 100;
            QVERIFY2(inked > 10, qPrintable(QString("icon %1 has %2 pixels").arg(i).arg(inked)));
        }
    }

    void a_choice_is_kept_and_put_on_at_the_next_start() {
        {
            ThemeControl control;
            QCOMPARE(control.choice(), ThemeControl::Choice::system);
            control.setChoice(ThemeControl::Choice::dark);
            QVERIFY(theme().dark);
        }
        applyTheme(lightTheme());
        const ThemeControl again;
        QCOMPARE(again.choice(), ThemeControl::Choice::dark);
        QVERIFY(theme().dark);
    }

    void a_system_that_turns_dark_is_followed_unless_a_choice_was_made() {
        ThemeControl control;
        QVERIFY(!theme().dark);
        QPalette night = QApplication::palette();
        night.setColor(QPalette::AlternateBase, QColor("#202020"));
        QApplication::setPalette(night);
        QVERIFY(theme().dark);
        QPalette day = QApplication::palette();
        day.setColor(QPalette::AlternateBase, QColor("#f0f0f0"));
        QApplication::setPalette(day);
        QVERIFY(!theme().dark);
        control.setChoice(ThemeControl::Choice::light);
        QApplication::setPalette(night);
        QVERIFY(!theme().dark);
    }

    void a_switch_repaints_in_place() {
        ThemeControl control;
        control.setChoice(ThemeControl::Choice::light);
        QLabel label("words");
        label.setProperty("ink", inkName(Ink::text2));
        label.show();
        QVERIFY(QTest::qWaitForWindowExposed(&label));
        QCOMPARE(label.palette().color(QPalette::WindowText), lightTheme().text2);
        control.toggle();
        QCOMPARE(label.palette().color(QPalette::WindowText), darkTheme().text2);
    }

    void a_list_that_pops_up_is_readable() {
        for (const Theme& wanted : {lightTheme(), darkTheme()}) {
            applyTheme(wanted);
            QListView popup;
            popup.setWindowFlag(Qt::Popup); // as a completer's
            QStringListModel names({"esm2-8m", "esm2-35m"});
            popup.setModel(&names);
            popup.resize(200, 120);
            popup.show();
            QVERIFY(QTest::qWaitForWindowExposed(&popup));
            QCOMPARE(popup.grab().toImage().pixelColor(150, 110), wanted.surface);
        }
        applyTheme(lightTheme());
    }
};

SWEETSPOT_TEST(ThemeTest)
#include "theme_test.moc"
