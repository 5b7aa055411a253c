#include "app/gui/models/sweep_table_model.h"
#include "app/gui/pages/runs_page.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/table/table_view.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/message.h"
#include "tests/gui/session_data.h"
#include "tests/suite.h"
#include <QAbstractItemModelTester>
#include <QApplication>
#include <QTemporaryDir>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

SweepInfo info(std::int64_t id, const std::string& name, const std::string& model) {
    Spec spec;
    spec.name = name;
    spec.base.model = model;
    SweepInfo sweep;
    sweep.id = id;
    sweep.name = name;
    sweep.spec_json = to_json(spec);
    sweep.created_unix_seconds = 1.7e9 + double(id);
    sweep.planned = 12;
    sweep.done = 10;
    return sweep;
}

SweepTableModel::Sweeps shared(std::vector<SweepInfo> sweeps) {
    return std::make_shared<const std::vector<SweepInfo>>(std::move(sweeps));
}

Spec named(const std::string& name, const std::string& model) {
    Spec spec = sweep_of({"done"}, {"1", "2"});
    spec.name = name;
    spec.base.model = model;
    return spec;
}

} // namespace

class RunsPageTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        qputenv("SWEETSPOT_WORKER", FAKE_WORKER);
        QCoreApplication::setOrganizationName("sweetspot-tests");
        applyTheme(lightTheme());
    }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void a_search_looks_at_names_tags_notes_and_models() {
        SweepTableModel model;
        SweepProxy proxy(&model);
        const QAbstractItemModelTester tester(&proxy);
        auto a = info(1, "flash", "esm2-8m"), b = info(2, "long", "gpt2");
        a.tags = {"cpu", "quiet"};
        b.note = "the fan was loud";
        model.setSweeps(shared({b, a}));
        const auto found = [&](const QString& words) {
            proxy.setWords(words);
            QStringList names;
            for (int i = 0; i < proxy.rowCount(); ++i)
                names << proxy.index(i, SweepTableModel::name).data().toString();
            return names;
        };
        QCOMPARE(found(""), QStringList({"long", "flash"}));
        QCOMPARE(found("ESM2"), QStringList{"flash"});
        QCOMPARE(found("quiet"), QStringList{"flash"});
        QCOMPARE(found("fan loud"), QStringList{"long"});
        QCOMPARE(found("fan quiet"), QStringList());
    }

    void what_is_written_in_a_cell_is_told() {
        SweepTableModel model;
        model.setSweeps(shared({info(7, "flash", "esm2-8m")}));
        QSignalSpy notes(&model, &SweepTableModel::noteWritten);
        QSignalSpy tags(&model, &SweepTableModel::tagsWritten);
        const auto at = [&](SweepTableModel::Column column) { return model.index(0, column); };
        QVERIFY(model.setData(at(SweepTableModel::note), " fine ", Qt::EditRole));
        QCOMPARE(notes.at(0)[0].toLongLong(), 7);
        QCOMPARE(notes.at(0)[1].toString(), "fine");
        QVERIFY(model.setData(at(SweepTableModel::tags), "a, b,,a", Qt::EditRole));
        QCOMPARE(tags.at(0)[1].toStringList(), QStringList({"a", "b"}));
        QVERIFY(!model.setData(at(SweepTableModel::name), "other", Qt::EditRole));
        model.setReadOnly(true);
        QVERIFY(!(at(SweepTableModel::note).flags() & Qt::ItemIsEditable));
        QVERIFY(!model.setData(at(SweepTableModel::note), "x", Qt::EditRole));
    }

    void only_cells_that_changed_are_told() {
        SweepTableModel model;
        const QAbstractItemModelTester tester(&model);
        auto sweep = info(7, "flash", "esm2-8m");
        model.setSweeps(shared({sweep}));
        QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
        QSignalSpy reset(&model, &QAbstractItemModel::modelReset);
        ++sweep.done;
        model.setSweeps(shared({sweep}));
        QCOMPARE(reset.size(), 0);
        QCOMPARE(changed.size(), 1);
        QCOMPARE(changed[0][0].toModelIndex().column(), int(SweepTableModel::points));
        QCOMPARE(changed[0][1].toModelIndex().column(), int(SweepTableModel::failed));
    }

    void an_experiment_is_tagged_noted_pinned_and_opened() {
        Session session;
        RunsPage page(session);
        page.resize(1256, 820);
        page.show();
        QVERIFY(opens(session, path()));
        QVERIFY(starts(session, named("first", "esm2-8m")));
        QVERIFY(ends(session));
        QVERIFY(starts(session, named("second", "esm2-35m")));
        QVERIFY(ends(session));
        TableView& table = *page.table();
        QTRY_COMPARE(table.model()->rowCount(), 2);
        const auto cell = [&](int row, SweepTableModel::Column column) {
            return table.model()->index(row, column);
        };
        QCOMPARE(cell(0, SweepTableModel::name).data().toString(), "second"); // newest first
        QVERIFY(!page.pinButton()->isEnabled());
        table.selectRow(1);
        QVERIFY(page.pinButton()->isEnabled());
        page.pinButton()->click();
        QTRY_COMPARE(cell(1, SweepTableModel::state).data(chips_role).toStringList(),
                     QStringList{"good:pinned"});
        QVERIFY(
            table.model()->setData(cell(1, SweepTableModel::note), "best so far", Qt::EditRole));
        QTRY_COMPARE(cell(1, SweepTableModel::note).data().toString(), "best so far");
        QSignalSpy asked(&page, &RunsPage::viewRequested);
        page.openRow(1);
        QCOMPARE(asked.at(0)[0].value<ViewId>(), ViewId::results);
        QTRY_COMPARE(int(session.runs()->size()), 2);
        QCOMPARE(session.runs()->front().config.model, std::string("esm2-8m"));
        page.searchField()->setText("35m");
        QCOMPARE(table.model()->rowCount(), 1);
    }

    void what_was_deleted_can_be_had_again() {
        const auto count = [](RunsPage& page) { return page.table()->model()->rowCount(); };
        {
            Session session;
            RunsPage page(session);
            page.show();
            QVERIFY(opens(session, path()));
            for (const char* name : {"first", "second"}) {
                QVERIFY(starts(session, named(name, "esm2-8m"), true));
                QVERIFY(ends(session));
            }
            QTRY_COMPARE(count(page), 2);
            QVERIFY(!page.deleteButton()->isEnabled());
            QVERIFY(!page.restoreButton()->isVisible());
            page.activateWindow();
            QVERIFY(QTest::qWaitForWindowActive(&page));
            page.table()->setFocus();
            page.table()->selectRow(0);
            QTest::keyClick(page.table(), Qt::Key_Delete);
            QTRY_COMPARE(count(page), 1);
            QCOMPARE(session.removed().back().name, "second");
            QCOMPARE(session.selection().sweep(), 0);
            QTRY_VERIFY(page.restoreButton()->isVisible());
            session.undoRemove();
            QTRY_COMPARE(count(page), 2);
            QVERIFY(session.removed().empty());
            page.table()->selectRow(1);
            page.deleteButton()->click();
            QTRY_COMPARE(count(page), 1);
        }
        Session session; // on another day
        RunsPage page(session);
        page.show();
        QVERIFY(opens(session, path()));
        QTRY_COMPARE(count(page), 1);
        QTRY_COMPARE(page.restoreButton()->text(), "Give back 1 deleted experiment");
        page.restoreButton()->click();
        QTRY_COMPARE(count(page), 2);
        QTRY_VERIFY(!page.restoreButton()->isVisible());
    }

    void an_editor_stays_open_while_counts_change() {
        Session session;
        RunsPage page(session);
        page.resize(1256, 820);
        page.show();
        page.activateWindow();
        QVERIFY(opens(session, path()));
        QVERIFY(starts(session, sweep_of({"slow"}, {"1", "2"})));
        QTRY_COMPARE(page.table()->model()->rowCount(), 1);
        page.table()->edit(page.table()->model()->index(0, SweepTableModel::note));
        auto* editor = page.table()->viewport()->findChild<QLineEdit*>();
        QVERIFY(editor);
        editor->setText("half a no");
        QVERIFY(ends(session));
        QTest::qWait(1200); // the list of sweeps comes anew
        QCOMPARE(page.table()->viewport()->findChild<QLineEdit*>(), editor);
        QCOMPARE(editor->text(), "half a no");
    }

    void a_database_open_elsewhere_is_said_and_cannot_be_changed() {
        Session writer, reader;
        QVERIFY(opens(writer, path()));
        QVERIFY(starts(writer, named("first", "esm2-8m")));
        QVERIFY(ends(writer));
        RunsPage page(reader);
        page.resize(1256, 820);
        page.show();
        QVERIFY(opens(reader, path()));
        QVERIFY2(page.strip()->fact().endsWith("is open to read only."),
                 qPrintable(page.strip()->fact()));
        QTRY_COMPARE(page.table()->model()->rowCount(), 1);
        page.table()->selectRow(0);
        QVERIFY(!page.pinButton()->isEnabled());
        QCOMPARE(page.pinButton()->toolTip(), "The database is open to read only.");
    }

private:
    QString path() const { return folder_->filePath("runs.sweetspot"); }

    std::unique_ptr<QTemporaryDir> folder_;
};

SWEETSPOT_TEST(RunsPageTest)
#include "runs_page_test.moc"
