// How fast a plot of a million samples pans, offscreen: frames per second of whole replots.
#include "app/gui/plot/plot_view.h"
#include "app/gui/theme/theme.h"
#include <QApplication>
#include <QElapsedTimer>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <qcustomplot.h>
#include <random>

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

PlotSpec noisyWave(int samples) {
    std::mt19937 random(7);
    std::normal_distribution<double> noise(0, 0.1);
    PlotSeries series;
    series.name = "samples";
    for (int i = 0; i < samples; ++i) {
        series.x.push_back(i);
        series.y.push_back(1 + 0.5 * std::sin(i * 1e-4) + noise(random));
    }
    PlotSpec spec;
    spec.x = {.name = "sample", .title = "Sample"};
    spec.y = {.name = "step_seconds", .title = "Time per step", .unit = "ms"};
    spec.series = {series};
    return spec;
}

/// The median time of a frame while the view moves by a hundredth of its width each.
double medianFrameSeconds(PlotView& view, double width_shown) {
    const PlotRange all = view.fullRange();
    const double width = (all.x_high - all.x_low) * width_shown;
    std::vector<double> seconds;
    for (int frame = 0; frame < 60; ++frame) {
        const double from = all.x_low + width * 0.01 * frame;
        view.setRange(PlotRange{from, from + width, all.y_low, all.y_high});
        QElapsedTimer timer;
        timer.start();
        view.canvas()->replot(QCustomPlot::rpImmediateRefresh);
        QCoreApplication::processEvents();
        seconds.push_back(double(timer.nsecsElapsed()) * 1e-9);
    }
    std::nth_element(seconds.begin(), seconds.begin() + 30, seconds.end());
    return seconds[30];
}

} // namespace

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    applyTheme(lightTheme());
    PlotView view;
    view.resize(800, 400);
    view.show();
    double slowest = 1e9;
    for (const int samples : {1000, 100000, 1000000}) {
        view.setSpec(noisyWave(samples));
        QCoreApplication::processEvents();
        for (const double shown : {1.0, 0.1}) {
            const double frames = 1 / medianFrameSeconds(view, shown);
            std::printf("%8d samples, %3.0f %% in view: %7.1f frames/s\n", samples, shown * 100,
                        frames);
            slowest = std::min(slowest, frames);
        }
    }
    std::printf("slowest %.1f frames/s, at least 30 wanted\n", slowest);
    return slowest >= 30 ? 0 : 1;
}
