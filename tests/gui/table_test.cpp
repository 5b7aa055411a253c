#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/theme/theme.h"
#include "tests/suite.h"
#include <QBuffer>
#include <QClipboard>
#include <QHeaderView>
#include <QSignalSpy>
#include <QSortFilterProxyModel>
#include <QStandardItemModel>
#include <QTemporaryDir>
#include <QTest>

using namespace sweetspot::gui;

namespace {

// Names whose words sort otherwise than their numbers, with units, quotes and chips.
void fill(QStandardItemModel& model) {
    model.setColumnCount(4);
    const struct {
        const char *name, *unit;
        CellKind kind;
    } columns[] = {{"Variant", "", CellKind::swatch},
                   {"Peak", "GiB", CellKind::share},
                   {"Time", "ms", CellKind::number},
                   {"Flags", "", CellKind::chips}};
    for (int i = 0; i < 4; ++i) {
        model.setHeaderData(i, Qt::Horizontal, columns[i].name);
        model.setHeaderData(i, Qt::Horizontal, columns[i].unit, unit_role);
        model.setHeaderData(i, Qt::Horizontal, int(columns[i].kind), kind_role);
        model.setHeaderData(i, Qt::Horizontal, 100, width_role);
    }
    const struct {
        const char *name, *peak, *time;
        double peak_bytes, step_seconds;
        QStringList flags;
    } rows[] = {
        {"naive, \"old\"", "20.20", "1,273.9", 2.169e10, 1.2739, {"warn:noise", "bad:memory"}},
        {"flash", "7.31", "193.1", 7.85e9, 0.1931, {}},
        {"ragged\nflash", "5.45", "99.5", 5.85e9, 0.0995, {"accent:sweet spot"}}};
    for (const auto& row : rows) {
        auto* name = new QStandardItem(row.name);
        auto* peak = new QStandardItem(row.peak);
        auto* time = new QStandardItem(row.time);
        auto* flags = new QStandardItem;
        peak->setData(row.peak_bytes, sort_role);
        time->setData(row.step_seconds, sort_role);
        time->setData(row.step_seconds * 1e3, export_role);
        flags->setData(row.flags, chips_role);
        model.appendRow({name, peak, time, flags});
    }
}

} // namespace

class TableTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        applyTheme(lightTheme());
    }

    void csv_quotes_what_needs_it_and_names_units() {
        QStandardItemModel model;
        fill(model);
        QBuffer buffer;
        buffer.open(QIODevice::WriteOnly);
        QVERIFY(writeCsv(model, buffer));
        QCOMPARE(buffer.data(), QByteArray("Variant,Peak (GiB),Time (ms),Flags\r\n"
                                           "\"naive, \"\"old\"\"\",20.20,1273.9000000000001,"
                                           "noise; memory\r\n"
                                           "flash,7.31,193.09999999999999,\r\n"
                                           "\"ragged\nflash\",5.45,99.5,sweet spot\r\n"));
    }

    void csv_of_some_rows_has_only_these() {
        QStandardItemModel model;
        fill(model);
        QBuffer buffer;
        buffer.open(QIODevice::WriteOnly);
        QVERIFY(writeCsv(model, buffer, {1}));
        QCOMPARE(buffer.data().count("\r\n"), 2);
        QVERIFY(buffer.data().contains("flash,7.31"));
    }

    void csv_that_cannot_be_written_says_where() {
        QStandardItemModel model;
        fill(model);
        QVERIFY(exportCsv(model, "/no/such/folder/a.csv").contains("/no/such/folder/a.csv"));
        const QTemporaryDir folder;
        QCOMPARE(exportCsv(model, folder.filePath("a.csv")), QString());
        QVERIFY(QFileInfo(folder.filePath("a.csv")).size() > 100);
    }

    void columns_sort_by_their_numbers_and_not_their_words() {
        QStandardItemModel model;
        fill(model);
        QSortFilterProxyModel proxy;
        proxy.setSourceModel(&model);
        TableView table;
        table.setModel(&proxy);
        table.setSortingEnabled(true);
        table.sortByColumn(2, Qt::AscendingOrder);
        QCOMPARE(proxy.index(0, 2).data().toString(), QString("99.5"));
        QCOMPARE(proxy.index(2, 2).data().toString(), QString("1,273.9"));
    }

    void selection_hover_and_copying_work_by_mouse_and_keyboard() {
        QStandardItemModel model;
        fill(model);
        TableView table;
        table.setModel(&model);
        table.setStretchColumn(0);
        table.resize(700, 200);
        table.show();
        table.activateWindow();
        QVERIFY(QTest::qWaitForWindowExposed(&table));
        QVERIFY(table.columnWidth(0) > 350); // takes what is left
        QSignalSpy selected(&table, &TableView::rowsSelected),
            hovered(&table, &TableView::rowHovered);
        const QPoint second = table.visualRect(model.index(1, 1)).center();
        QTest::mouseMove(table.viewport(), second);
        QTRY_COMPARE(table.hoveredRow(), 1);
        QTest::mouseClick(table.viewport(), Qt::LeftButton, {}, second);
        QCOMPARE(table.selectedRows(), QList<int>({1}));
        QTest::keyClick(&table, Qt::Key_Down, Qt::ShiftModifier);
        QCOMPARE(table.selectedRows(), QList<int>({1, 2}));
        QVERIFY(selected.count() >= 2);
        QTest::keyClick(&table, Qt::Key_C, Qt::ControlModifier);
        const QString copied = QGuiApplication::clipboard()->text();
        QVERIFY(copied.startsWith("Variant,Peak (GiB)"));
        QVERIFY(copied.contains("flash,7.31") && !copied.contains("naive"));
    }

    void a_selected_row_is_painted_in_the_accent() {
        QStandardItemModel model;
        fill(model);
        TableView table;
        table.setModel(&model);
        table.resize(500, 200);
        table.selectRow(1);
        table.show();
        const QImage image = table.viewport()->grab().toImage();
        const int y = table.rowViewportPosition(1) + 4;
        QCOMPARE(image.pixelColor(0, y), lightTheme().accent);
        QCOMPARE(image.pixelColor(5, y), lightTheme().accent_soft);
    }
};

SWEETSPOT_TEST(TableTest)
#include "table_test.moc"
