// Pictures of the Timeline page with two faults planted: a tensor of every layer that is kept alive
// by mistake, and a wait for the device behind every layer.
//
//     gui_planted FOLDER
#include "app/gui/theme/theme_control.h"
#include "app/gui/window/workbench.h"
#include "app/store/trace_path.h"
#include "profiler/trace/file.h"
#include "tests/gui/run_data.h"
#include "tests/gui/shown_results.h"
#include "tests/profiler/planted.h"
#include <QApplication>
#include <QDir>
#include <QSettings>
#include <QTemporaryDir>
#include <cstdio>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

int main(int argc, char** argv) {
    if (argc != 2) return std::printf("gui_planted FOLDER\n"), 2;
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    QApplication::setOrganizationName("sweetspot-tests");
    QApplication::setApplicationName("planted");
    QSettings().clear();
    const QTemporaryDir temporary;
    const QString path = temporary.filePath("planted.sweetspot");
    write(path, grid(2, 10));
    const std::filesystem::path store = path.toStdString();
    std::filesystem::create_directories(trace_path(store, 1).parent_path());
    write_trace(pass_of_layers(true), trace_path(store, 1));
    const Trace recorded =
        read_trace(SWEETSPOT_SOURCE_DIR "/tests/profiler/recorded/esm2-8m-h200-eager.trace");
    write_trace(with_waits(recorded, 200'000), trace_path(store, 2));

    ThemeControl theme;
    theme.setChoice(ThemeControl::Choice::light, false);
    Workbench bench(theme);
    MainWindow& window = bench.window();
    window.resize(1280, 800);
    window.show();
    Session& session = bench.session();
    if (!opens(session, path)) return 1;
    session.selection().setSweep(session.sweeps()->front().id);
    QDir().mkpath(argv[1]);
    for (const auto& [name, run] : {std::pair("kept", 1), {"waits", 2}}) {
        session.selection().setRun(run);
        window.showView(ViewId::timeline);
        QTest::qWait(1500);
        window.grab().save(QString("%1/timeline-%2-light-1280.png").arg(argv[1], name));
    }
    return 0;
}
