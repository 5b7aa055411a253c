#include "app/gui/theme/theme.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/heat_map.h"
#include "app/gui/widgets/message.h"
#include "app/gui/widgets/progress.h"
#include "app/gui/widgets/run_strip.h"
#include "app/gui/widgets/text.h"
#include "app/gui/widgets/values_field.h"
#include "tests/suite.h"
#include <QLineEdit>
#include <QRegularExpression>
#include <QSignalSpy>
#include <QTest>
#include <cmath>

using namespace sweetspot::gui;

namespace {

// "4", "1-64*2", "128-1024+128"
ParsedValues parse(const QString& text) {
    static const QRegularExpression form("^(\\d+)(?:-(\\d+)([*+])(\\d+))?$");
    const auto match = form.match(text);
    if (!match.hasMatch()) return {{}, QString("\"%1\" is neither a number nor a range").arg(text)};
    const int from = match.captured(1).toInt(), step = match.captured(4).toInt();
    const int to = match.captured(2).isEmpty() ? from : match.captured(2).toInt();
    if (to < from) return {{}, QString("the end, %1, is below the start, %2").arg(to).arg(from)};
    ParsedValues parsed;
    for (int value = from; value <= to;
         value = match.captured(3) == "*" ? value * step : value + std::max(1, step))
        parsed.values << QString::number(value);
    return parsed;
}

} // namespace

class WidgetsTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() { applyTheme(lightTheme()); }

    void delete_on_a_removable_chip_removes_it_and_other_keys_do_not() {
        Chip chip("memory < 23", Tone::accent);
        QSignalSpy removed(&chip, &Chip::removed);
        QTest::keyClick(&chip, Qt::Key_Delete);
        QCOMPARE(removed.count(), 0); // not removable yet
        chip.setRemovable(true);
        QTest::keyClick(&chip, Qt::Key_A);
        QCOMPARE(removed.count(), 0);
        QTest::keyClick(&chip, Qt::Key_Delete);
        QCOMPARE(removed.count(), 1);
        QTest::keyClick(&chip, Qt::Key_Backspace);
        QCOMPARE(removed.count(), 2);
    }

    void a_click_on_the_cross_of_a_chip_removes_it_and_one_on_its_words_does_not() {
        Chip chip("memory < 23");
        chip.setRemovable(true);
        chip.resize(chip.sizeHint());
        chip.show();
        QSignalSpy removed(&chip, &Chip::removed), clicked(&chip, &Chip::clicked);
        QTest::mouseClick(&chip, Qt::LeftButton, {}, {10, 11});
        QCOMPARE(removed.count(), 0);
        QCOMPARE(clicked.count(), 1);
        QTest::mouseClick(&chip, Qt::LeftButton, {}, {chip.width() - 12, 11});
        QCOMPARE(removed.count(), 1);
    }

    void a_field_of_values_takes_lists_and_ranges() {
        ValueChipsField field("Batch size", "", "add 64", parse);
        QSignalSpy changed(&field, &ValueChipsField::changed);
        QTest::keyClicks(field.edit(), "1,2,");
        QCOMPARE(field.texts(), QStringList({"1", "2"}));
        QTest::keyClicks(field.edit(), "4-16*2");
        QTest::keyClick(field.edit(), Qt::Key_Return);
        QCOMPARE(field.texts(), QStringList({"1", "2", "4-16*2"}));
        QCOMPARE(field.values(), QStringList({"1", "2", "4", "8", "16"}));
        QVERIFY(field.edit()->text().isEmpty());
        QCOMPARE(changed.count(), 3);
        field.setTexts({"128-1024+128"});
        QCOMPARE(field.values().size(), 8);
        QCOMPARE(field.values().back(), QString("1024"));
    }

    void a_value_that_is_wrong_is_said_and_stays_to_be_corrected() {
        ValueChipsField field("Sequence length", "tokens", "", parse);
        QTest::keyClicks(field.edit(), "64,128-32*2");
        QTest::keyClick(field.edit(), Qt::Key_Return);
        QCOMPARE(field.texts(), QStringList("64"));
        QCOMPARE(field.edit()->text(), QString("128-32*2"));
        QCOMPARE(field.problem(), QString("the end, 32, is below the start, 128"));
        QTest::keyClick(field.edit(), Qt::Key_Backspace); // typing on clears the message
        QVERIFY(field.problem().isEmpty());
    }

    void the_same_value_twice_counts_once() {
        ValueChipsField field("Batch size", "", "", parse);
        field.setTexts({"2", "1-4*2", "2"});
        QCOMPARE(field.texts(), QStringList({"2", "1-4*2"}));
        QCOMPARE(field.values(), QStringList({"2", "1", "4"}));
    }

    void backspace_at_the_start_and_delete_on_a_chip_remove_values() {
        ValueChipsField field("Batch size", "", "", parse);
        field.setTexts({"1", "2", "4"});
        field.show();
        field.activateWindow();
        QTest::keyClick(field.edit(), Qt::Key_Backspace);
        QCOMPARE(field.texts(), QStringList({"1", "2"}));
        for (Chip* chip : field.findChildren<Chip*>())
            if (chip->text() == "1" && chip->isVisible()) QTest::keyClick(chip, Qt::Key_Delete);
        QCOMPARE(field.texts(), QStringList("2"));
    }

    void many_chips_wrap_and_make_the_field_higher() {
        ValueChipsField field("Batch size", "", "", parse);
        field.setTexts({"1"});
        field.resize(300, 100);
        const int low = field.heightForWidth(300);
        field.setTexts({"1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008"});
        QVERIFY(field.heightForWidth(300) > low + 20);
    }

    void a_toggle_card_counts_its_sweep_and_keeps_one_value() {
        ToggleCard card("Attention", "how scores are computed",
                        {{"naive", true}, {"flash"}, {"vendor", false, "needs a GPU"}});
        QSignalSpy changed(&card, &ToggleCard::changed);
        QTest::keyClick(card.pills()[1], Qt::Key_Space);
        QCOMPARE(card.chosen(), QStringList({"naive", "flash"}));
        QVERIFY(!card.pills()[2]->isEnabled());
        QCOMPARE(card.pills()[2]->toolTip(), QString("needs a GPU"));
        QTest::mouseClick(card.pills()[0], Qt::LeftButton);
        QTest::mouseClick(card.pills()[1], Qt::LeftButton); // the last one stays
        QCOMPARE(card.chosen(), QStringList("flash"));
        QCOMPARE(changed.count(), 2);
    }

    void a_locked_card_remembers_what_was_chosen() {
        ToggleCard card("Fusion", "epilogues", {{"off", true}, {"on", true}});
        card.setLocked("not on this machine");
        QTest::mouseClick(card.pills()[0], Qt::LeftButton);
        QVERIFY(!card.pills()[0]->isEnabled());
        card.setLocked({});
        QVERIFY(card.pills()[0]->isEnabled());
        QCOMPARE(card.chosen(), QStringList({"off", "on"}));
    }

    void arrow_keys_move_the_choice_of_a_pill_group_and_stop_at_its_ends() {
        PillGroup group({"1", "2", "4"}, 0);
        QSignalSpy chosen(&group, &PillGroup::chosen);
        QTest::keyClick(&group, Qt::Key_Right);
        QTest::keyClick(&group, Qt::Key_Right);
        QTest::keyClick(&group, Qt::Key_Right);
        QCOMPARE(group.current(), 2);
        QCOMPARE(chosen.count(), 2);
        QTest::mouseClick(&group, Qt::LeftButton, {}, {6, 10});
        QCOMPARE(group.current(), 0);
    }

    void a_heat_map_tells_the_cell_under_the_mouse_and_by_arrow_keys() {
        HeatMap map;
        map.setGrid({"batch", "tokens", {"1", "2"}, {"128", "256"}, {1, 2, 3, 40}, 23});
        map.resize(400, 200);
        map.show();
        QSignalSpy hovered(&map, &HeatMap::hovered), activated(&map, &HeatMap::activated);
        QTest::mouseMove(&map, map.cellBox(1, 0).center().toPoint());
        QTRY_COMPARE(hovered.count(), 1);
        QCOMPARE(hovered[0], QVariantList({1, 0}));
        QTest::keyClick(&map, Qt::Key_Right);
        QCOMPARE(hovered[1], QVariantList({1, 1}));
        QTest::keyClick(&map, Qt::Key_Down); // at the edge already
        QCOMPARE(hovered.count(), 2);
        QTest::keyClick(&map, Qt::Key_Return);
        QCOMPARE(activated[0], QVariantList({1, 1}));
        QVERIFY(map.accessibleDescription().contains("40"));
    }

    void a_cell_that_will_not_fit_is_red_and_one_near_the_limit_is_marked() {
        HeatMap map;
        map.setGrid({"batch", "tokens", {"1"}, {"a", "b", "c"}, {10, 22.5, 40}, 23});
        map.resize(420, 120);
        const QImage image = map.grab().toImage();
        const auto corner = [&](int column) {
            const QPointF place = map.cellBox(0, column).topRight() + QPointF(-3, 4);
            return image.pixelColor((place * image.devicePixelRatio()).toPoint());
        };
        const auto near_corner = [&](int column) {
            const QPointF place = map.cellBox(0, column).topRight() + QPointF(-14, 4);
            return image.pixelColor((place * image.devicePixelRatio()).toPoint());
        };
        QCOMPARE(corner(0), near_corner(0)); // no mark
        QVERIFY(corner(1) != near_corner(1));
        QVERIFY(corner(2).red() > corner(2).blue() + 10);
    }

    void an_unknown_value_is_a_dash_and_not_a_number() {
        HeatMap map;
        map.setGrid({"batch", "tokens", {"1"}, {"a"}, {std::nan("")}, 23});
        map.setCurrent({0, 0});
        QVERIFY(map.accessibleDescription().endsWith(QChar(0x2013)));
    }

    void cards_of_a_grid_lie_inside_it_however_narrow() {
        auto* a = new ToggleCard("Attention", "how scores are computed", {{"naive", true}});
        auto* b = new ToggleCard("Layout", "what happens to lengths", {{"padded", true}});
        Card card("Optimizations");
        auto* grid = new CardGrid({a, b});
        card.body()->addWidget(grid);
        card.body()->addStretch(1);
        for (const int width : {700, 300}) {
            card.resize(width, 400);
            card.show();
            QVERIFY(QTest::qWaitForWindowExposed(&card));
            QCoreApplication::processEvents();
            QVERIFY(grid->rect().contains(a->geometry()));
            QVERIFY2(grid->rect().contains(b->geometry()), qPrintable(QString::number(width)));
            QCOMPARE(b->x() > 0, width == 700); // two columns, then one
        }
    }

    void the_run_strip_tells_which_run_was_taken() {
        RunStrip strip;
        strip.setRows({{"naive", {RunState::done, RunState::failed}, {"#1", "#2"}},
                       {"flash", {RunState::queued, RunState::running}}},
                      {"128 tokens", "256 tokens"});
        strip.resize(500, 80);
        strip.show();
        QSignalSpy activated(&strip, &RunStrip::activated);
        QTest::mouseClick(&strip, Qt::LeftButton, {}, strip.cellBox(0, 1).center().toPoint());
        QCOMPARE(activated[0], QVariantList({0, 1}));
        QTest::keyClick(&strip, Qt::Key_Down);
        QTest::keyClick(&strip, Qt::Key_Return);
        QCOMPARE(activated[1], QVariantList({1, 1}));
    }

    void words_of_progress_and_of_bytes_are_exact() {
        QCOMPARE(SegmentedProgress::words({71, 4, 1, 1, 94}),
                 QString("76 of 94, 4 flagged, 1 failed"));
        QCOMPARE(SegmentedProgress::words({3, 0, 0, 0, 10}), QString("3 of 10"));
        QCOMPARE(bytesText(0), QString("0 B"));
        QCOMPARE(bytesText(1536), QString("1.50 KiB"));
        QCOMPARE(bytesText(14817637171.0), QString("13.8 GiB"));
        QCOMPARE(bytesText(1023.9 * 1024), QString("1.00 MiB"));
    }

    void a_message_strip_without_a_fact_is_hidden() {
        MessageStrip strip(Tone::warn, "Clocks are not locked.", "Repeats vary.", "Show how");
        QVERIFY(!strip.isHidden());
        strip.clear();
        QVERIFY(strip.isHidden());
    }

    void words_in_lines_are_as_high_as_their_text_needs() {
        WrappedLabel words;
        QLabel plain;
        plain.setFont(words.font());
        plain.setWordWrap(true);
        plain.setTextInteractionFlags(Qt::TextSelectableByMouse);
        const auto same = [&](const QString& text) {
            words.setText(text);
            plain.setText(text);
            for (const int width : {80, 200, 80})
                if (words.heightForWidth(width) != plain.heightForWidth(width)) return false;
            return true;
        };
        QVERIFY(same("A tie: 12 other runs may be as good, for all that was measured."));
        QVERIFY(same("One."));
        const int low = words.heightForWidth(200);
        words.setFont(uiFont(24));
        QVERIFY(words.heightForWidth(200) > low);
    }

    void a_button_that_cannot_be_pressed_says_why() {
        const std::unique_ptr<QPushButton> run(button("Run"));
        setReason(run.get(), "No model is chosen.");
        QVERIFY(!run->isEnabled());
        QCOMPARE(run->toolTip(), QString("No model is chosen."));
        setReason(run.get(), {});
        QVERIFY(run->isEnabled());
    }

    void a_clickable_card_is_a_button_for_keyboard_and_mouse() {
        Card card;
        QSignalSpy clicked(&card, &Card::clicked);
        QTest::mouseClick(&card, Qt::LeftButton);
        QCOMPARE(clicked.count(), 0);
        card.setClickable("Memory map");
        QTest::mouseClick(&card, Qt::LeftButton);
        QTest::keyClick(&card, Qt::Key_Return);
        QCOMPARE(clicked.count(), 2);
        QCOMPARE(card.accessibleName(), QString("Memory map"));
    }
};

SWEETSPOT_TEST(WidgetsTest)
#include "widgets_test.moc"
