#include "app/gui/plot/plot_export.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_scene.h"
#include "app/gui/widgets/text.h"
#include <QBuffer>
#include <QFileInfo>
#include <QPageSize>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>
#include <cmath>
#include <qcustomplot.h>

// A picture of plots for a paper or a chat: what is on screen, with its title, legend and units, as
// pixels or vectors. It is drawn anew, not photographed, so that its size and theme are its own.

namespace sweetspot::gui {
namespace {

constexpr int margin = 20, gap = 24, line = 22;
constexpr double points_per_inch = 96;

/// Draws the words of a sheet, and answers the room left for its plots.
QRect drawFrame(QPainter& painter, const PlotSheet& sheet, const Theme& theme) {
    painter.fillRect(QRect(QPoint(), sheet.size), theme.surface);
    QRect room = QRect(QPoint(), sheet.size).adjusted(margin, 14, -margin, -12);
    const auto write = [&](const QString& text, const QFont& font, const QColor& colour, int y) {
        painter.setFont(font);
        painter.setPen(colour);
        painter.drawText(QRect(room.left(), y, room.width(), line), Qt::AlignVCenter, text);
    };
    if (!sheet.title.isEmpty()) {
        write(sheet.title, uiFont(14, QFont::DemiBold), theme.text, room.top());
        room.setTop(room.top() + line + 4);
    }
    if (!sheet.footer.isEmpty()) {
        write(sheet.footer, uiFont(11), theme.text3, room.bottom() - line + 1);
        room.setBottom(room.bottom() - line);
    }
    int x = room.left(), y = room.top();
    const QFont font = uiFont(12);
    std::vector<PlotSpec> specs;
    for (const PlotSheet::Plot& plot : sheet.plots) specs.push_back(plot.spec);
    for (const LegendEntry& entry : legend_of(specs)) {
        const QString name = QString::fromStdString(entry.name);
        if (sheet.hidden.contains(name)) continue;
        const int width = 26 + textWidth(font, name);
        if (x > room.left() && x + width > room.right()) x = room.left(), y += line;
        drawLegendKey(painter, QPointF(x, y + line / 2.0), entry, theme);
        painter.setFont(font);
        painter.setPen(theme.text2);
        painter.drawText(QRect(x + 26, y, width, line), Qt::AlignVCenter, name);
        x += width + 16;
    }
    if (x > room.left()) y += line + 4;
    room.setTop(y);
    return room;
}

void drawPlot(QCPPainter& painter, const PlotSheet::Plot& plot, const QSet<QString>& hidden,
              const QRect& room, const Theme& theme) {
    QCustomPlot canvas;
    PlotScene scene(canvas);
    scene.build(plot.spec, theme);
    scene.hide(hidden);
    scene.setRange(plot.range);
    painter.save();
    painter.translate(room.topLeft());
    int top = 0;
    if (!plot.spec.title.empty()) {
        painter.setFont(uiFont(12, QFont::DemiBold));
        painter.setPen(theme.text2);
        painter.drawText(QRect(0, 0, room.width(), line), Qt::AlignVCenter,
                         QString::fromStdString(plot.spec.title));
        top = line;
        painter.translate(0, top);
    }
    canvas.toPainter(&painter, room.width(), room.height() - top);
    painter.restore();
}

bool drawSheet(QPaintDevice& device, const PlotSheet& sheet, double scale, bool vectors) {
    const Theme theme = sheet.light ? lightTheme() : gui::theme();
    QCPPainter painter;
    if (!painter.begin(&device)) return false;
    if (vectors) painter.setModes(QCPPainter::pmVectorized | QCPPainter::pmNoCaching);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.scale(scale, scale);
    const QRect room = drawFrame(painter, sheet, theme);
    const int count = int(sheet.plots.size());
    const int width = count ? (room.width() - (count - 1) * gap) / count : 0;
    for (int i = 0; i < count; ++i)
        drawPlot(painter, sheet.plots[size_t(i)], sheet.hidden,
                 QRect(room.left() + i * (width + gap), room.top(), width, room.height()), theme);
    return painter.end();
}

bool writePng(QIODevice& file, const PlotSheet& sheet) {
    const double dots = sheet.dpi / points_per_inch;
    QImage image((QSizeF(sheet.size) * dots).toSize(), QImage::Format_ARGB32_Premultiplied);
    image.setDotsPerMeterX(qRound(sheet.dpi / 0.0254));
    image.setDotsPerMeterY(qRound(sheet.dpi / 0.0254));
    image.setText("Title", sheet.title);
    image.setText("Description", sheet.footer);
    return drawSheet(image, sheet, dots, false) && image.save(&file, "PNG");
}

bool writeSvg(QIODevice& file, const PlotSheet& sheet) {
    QSvgGenerator generator;
    generator.setOutputDevice(&file);
    generator.setSize(sheet.size);
    generator.setViewBox(QRect(QPoint(), sheet.size));
    generator.setTitle(sheet.title);
    generator.setDescription(sheet.footer);
    return drawSheet(generator, sheet, 1, true);
}

bool writePdf(QIODevice& file, const PlotSheet& sheet) {
    constexpr int dots_per_point = 4;
    QPdfWriter writer(&file);
    writer.setResolution(72 * dots_per_point);
    writer.setPageMargins(QMarginsF());
    writer.setPageSize(QPageSize(QSizeF(sheet.size) * 0.75, QPageSize::Point));
    writer.setTitle(sheet.title);
    writer.setCreator("Sweetspot");
    return drawSheet(writer, sheet, 0.75 * dots_per_point, true);
}

} // namespace

QString exportPlots(const PlotSheet& sheet, const QString& path) {
    const QString kind = QFileInfo(path).suffix().toLower();
    if (kind != "png" && kind != "svg" && kind != "pdf")
        return QObject::tr("%1 is neither .png, .svg nor .pdf, so nothing was written.").arg(path);
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly))
        return QObject::tr("%1 cannot be written: %2.").arg(path, file.errorString());
    QBuffer buffer; // the writers do not say when a disk is full
    buffer.open(QIODevice::WriteOnly);
    const bool drawn = kind == "png"   ? writePng(buffer, sheet)
                       : kind == "svg" ? writeSvg(buffer, sheet)
                                       : writePdf(buffer, sheet);
    if (!drawn) return QObject::tr("The plot could not be drawn into %1.").arg(path);
    if (file.write(buffer.data()) != buffer.size() || !file.commit())
        return QObject::tr("%1 could not be written: %2.").arg(path, file.errorString());
    return {};
}

} // namespace sweetspot::gui
