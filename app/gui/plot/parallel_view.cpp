#include "app/gui/plot/parallel_view.h"
#include "app/analysis/csv.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QBuffer>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QDir>
#include <QFileDialog>
#include <QGuiApplication>
#include <QMenu>
#include <QMouseEvent>
#include <QPageSize>
#include <QPainter>
#include <QPainterPath>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSettings>
#include <QSvgGenerator>
#include <QToolTip>
#include <algorithm>
#include <cmath>

// Parallel coordinates by QPainter: QCustomPlot has no axes that stand beside each other. Where
// runs lie on the axes is app/analysis's (parallel.h).

namespace sweetspot::gui {
namespace {

constexpr double side = 64, head = 44, foot = 14; // pixels around the axes
constexpr double reach = 8;                       // of an axis or a line
constexpr double least_step = 58;                 // between two axes, or nobody can read them

} // namespace

ParallelView::ParallelView(QWidget* parent) : QWidget(parent) {
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setMinimumHeight(170);
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Runs across several axes"));
}

void ParallelView::setPlot(ParallelPlot plot) {
    std::vector<Range> ranges(plot.axes.size());
    for (std::size_t i = 0; i < ranges.size(); ++i)
        for (std::size_t j = 0; j < ranges_.size(); ++j)
            if (plot.axes[i].axis.name == plot_.axes[j].axis.name) ranges[i] = ranges_[j];
    plot_ = std::move(plot);
    ranges_ = std::move(ranges);
    hovered_ = 0;
    held_ = -1;
    setMinimumWidth(int(2 * side + least_step * std::max(0.0, double(plot_.axes.size()) - 1)));
    update();
}

void ParallelView::setSelected(const QSet<qint64>& ids) {
    selected_ = ids;
    update();
}

void ParallelView::keep(int axis, Range range) {
    ranges_.at(std::size_t(axis)) = range;
    update();
}

bool ParallelView::isKept(const ParallelLine& line) const {
    for (std::size_t i = 0; i < ranges_.size(); ++i)
        if (ranges_[i] && !(line.at[i] >= ranges_[i]->first && line.at[i] <= ranges_[i]->second))
            return false;
    return true;
}

QList<qint64> ParallelView::kept() const {
    QList<qint64> ids;
    for (const ParallelLine& line : plot_.lines)
        if (isKept(line)) ids << line.id;
    return ids;
}

QPointF ParallelView::place(int axis, double at) const {
    const double step = (width() - 2 * side) / std::max<double>(1, double(plot_.axes.size()) - 1);
    return {side + axis * step, height() - foot - at * (height() - head - foot)};
}

double ParallelView::heightOf(QPointF at) const {
    return std::clamp((height() - foot - at.y()) / (height() - head - foot), 0.0, 1.0);
}

int ParallelView::axisAt(QPointF at) const {
    for (int i = 0; i < int(plot_.axes.size()); ++i)
        if (std::abs(place(i, 0).x() - at.x()) <= reach) return i;
    return -1;
}

/// The kept line that passes nearest.
const ParallelLine* ParallelView::lineAt(QPointF at) const {
    const ParallelLine* nearest = nullptr;
    double least = reach;
    for (int i = 0; i + 1 < int(plot_.axes.size()); ++i) {
        const double left = place(i, 0).x(), right = place(i + 1, 0).x();
        if (at.x() < left || at.x() > right) continue;
        const double share = (at.x() - left) / (right - left);
        for (const ParallelLine& line : plot_.lines) {
            if (!isKept(line)) continue;
            const double y = std::lerp(place(i, line.at[std::size_t(i)]).y(),
                                       place(i + 1, line.at[std::size_t(i) + 1]).y(), share);
            if (std::abs(y - at.y()) < least) least = std::abs(y - at.y()), nearest = &line;
        }
    }
    return nearest;
}

void ParallelView::drawLine(QPainter& painter, const ParallelLine& line) const {
    QPainterPath path;
    bool inside = false; // a value that a run does not have leaves a gap
    for (int i = 0; i < int(plot_.axes.size()); ++i) {
        const double at = line.at[std::size_t(i)];
        if (std::isnan(at))
            inside = false;
        else if (std::exchange(inside, true))
            path.lineTo(place(i, at));
        else
            path.moveTo(place(i, at));
    }
    painter.drawPath(path);
}

void ParallelView::drawAxis(QPainter& painter, int axis) const {
    const ParallelAxis& shown = plot_.axes[std::size_t(axis)];
    const QPointF top = place(axis, 1), bottom = place(axis, 0);
    painter.setPen(QPen(theme().border_strong, 1.4));
    painter.drawLine(top, bottom);
    if (const Range& range = ranges_[std::size_t(axis)]) {
        const QPointF low = place(axis, range->first), high = place(axis, range->second);
        drawBox(painter, QRectF(high.x() - 5, high.y(), 10, std::max(2.0, low.y() - high.y())), 2,
                withAlpha(theme().accent, 0.3), theme().accent);
    }
    const bool last = axis + 1 == int(plot_.axes.size()) && axis > 0;
    const Qt::Alignment beside = (last ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter;
    painter.setFont(uiFont(11));
    for (const PlotTick& tick : shown.ticks) {
        const QPointF at = place(axis, tick.value);
        const QString text = QString::fromStdString(tick.label);
        const double wide = textWidth(painter.font(), text) + 4;
        const QRectF box(last ? at.x() - 6 - wide : at.x() + 6, at.y() - 8, wide, 16);
        painter.fillRect(box, withAlpha(theme().surface, 0.75));
        painter.setPen(theme().text2);
        painter.drawText(box, beside, text);
    }
    const double wide = plot_.axes.size() > 1 ? place(1, 1).x() - place(0, 1).x() - 8 : width();
    const auto write = [&](const QString& text, double y, const QFont& font, const QColor& ink) {
        painter.setFont(font);
        painter.setPen(ink);
        const double room = std::min(wide, 2 * std::min(top.x(), width() - top.x()));
        painter.drawText(QRectF(top.x() - room / 2, y, room, 16), Qt::AlignCenter,
                         QFontMetrics(font).elidedText(text, Qt::ElideRight, int(room)));
    };
    write(QString::fromStdString(shown.axis.title), 2, uiFont(12, QFont::DemiBold), theme().text);
    QString unit = QString::fromStdString(shown.axis.unit);
    if (shown.axis.scale != PlotScale::linear) unit += unit.isEmpty() ? tr("log") : tr(", log");
    write(unit, 18, uiFont(11), theme().text3);
}

void ParallelView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (plot_.axes.empty() || plot_.lines.empty()) {
        painter.setFont(uiFont(13));
        painter.setPen(theme().text3);
        painter.drawText(rect(), Qt::AlignCenter, tr("No run that is shown has finished."));
        return;
    }
    painter.setBrush(Qt::NoBrush);
    const double alpha = std::clamp(30.0 / double(plot_.lines.size()), 0.15, 0.9);
    for (const bool kept : {false, true})
        for (const ParallelLine& line : plot_.lines) {
            if (isKept(line) != kept || selected_.contains(line.id) || line.id == hovered_)
                continue;
            const double shade = line.at.back();
            const QColor colour = std::isnan(shade) ? theme().neutral : along(theme().ramp, shade);
            painter.setPen(QPen(kept ? withAlpha(colour, alpha) : withAlpha(theme().grid, 0.5),
                                kept ? 1.4 : 1));
            drawLine(painter, line);
        }
    for (const ParallelLine& line : plot_.lines)
        if (selected_.contains(line.id) || line.id == hovered_) {
            painter.setPen(QPen(selected_.contains(line.id) ? theme().accent : theme().text, 2.4));
            drawLine(painter, line);
        }
    for (int i = 0; i < int(plot_.axes.size()); ++i) drawAxis(painter, i);
}

void ParallelView::mousePressEvent(QMouseEvent* event) {
    held_ = axisAt(event->position());
    pressed_ = event->position();
}

void ParallelView::mouseMoveEvent(QMouseEvent* event) {
    if (held_ >= 0 && event->buttons() != Qt::NoButton) {
        const double from = heightOf(pressed_), to = heightOf(event->position());
        return keep(held_, std::minmax(from, to));
    }
    setCursor(axisAt(event->position()) >= 0 ? Qt::SplitVCursor : Qt::ArrowCursor);
    point(lineAt(event->position()), event->globalPosition().toPoint());
}

/// Names a line, or none.
void ParallelView::point(const ParallelLine* line, QPoint at) {
    const QString words = line && describe_ ? describe_(line->id) : QString();
    if (words.isEmpty())
        QToolTip::hideText();
    else
        QToolTip::showText(at, words, this);
    setAccessibleDescription(words);
    if (std::exchange(hovered_, line ? line->id : 0) != hovered_) update();
}

void ParallelView::keyPressEvent(QKeyEvent* event) {
    const QList<qint64> ids = kept();
    const int step = event->key() == Qt::Key_Down ? 1 : event->key() == Qt::Key_Up ? -1 : 0;
    if (event->key() == Qt::Key_Return && hovered_) return emit lineClicked(hovered_);
    if (event->key() == Qt::Key_Escape && hovered_) return point(nullptr, {});
    if (!step || ids.isEmpty()) return QWidget::keyPressEvent(event);
    const qsizetype at = ids.indexOf(hovered_);
    const qint64 next = at < 0 ? (step > 0 ? ids.front() : ids.back())
                               : ids[std::clamp<qsizetype>(at + step, 0, ids.size() - 1)];
    const auto line = std::ranges::find(plot_.lines, next, &ParallelLine::id);
    const double height = std::isnan(line->at.front()) ? 0 : line->at.front();
    point(&*line, mapToGlobal(place(0, height).toPoint()));
}

void ParallelView::contextMenuEvent(QContextMenuEvent* event) {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    connect(menu->addAction(tr("Copy values")), &QAction::triggered, this,
            [this] { QGuiApplication::clipboard()->setText(values()); });
    menu->addSeparator();
    addExports(*menu);
    menu->popup(event->globalPos());
}

void ParallelView::addExports(QMenu& menu) {
    for (const char* suffix : {"png", "svg", "pdf", "csv"})
        connect(menu.addAction(tr("Export as %1…").arg(QString(suffix).toUpper())),
                &QAction::triggered, this, [this, suffix] { askAndExport(suffix); });
}

void ParallelView::askAndExport(const QString& suffix) {
    QSettings settings;
    const QString folder = settings.value("export/folder", QDir::homePath()).toString();
    QString name = export_name_.isEmpty() ? tr("parallel") : export_name_;
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Export the plot"),
        QString("%1/%2.%3").arg(folder, name.replace('/', '-'), suffix), "*." + suffix);
    if (path.isEmpty()) return;
    settings.setValue("export/folder", QFileInfo(path).absolutePath());
    const QString full = path.endsWith('.' + suffix) ? path : path + '.' + suffix;
    const QString problem = exportTo(full);
    emit exported(problem.isEmpty() ? tr("The plot was written to %1.").arg(full) : problem,
                  problem.isEmpty());
}

