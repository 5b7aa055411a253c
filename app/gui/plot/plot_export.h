#pragma once
#include "app/analysis/plot.h"
#include <QSet>
#include <QSize>
#include <QString>

namespace sweetspot::gui {

/// One or more plots side by side, as they go into a file.
struct PlotSheet {
    struct Plot {
        PlotSpec spec;
        PlotRange range;
    };
    QString title;  ///< above all plots, and in the file's metadata
    QString footer; ///< below them: the hash of the spec, the machine, the date
    std::vector<Plot> plots;
    QSet<QString> hidden;  ///< names not drawn
    QSize size{1000, 560}; ///< in points of a screen, 96 to an inch
    int dpi = 192;         ///< of PNG
    bool light = false;    ///< the light theme, whatever is on screen
};

/// Writes a sheet as PNG, SVG or PDF, as the path ends. Answers what went wrong
/// in a sentence, or nothing. Nothing is left behind where it fails.
QString exportPlots(const PlotSheet& sheet, const QString& path);

} // namespace sweetspot::gui
