// How soon each page of the window paints with many runs in the database, and how many times a
// second a budget line moves, offscreen:
//
//     gui_pages_bench [RUNS [FOLDER]]
//
// The database of a folder is kept, and used again: to store 10,000 runs takes a minute.
#include "app/gui/pages/sweet_spot_page.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/window/workbench.h"
#include "tests/gui/run_data.h"
#include "tests/gui/shown_results.h"
#include <QApplication>
#include <QTemporaryDir>
#include <algorithm>
#include <cstdio>
#include <qcustomplot.h>
#include <random>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

/// A grid with perplexities, whose memory varies by chance so that the front is no corner.
std::vector<RunRecord> manyRuns(int count) {
    auto runs = grid(count, 10);
    std::mt19937 random(1);
    std::normal_distribution<double> loss(2, 0.05);
    for (RunRecord& run : runs) {
        run.metrics["peak_bytes"] *= 0.5 + double(random() % 1000) / 1000;
        run.metrics["loss_nats"] = loss(random);
        run.metrics["scored_tokens"] = 4096;
        run.weights->loaded = true;
        run.weights->path = "/weights/model.safetensors";
    }
    return runs;
}

double millisecondsOf(auto&& act) {
    QElapsedTimer timer;
    timer.start();
    act();
    return double(timer.nsecsElapsed()) * 1e-6;
}

/// Moves the first budget of the page, as a mouse that is dragged does: times in order.
std::vector<double> moves(SweetSpotPage& page) {
    PlotView* view = page.plot()->views()[0];
    const PlotRange range = view->range();
    std::vector<double> milliseconds;
    for (int i = 0; i < 120; ++i) {
        PlotLimit limit = view->spec().limits[0];
        limit.value = range.x_low + (range.x_high - range.x_low) * (0.2 + 0.005 * i);
        milliseconds.push_back(millisecondsOf([&] {
            view->setLimit(0, limit); // what the view does before it tells
            emit view->limitMoved(0, limit.value);
            QCoreApplication::processEvents();
        }));
    }
    std::sort(milliseconds.begin(), milliseconds.end());
    return milliseconds;
}

} // namespace

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    QApplication::setOrganizationName("sweetspot-tests");
    QApplication::setApplicationName("pages-bench");
    QSettings().clear();
    const int count = argc > 1 ? std::max(24, std::atoi(argv[1])) : 10'008;
    QTemporaryDir temporary;
    const QString path =
        QString("%1/%2.sweetspot").arg(argc > 2 ? argv[2] : temporary.path()).arg(count);
    if (!QFile::exists(path)) write(path, manyRuns(count));

    ThemeControl theme;
    Workbench bench(theme);
    MainWindow& window = bench.window();
    window.resize(1440, 900);
    window.show();
    Session& session = bench.session();
    if (!opens(session, path)) return 1;
    session.selection().setSweep(session.sweeps()->front().id);
    const double load = millisecondsOf([&] {
        if (!QTest::qWaitFor([&] { return int(session.runs()->size()) == count; }, 120'000))
            std::printf("the runs did not come\n");
    });
    std::printf("%d runs; to load them, in the background: %.0f ms\n", count, load);
    for (const View& view : defaultViews()) {
        const auto paint = [&] {
            window.showView(view.id);
            (void)window.grab();
        };
        const double first = millisecondsOf(paint);
        window.showView(ViewId::welcome);
        QTest::qWait(50);
        std::printf("%-12s first %6.0f ms, again %6.0f ms\n", qPrintable(viewKey(view.id)), first,
                    millisecondsOf(paint));
    }
    window.showView(ViewId::sweet_spot);
    QTest::qWait(200);
    if (auto* page = window.findChild<SweetSpotPage*>()) {
        const auto all = moves(*page);
        std::printf(
            "a move of a budget line: median %.1f ms, 95 %% below %.1f ms (%.0f a second)\n",
            all[all.size() / 2], all[all.size() * 95 / 100], 1000 / all[all.size() / 2]);
    }
    return 0;
}