QString ParallelView::valueOf(const ParallelAxis& axis, double at) const {
    if (std::isnan(at)) return {};
    if (axis.low == axis.high) at = 0;
    const double value = axis.axis.scale == PlotScale::linear
                             ? std::lerp(axis.low, axis.high, at)
                             : axis.low * std::pow(axis.high / axis.low, at);
    if (const auto& names = axis.axis.categories; !names.empty())
        return QString::fromStdString(csv_cell(names[std::size_t(std::lround(value))]));
    return QString::number(value, 'g', 9);
}

QString ParallelView::values() const {
    QStringList lines, head{"run"};
    for (const ParallelAxis& axis : plot_.axes)
        head << QString::fromStdString(csv_cell(axis_title(axis.axis)));
    lines << head.join(',');
    for (const ParallelLine& line : plot_.lines) {
        if (!isKept(line)) continue;
        QStringList cells{QString::number(line.id)};
        for (std::size_t i = 0; i < plot_.axes.size(); ++i)
            cells << valueOf(plot_.axes[i], line.at[i]);
        lines << cells.join(',');
    }
    return lines.join("\r\n") + "\r\n";
}

QString ParallelView::exportTo(const QString& path) {
    const QString kind = QFileInfo(path).suffix().toLower();
    QBuffer buffer;
    buffer.open(QIODevice::WriteOnly);
    constexpr int scale = 2;
    const auto draw = [&](QPaintDevice& device, double factor) {
        QPainter painter(&device);
        painter.scale(factor, factor);
        painter.fillRect(rect(), theme().surface);
        render(&painter, {}, {}, QWidget::DrawChildren);
    };
    if (kind == "csv") {
        buffer.write(values().toUtf8());
    } else if (kind == "svg") {
        QSvgGenerator generator;
        generator.setOutputDevice(&buffer);
        generator.setSize(size());
        generator.setViewBox(rect());
        generator.setTitle(export_name_);
        draw(generator, 1);
    } else if (kind == "pdf") {
        QPdfWriter writer(&buffer);
        writer.setResolution(72);
        writer.setPageMargins(QMarginsF());
        writer.setPageSize(QPageSize(QSizeF(size()), QPageSize::Point));
        writer.setTitle(export_name_);
        draw(writer, 1);
    } else {
        QImage image(size() * scale, QImage::Format_ARGB32_Premultiplied);
        image.setText("Title", export_name_);
        draw(image, scale);
        image.save(&buffer, "PNG");
    }
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(buffer.data()) != buffer.size() ||
        !file.commit())
        return tr("%1 cannot be written: %2.").arg(path, file.errorString());
    return {};
}

void ParallelView::mouseReleaseEvent(QMouseEvent* event) {
    const int axis = std::exchange(held_, -1);
    if ((event->position() - pressed_).manhattanLength() >= 4) return;
    if (axis >= 0) return keep(axis, std::nullopt);
    if (const ParallelLine* line = lineAt(event->position())) emit lineClicked(line->id);
}

void ParallelView::mouseDoubleClickEvent(QMouseEvent*) {
    for (Range& range : ranges_) range.reset();
    update();
}

void ParallelView::leaveEvent(QEvent*) {
    if (std::exchange(hovered_, 0)) update();
}

} // namespace sweetspot::gui
