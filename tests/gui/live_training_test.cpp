// Trainings in the window, by the real worker: their curves, their end, and what they leave.
#include "app/gui/frame/panes.h"
#include "app/gui/models/log_model.h"
#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/experiment_page.h"
#include "app/gui/pages/field_control.h"
#include "app/gui/pages/live_header.h"
#include "app/gui/pages/live_page.h"
#include "app/gui/pages/plot_choice_bar.h"
#include "app/gui/pages/training_curves.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/message.h"
#include "app/gui/window/workbench.h"
#include "tests/gui/session_data.h"
#include "tests/suite.h"
#include <QCompleter>
#include <QDir>
#include <QDockWidget>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QTemporaryDir>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

Spec training(int steps) {
    Spec spec;
    spec.name = "training";
    spec.base.model = SWEETSPOT_SOURCE_DIR "/tests/golden/llama-tiny";
    spec.base.weights = "random";
    spec.base.task = Task::train;
    spec.base.threads = 1;
    spec.base.batch = 16, spec.base.batches = 4, spec.base.sequence = 64; // some ms a step
    spec.base.validation = 0.2, spec.base.validation_steps = 5;
    spec.base.steps = steps, spec.base.learning_rate = 0.001;
    spec.base.trace = false;
    return spec;
}

bool says(const QWidget& widget, const QString& words) {
    for (const QLabel* label : widget.findChildren<QLabel*>())
        if (label->text().contains(words)) return true;
    return false;
}

std::size_t pointsOf(const PlotGroup& group) {
    std::size_t most = 0;
    for (const PlotView* view : group.views())
        for (const PlotSeries& series : view->spec().series)
            if (!series.predicted) most = std::max(most, series.x.size());
    return most;
}

/// A page that shows a session's sweep, on the screen.
struct Watched {
    explicit Watched(const QString& path) : page(session) {
        page.resize(1256, 760);
        page.show();
        ready = opens(session, path);
    }
    std::vector<Measured> losses() const {
        const auto& samples = session.runs()->front().samples;
        const auto found = samples.find("train_loss");
        return found == samples.end() ? std::vector<Measured>{} : found->second;
    }
    Session session;
    LivePage page;
    bool ready = false;
};

} // namespace

class LiveTrainingTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        qputenv("SWEETSPOT_WORKER", SWEETSPOT_BINARY_DIR "/bin/sweetspot-worker");
        qputenv("SWEETSPOT_RESOURCES", SWEETSPOT_SOURCE_DIR "/resources");
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("live-training");
        applyTheme(lightTheme());
    }
    void init() {
        QSettings().clear();
        folder_ = std::make_unique<QTemporaryDir>();
    }
    void cleanup() { QSettings().clear(); }

    void curves_grow_by_step_and_tell_the_time_left() {
        Watched shown(folder_->filePath("a.sweetspot"));
        QVERIFY(shown.ready);
        QVERIFY(starts(shown.session, training(100'000)));
        const auto& panes = shown.page.curves()->panes();
        for (const auto& pane : panes) {
            QTRY_VERIFY_WITH_TIMEOUT(pointsOf(*pane.group) > 5, 20'000);
            QVERIFY2(shown.page.panes()->dock(pane.key)->isVisible(), qPrintable(pane.key));
        }
        const std::size_t before = pointsOf(*panes[0].group);
        QTRY_VERIFY_WITH_TIMEOUT(pointsOf(*panes[0].group) > before, 5'000);
        QTRY_COMPARE(panes[0].group->views().size(), 2); // what is held out is another facet
        QCOMPARE(panes[1].group->views()[0]->spec().y.name, std::string("learning_rate"));
        QVERIFY(panes[2].group->views()[0]->spec().y.factor > 1); // bytes, in a unit to read
        // A point a run would say less.
        QVERIFY(!shown.page.panes()->dock("step_seconds")->isVisible());
        QVERIFY(!shown.page.choiceBar()->isVisible());
        QTRY_VERIFY(says(*shown.page.header(), "of 100000, loss "));
        QVERIFY(says(*shown.page.header(), "tokens/s"));
        QTRY_VERIFY(shown.session.progress().left_seconds > 0);
        QVERIFY(!says(*shown.page.header(), "known after"));
        shown.session.stopNow();
        QVERIFY(ends(shown.session));
    }

    void a_pause_holds_between_two_steps_and_is_in_no_time() {
        Watched shown(folder_->filePath("b.sweetspot"));
        QVERIFY(shown.ready);
        QVERIFY(starts(shown.session, training(100'000)));
        QTRY_VERIFY_WITH_TIMEOUT(shown.losses().size() > 3, 20'000);
        QTest::mouseClick(shown.page.header()->pauseButton(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(says(*shown.page.header(), "Paused"), 5'000);
        QCOMPARE(shown.session.progress().phase, "paused");
        QTest::qWait(300); // what was on its way has come
        const std::size_t steps = shown.losses().size();
        const double elapsed = shown.session.progress().elapsed_seconds;
        QTest::qWait(1500);
        QCOMPARE(shown.losses().size(), steps);
        QVERIFY(shown.session.progress().elapsed_seconds - elapsed < 0.5);
        QTest::mouseClick(shown.page.header()->pauseButton(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(shown.losses().size() > steps + 3, 10'000);
        QVERIFY(shown.session.runs()->front().samples.at("step_seconds").at(steps).value < 1.4);
        shown.session.stopNow();
        QVERIFY(ends(shown.session));
    }

    void it_stops_with_a_checkpoint_and_goes_on_from_it() {
        Watched shown(folder_->filePath("c.sweetspot"));
        QVERIFY(shown.ready);
        Spec spec = training(100'000);
        spec.base.checkpoint = folder_->filePath("checkpoints").toStdString();
        spec.base.checkpoint_steps = 1'000'000; // none but that of the stop
        QVERIFY(starts(shown.session, spec));
        QTRY_VERIFY_WITH_TIMEOUT(shown.losses().size() > 3, 20'000);
        QPushButton* stop = shown.page.header()->stopButton();
        QTRY_VERIFY(stop->toolTip().contains("after this step, with a checkpoint"));
        QTest::mouseClick(stop, Qt::LeftButton);
        QVERIFY(ends(shown.session));
        const RunRecord stopped = shown.session.runs()->front();
        QCOMPARE(stopped.failure, std::optional(Failure::interrupted));
        QVERIFY2(stopped.reason.find("with a checkpoint in") != stopped.reason.npos,
                 stopped.reason.c_str());
        const int taken = int(shown.losses().size());
        QCOMPARE(QDir(folder_->filePath("checkpoints")).entryList({"step-*"}).size(), 1);
        const auto* log = shown.page.findChild<LogModel*>();
        QVERIFY(log->line(log->rowCount() - 1).sentence.contains("stopped after step"));
        QTRY_COMPARE(shown.page.header()->resumeButton()->text(), "Resume");
        QTest::mouseClick(shown.page.header()->resumeButton(), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(shown.session.progress().active, 20'000);
        QTRY_VERIFY_WITH_TIMEOUT(!shown.losses().empty(), 20'000);
        QCOMPARE(shown.losses().front().index, taken);
        // The curves go on from what the stopped run took, and say so.
        const auto& panes = shown.page.curves()->panes();
        for (const auto& pane : panes) {
            QTRY_VERIFY_WITH_TIMEOUT(pointsOf(*pane.group) > std::size_t(taken), 5'000);
            QCOMPARE(pane.group->views()[0]->spec().series[0].x.front(), 1.0);
            const QString words =
                QString("went on from step %1 of run %2").arg(taken).arg(stopped.id);
            QVERIFY2(says(*pane.card, words), qPrintable(words));
        }
        shown.session.stopNow();
        QVERIFY(ends(shown.session));
        // So they do when the sweep is opened another day.
        const qint64 sweep = shown.session.selection().sweep();
        shown.session.selection().setSweep(0);
        shown.session.selection().setSweep(sweep);
        QTRY_VERIFY(shown.session.runs()->size() == 1 && !shown.losses().empty());
        QTRY_COMPARE(panes[0].group->views()[0]->spec().series[0].x.front(), 1.0);
    }

    void what_was_trained_is_at_once_a_model_that_says_which_run_made_it() {
        ThemeControl theme;
        Workbench bench(theme);
        MainWindow& window = bench.window();
        window.show();
        Session& session = bench.session();
        QVERIFY(opens(session, folder_->filePath("d.sweetspot")));
        Spec spec = training(3);
        const QString saved = folder_->filePath("learned");
        spec.base.save = saved.toStdString();
        QVERIFY(starts(session, spec));
        QVERIFY(ends(session));
        const qint64 trained = session.runs()->front().id;
        window.showView(ViewId::live);
        auto* live = static_cast<LivePage*>(window.page(ViewId::live));
        QTRY_VERIFY(live->header()->trainedButton()->isVisible());
        QTRY_COMPARE(session.savedModels().size(), std::size_t(1));
        QTest::mouseClick(live->header()->trainedButton(), Qt::LeftButton);
        QCOMPARE(window.currentView(), ViewId::experiment);
        ExperimentForm& form = bench.experiment().form();
        QCOMPARE(form.spec().base.model, saved.toStdString());
        QVERIFY2(bench.notice().fact().contains("learned"), qPrintable(bench.notice().fact()));
        QVERIFY(form.problems().isEmpty());
        const FieldControl* model = form.control("model");
        bool told = false;
        for (const Chip* chip : model->findChildren<Chip*>())
            told =
                told || chip->text() ==
                            QString("weights from file, learned, trained by run %1").arg(trained);
        QVERIFY(told);
        // It is the first of the list of models, too.
        auto* edit = model->findChild<QLineEdit*>();
        QTest::keyClicks(edit, "l");
        QVERIFY(edit->completer()->model()->index(0, 0).data().toString().startsWith("learned"));
        edit->setText(saved);
        // And what is measured with it knows where it came from.
        Spec measured;
        measured.base.model = saved.toStdString();
        measured.base.rounds = 1, measured.base.repeats = 1, measured.base.sequence = 16;
        measured.base.trace = false;
        QVERIFY(starts(session, measured));
        QVERIFY(ends(session));
        QTRY_COMPARE(session.runs()->front().weights_run, trained); // runs are read anew at the end
    }

private:
    std::unique_ptr<QTemporaryDir> folder_;
};

SWEETSPOT_TEST(LiveTrainingTest)
#include "live_training_test.moc"
