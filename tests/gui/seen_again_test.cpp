// Pages that are hidden, and what they show when they are seen again; tables that are made anew.
#include "app/gui/pages/quality_page.h"
#include "app/gui/pages/quality_table.h"
#include "app/gui/pages/sweet_spot_page.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/table/table_view.h"
#include "app/gui/theme/theme.h"
#include "tests/gui/scored_runs.h"
#include "tests/gui/shown_results.h"
#include "tests/suite.h"
#include <QSettings>
#include <QTemporaryDir>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

/// Counts how often it took the session's runs.
class CountingPage : public SweepPage {
public:
    explicit CountingPage(Session& session)
        : SweepPage(session, {Icon::table, {}, {}, {}, ViewId::runs}) {
        setContent(new QWidget);
    }
    int taken = 0;

protected:
    void takeRuns() override {
        ++taken;
        showEmpty(false);
    }
    void showSelection(const QSet<qint64>&) override {}
};

/// The first words of a table's rows, from above.
QStringList rowsOf(const TableView& table) {
    QStringList rows;
    for (int row = 0; row < table.model()->rowCount(); ++row)
        rows << table.model()->index(row, 0).data().toString().section(' ', 0, 0);
    return rows;
}

} // namespace

class SeenAgainTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("seen-again");
        QSettings().clear();
        applyTheme(lightTheme());
    }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void a_page_that_is_seen_again_takes_runs_only_if_anything_happened() {
        On<CountingPage> shown(path(), scored({6.4, 6.5}));
        Selection& selection = shown.session.selection();
        const auto taken_after = [&](const auto& happens) {
            shown.page.hide();
            const int before = shown.page.taken;
            happens();
            if (shown.page.taken != before) return -1; // while nobody saw it
            shown.page.show();
            return shown.page.taken - before;
        };
        QTRY_COMPARE(shown.session.runs()->size(), std::size_t(2));
        QCOMPARE(taken_after([] {}), 0);
        QCOMPARE(taken_after([&] { selection.setBaseline(shown.run(1).id); }), 1);
        QCOMPARE(taken_after([&] { selection.setRuns({shown.run(0).id}); }), 1);
        QCOMPARE(taken_after([] {}), 0);
        QCOMPARE(taken_after([&] { applyTheme(darkTheme()); }), 1);
        applyTheme(lightTheme());
        const auto one_goes = [&] {
            QSignalSpy changed(&shown.session, &Session::runsChanged);
            shown.session.remove({{}, {shown.run(0).id}, "a run"});
            QVERIFY(changed.wait(20'000));
        };
        QCOMPARE(taken_after(one_goes), 1);
        QCOMPARE(shown.session.runs()->size(), std::size_t(1));
        QCOMPARE(taken_after([&] { selection.setSweep(0); }), 1);
    }

    void what_came_while_a_page_was_hidden_is_shown_when_it_is_seen_again() {
        On<QualityPage> shown(path(), scored({6.4, 6.5, 7.0}));
        QVERIFY(shown.ready);
        const QString before = shown.page.reference();
        shown.page.hide();
        shown.session.selection().setBaseline(shown.run(2).id);
        QCOMPARE(shown.page.reference(), before);
        shown.page.show();
        QVERIFY2(shown.page.reference().startsWith(QString("#%1 ").arg(shown.run(2).id)),
                 qPrintable(shown.page.reference()));
    }

    void a_table_of_quality_stays_in_the_order_that_was_chosen() {
        On<QualityPage> shown(path(), scored({6.4, 7.0, 6.5}));
        QVERIFY(shown.ready);
        const TableView& table = *shown.page.table()->table();
        QCOMPARE(rowsOf(table), QStringList({"#1", "#2", "#3"}));
        shown.page.table()->table()->sortByColumn(1, Qt::DescendingOrder); // the perplexity
        QCOMPARE(rowsOf(table), QStringList({"#2", "#3", "#1"}));
        shown.session.selection().setBaseline(shown.run(1).id); // all rows are made anew
        QCOMPARE(rowsOf(table), QStringList({"#2", "#3", "#1"}));
        // A selected row goes where its run goes.
        shown.page.table()->table()->selectRow(0);
        shown.page.table()->table()->sortByColumn(0, Qt::AscendingOrder);
        QCOMPARE(rowsOf(table), QStringList({"#1", "#2", "#3"}));
        QCOMPARE(table.selectedRows(), QList<int>{1});
        const QAbstractItemModel& model = *table.model();
        for (int column = 0; column < model.columnCount(); ++column)
            for (int row = 0; row < model.rowCount(); ++row)
                QVERIFY(model.index(row, column).data(sort_role).isValid());
        QCOMPARE(model.headerData(0, Qt::Horizontal).toString(), "Run");
        QCOMPARE(model.index(0, model.columnCount() - 1).data(chips_role).toStringList(),
                 QStringList("good:from file"));
    }

private:
    QString path() const { return folder_->filePath("runs.sweetspot"); }

    std::unique_ptr<QTemporaryDir> folder_;
};

SWEETSPOT_TEST(SeenAgainTest)
#include "seen_again_test.moc"
