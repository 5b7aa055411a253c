// From an empty window to a recommendation, as a person does it: a spec is opened, Run is pressed,
// and the Sweet spot page names a run and says why. Tells how long that took, and takes the
// pictures that README shows, in both themes and two sizes:
//
//     gui_example DATA FOLDER
//
// DATA holds stories260K.bin, its tokenizer tok512.bin and tinyshakespeare.txt.
#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/experiment_page.h"
#include "app/gui/pages/plan_preview.h"
#include "app/gui/pages/recommendation_column.h"
#include "app/gui/pages/results_plot.h"
#include "app/gui/pages/sweet_spot_page.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/window/workbench.h"
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QPushButton>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>
#include <cstdio>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

/// Precision x attention x batch x sequence, with perplexity.
Spec example(const std::string& data) {
    Spec spec;
    spec.name = "stories260k";
    spec.base.model = "stories260k";
    spec.base.weights = data + "/stories260K.bin";
    spec.base.tokenizer = data + "/tok512.bin";
    spec.base.lengths = "uniform:32:256";
    spec.base.quality = QualityPass::perplexity;
    spec.base.quality_data = data + "/tinyshakespeare.txt";
    spec.base.max_tokens = 4096;
    spec.base.rounds = 6; // fewer give no verdict but on what is twice as fast
    spec.base.repeats = 6;
    spec.base.min_seconds = 0.1;
    spec.axes = {{"precision", {"f32", "bf16"}},
                 {"attention", {"naive", "flash"}},
                 {"batch", {"1", "4", "16"}},
                 {"sequence", {"64", "128", "256"}}};
    return spec;
}

bool waitFor(const auto& until, int seconds) {
    return QTest::qWaitFor(until, seconds * 1000);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::printf("gui_example DATA FOLDER\n"), 2;
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    QApplication::setOrganizationName("sweetspot-tests");
    QApplication::setApplicationName("example");
    QSettings().clear();
    const QTemporaryDir temporary;
    ThemeControl theme;
    Workbench bench(theme);
    MainWindow& window = bench.window();
    window.resize(1280, 800);
    window.show();
    Session& session = bench.session();
    session.open(temporary.filePath("example.sweetspot"));
    if (!waitFor([&] { return !session.path().isEmpty(); }, 20)) return 1;

    QElapsedTimer since;
    since.start();
    window.showView(ViewId::experiment);
    bench.experiment().setSpec(example(QDir(argv[1]).absolutePath().toStdString()));
    QPushButton* run = bench.experiment().preview().runButton();
    if (!waitFor([&] { return run->isEnabled() && run->text().contains("36"); }, 60))
        return std::printf("it cannot be run: %s\n", qPrintable(run->toolTip())), 1;
    run->click();
    if (!waitFor([&] { return session.progress().active; }, 20)) return 1;
    if (!waitFor([&] { return !session.progress().active; }, 600)) return 1;
    const double measured = double(since.elapsed()) / 1000;
    window.showView(ViewId::sweet_spot);
    auto* column = window.findChild<RecommendationColumn*>();
    if (!waitFor([&] { return !column->saying().trimmed().isEmpty(); }, 20)) return 1;
    std::printf("from an empty window to a recommendation: %.1f s, %.1f s of them until the sweep "
                "had ended\n%s\n%s\n",
                double(since.elapsed()) / 1000, measured, qPrintable(column->headline()),
                qPrintable(column->saying()));

    QDir().mkpath(argv[2]);
    const auto& runs = *session.runs();
    RunPair pair; // for the pages about two runs: they differ in their attention alone
    for (const RunRecord& run : runs)
        if (run.config.precision == Precision::bf16 && run.config.sequence == 256)
            (run.config.attention == AttentionVariant::naive ? pair.a : pair.b) = run.id;
    session.selection().setPair(pair);
    for (const bool dark : {false, true})
        for (const QSize size : {QSize(1280, 800), QSize(1920, 1080)}) {
            theme.setChoice(dark ? ThemeControl::Choice::dark : ThemeControl::Choice::light, false);
            window.resize(size);
            const auto take = [&](const QString& name) {
                QTest::qWait(1500);
                window.grab().save(QString("%1/%2-%3-%4.png")
                                       .arg(argv[2], name, dark ? "dark" : "light")
                                       .arg(size.width()));
            };
            for (const ViewId view : {ViewId::experiment, ViewId::live, ViewId::results,
                                      ViewId::sweet_spot, ViewId::compare, ViewId::quality}) {
                window.showView(view);
                take(viewKey(view));
            }
            window.showView(ViewId::results);
            QPushButton* parallel = window.findChild<ResultsPlot*>()->parallelButton();
            parallel->click();
            take("parallel");
            parallel->click();
        }
    return 0;
}
