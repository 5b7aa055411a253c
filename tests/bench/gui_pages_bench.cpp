// How soon each page of the window paints with many runs in the database, and how many times a
// second a budget line moves, offscreen. Beside what the clock says stands what the window's thread
// computed, which other programs on the machine do not change as much:
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
#include <ctime>
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

/// Milliseconds by the clock, and of the processor.
struct Took {
    double wall = 0, computed = 0;
    bool operator<(const Took& other) const { return wall < other.wall; }
};

double computedMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e3 * double(now.tv_sec) + 1e-6 * double(now.tv_nsec);
}

Took timeOf(auto&& act) {
    QElapsedTimer timer;
    timer.start();
    const double before = computedMilliseconds();
    act();
    return {double(timer.nsecsElapsed()) * 1e-6, computedMilliseconds() - before};
}

/// Moves the first budget of the page, as a mouse that is dragged does: times in order.
std::vector<Took> moves(SweetSpotPage& page) {
    PlotView* view = page.plot()->views()[0];
    const PlotRange range = view->range();
    std::vector<Took> took;
    for (int i = 0; i < 120; ++i) {
        PlotLimit limit = view->spec().limits[0];
        limit.value = range.x_low + (range.x_high - range.x_low) * (0.2 + 0.005 * i);
        took.push_back(timeOf([&] {
            view->setLimit(0, limit); // what the view does before it tells
            emit view->limitMoved(0, limit.value);
            QCoreApplication::processEvents();
        }));
    }
    std::sort(took.begin(), took.end());
    return took;
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
    const Took load = timeOf([&] {
        if (!QTest::qWaitFor([&] { return int(session.runs()->size()) == count; }, 120'000))
            std::printf("the runs did not come\n");
    });
    std::printf("%d runs; to load them, in the background: %.0f ms\n", count, load.wall);
    QTest::qWait(500); // what the window is told of them then
    for (const View& view : defaultViews()) {
        const auto paint = [&] {
            window.showView(view.id);
            (void)window.grab();
        };
        const Took first = timeOf(paint);
        window.showView(view.id == ViewId::welcome ? ViewId::runs : ViewId::welcome);
        QTest::qWait(50);
        const Took again = timeOf(paint);
        std::printf("%-12s first %6.0f ms (%4.0f computed), again %6.0f ms (%4.0f computed)\n",
                    qPrintable(viewKey(view.id)), first.wall, first.computed, again.wall,
                    again.computed);
    }
    window.showView(ViewId::sweet_spot);
    QTest::qWait(200);
    if (auto* page = window.findChild<SweetSpotPage*>()) {
        const auto all = moves(*page);
        double computed = 0;
        for (const Took& each : all) computed += each.computed / double(all.size());
        const double median = all[all.size() / 2].wall;
        std::printf("a move of a budget line: median %.1f ms, 95 %% below %.1f ms (%.0f a second), "
                    "%.1f ms computed\n",
                    median, all[all.size() * 95 / 100].wall, 1000 / median, computed);
    }
    return 0;
}
