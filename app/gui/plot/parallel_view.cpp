#include "app/gui/plot/parallel_view.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>
#include <algorithm>
#include <cmath>

// Parallel coordinates by QPainter: QCustomPlot has no axes that stand beside each other. Where
// runs lie on the axes is app/analysis's (parallel.h).

namespace sweetspot::gui {
namespace {

constexpr double side = 64, head = 44, foot = 14; // pixels around the axes
constexpr double reach = 8;                       // of an axis or a line

} // namespace

ParallelView::ParallelView(QWidget* parent) : QWidget(parent) {
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setMinimumHeight(170);
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
    const ParallelLine* line = lineAt(event->position());
    if (line && describe_)
        QToolTip::showText(event->globalPosition().toPoint(), describe_(line->id), this);
    else
        QToolTip::hideText();
    if (std::exchange(hovered_, line ? line->id : 0) != hovered_) update();
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
