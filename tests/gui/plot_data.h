#pragma once
#include "app/analysis/plot.h"
#include <QTest>
#include <QWidget>

namespace sweetspot::gui {

/// On the screen, at a size that tests count pixels by.
inline void show(QWidget& widget) {
    widget.resize(600, 400);
    widget.show();
    widget.activateWindow();
    QVERIFY(QTest::qWaitForWindowExposed(&widget));
}

/// Peak memory over lengths of two variants, one of which does not fit at the end.
inline PlotSpec memorySpec() {
    PlotSpec spec;
    spec.x = {
        .name = "sequence", .title = "Sequence length", .unit = "tokens", .scale = PlotScale::log2};
    spec.y = {.name = "peak_bytes", .title = "Peak memory", .unit = "GiB", .from_zero = true};
    spec.limits = {{.name = "device memory 23.6 GiB", .value = 23.6}};
    PlotSeries naive;
    naive.name = "naive";
    naive.slot = 1;
    naive.x = {128, 256, 512};
    naive.y = {3.5, 6.1, 13.7};
    naive.ids = {11, 12, 13};
    naive.misfit_x = {1024};
    PlotSeries flash;
    flash.name = "flash";
    flash.x = {128, 256, 512, 1024};
    flash.y = {3.2, 4.6, 7.4, 12.8};
    flash.lo = {3.1, 4.5, 7.2, 12.5};
    flash.hi = {3.3, 4.7, 7.6, 13.1};
    flash.ids = {21, 22, 23, 24};
    spec.series = {naive, flash};
    return spec;
}

} // namespace sweetspot::gui
