#include "app/gui/widgets/heat_map.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <cmath>

// Predictions at a glance: colour says how much, hatching says what will not fit, and the number is
// in the cell all the same.

namespace sweetspot::gui {
namespace {

constexpr double heads_height = 40;
constexpr double near_limit = 0.92;

void drawMisfit(QPainter& painter, const QRectF& box, const QString& text) {
    const Theme& t = theme();
    painter.save();
    QPainterPath clip;
    clip.addRoundedRect(box, 3, 3);
    painter.setClipPath(clip);
    painter.fillRect(box, t.bad_soft);
    painter.setPen(QPen(withAlpha(t.bad, 0.22), 1));
    for (double x = box.left() - box.height(); x < box.right(); x += 7)
        painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()));
    painter.restore();
    drawBox(painter, box, 3, Qt::transparent, withAlpha(t.bad, 0.55));

    // In a narrow cell the cross goes first: hatch, edge and colour still say it.
    const double words = textWidth(numberFont(12), text);
    const double cross = words + 24 <= box.width() ? 16 : 0;
    const double width = words + cross, left = box.center().x() - width / 2;
    drawBox(painter, QRectF(left - 3, box.center().y() - 9, width + 6, 18).intersected(box), 3,
            t.bad_soft);
    if (cross > 0)
        drawIcon(painter, Icon::cross, QRectF(left, box.center().y() - 6, 12, 12), t.bad, 1.6);
    painter.setPen(t.bad);
    painter.setFont(numberFont(12));
    painter.drawText(QRectF(left + cross, box.top(), words + 1, box.height()), Qt::AlignVCenter,
                     text);
}

} // namespace

HeatMap::HeatMap(QWidget* parent) : CellGrid(parent) {
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void HeatMap::setGrid(HeatGrid grid) {
    const bool same_shape = grid.rows == grid_.rows && grid.columns == grid_.columns;
    grid_ = std::move(grid);
    grid_.values.resize(size_t(grid_.rows.size() * grid_.columns.size()), std::nan(""));
    if (!same_shape) {
        CellGrid::setCurrent({-1, -1});
        updateGeometry();
    }
    update();
}

void HeatMap::setCurrent(QPoint cell) {
    if (cell == current()) return;
    CellGrid::setCurrent(cell);
    if (cell.x() >= 0)
        setAccessibleDescription(tr("%1 %2, %3 %4: %5")
                                     .arg(grid_.row_name, grid_.rows[cell.y()], grid_.column_name,
                                          grid_.columns[cell.x()],
                                          text(value(cell.y(), cell.x()))));
    emit hovered(cell.y(), cell.x());
}

QSize HeatMap::sizeHint() const {
    return {std::max(240, int(headWidth()) + int(grid_.columns.size()) * 72),
            int(heads_height) + int(grid_.rows.size()) * 40};
}

QSize HeatMap::minimumSizeHint() const {
    return {int(headWidth()) + int(grid_.columns.size()) * 44,
            int(heads_height) + int(grid_.rows.size()) * 24};
}

double HeatMap::headWidth() const {
    int widest = textWidth(uiFont(11, QFont::Medium), grid_.row_name);
    for (const QString& row : grid_.rows) widest = std::max(widest, textWidth(numberFont(12), row));
    return std::max(44, widest + 12);
}

QRectF HeatMap::cellBox(int row, int column) const {
    const double left = headWidth(), wide = (width() - left) / double(grid_.columns.size());
    const double high = (height() - heads_height) / double(grid_.rows.size());
    return QRectF(left + column * wide, heads_height + row * high, wide, high)
        .adjusted(1, 1, -1, -1);
}

QPoint HeatMap::cellAt(QPointF place) const {
    const double wide =
        (width() - headWidth()) / double(std::max<qsizetype>(1, grid_.columns.size()));
    const double high =
        (height() - heads_height) / double(std::max<qsizetype>(1, grid_.rows.size()));
    const int column = int(std::floor((place.x() - headWidth()) / wide));
    const int row = int(std::floor((place.y() - heads_height) / high));
    const bool inside =
        column >= 0 && row >= 0 && column < grid_.columns.size() && row < grid_.rows.size();
    return inside ? QPoint(column, row) : QPoint(-1, -1);
}

double HeatMap::value(int row, int column) const {
    return grid_.values[size_t(row * grid_.columns.size() + column)];
}

QString HeatMap::text(double value) const {
    if (std::isnan(value)) return QString(QChar(0x2013));
    if (grid_.format) return grid_.format(value);
    return QString::number(value, 'f', value < 99.95 ? 1 : 0);
}

void HeatMap::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    drawHeads(painter);
    for (int row = 0; row < grid_.rows.size(); ++row)
        for (int column = 0; column < grid_.columns.size(); ++column)
            drawCell(painter, row, column);
    if (current().x() < 0) return;
    const QRectF box = cellBox(current().y(), current().x());
    if (hasFocus())
        drawFocusRing(painter, box, 3);
    else {
        painter.setPen(QPen(theme().text, 1.6));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(box, 3, 3);
    }
}

void HeatMap::drawHeads(QPainter& painter) const {
    const double left = headWidth();
    painter.setFont(uiFont(11, QFont::Medium));
    painter.setPen(theme().text3);
    painter.drawText(QRectF(left, 0, width() - left, 18), Qt::AlignVCenter, grid_.column_name);
    painter.drawText(QRectF(0, 18, left, 18), Qt::AlignVCenter, grid_.row_name);
    painter.setFont(numberFont(12));
    for (int column = 0; column < grid_.columns.size(); ++column) {
        const QRectF box = cellBox(0, column);
        painter.setPen(column == current().x() ? theme().text : theme().text2);
        painter.drawText(QRectF(box.left(), 18, box.width(), 18), Qt::AlignCenter,
                         grid_.columns[column]);
    }
    for (int row = 0; row < grid_.rows.size(); ++row) {
        const QRectF box = cellBox(row, 0);
        painter.setPen(row == current().y() ? theme().text : theme().text2);
        painter.drawText(QRectF(0, box.top(), left - 12, box.height()),
                         Qt::AlignRight | Qt::AlignVCenter, grid_.rows[row]);
    }
}

void HeatMap::drawCell(QPainter& painter, int row, int column) const {
    const double v = value(row, column);
    const QRectF box = cellBox(row, column);
    if (grid_.limit > 0 && v > grid_.limit) return drawMisfit(painter, box, text(v));
    double most = grid_.limit;
    if (most <= 0)
        for (const double other : grid_.values)
            most = std::max(most, std::isnan(other) ? 0 : other);
    const QColor fill = std::isnan(v)
                            ? theme().inset
                            : along(theme().heat, std::pow(std::max(0.0, v - grid_.low) /
                                                               std::max(most - grid_.low, 1e-300),
                                                           0.8));
    const QColor ink = std::isnan(v) ? theme().text3 : inkOn(fill);
    drawBox(painter, box, 3, fill);
    painter.setPen(ink);
    painter.setFont(numberFont(12, QFont::Medium));
    painter.drawText(box, Qt::AlignCenter, text(v));
    if (grid_.limit > 0 && v > near_limit * grid_.limit) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(ink);
        const QPointF corner(box.right() - 2, box.top() + 2);
        painter.drawPolygon(QPolygonF({corner - QPointF(7, 0), corner, corner + QPointF(0, 7)}));
    }
}

void HeatMap::mouseMoveEvent(QMouseEvent* event) {
    const QPoint cell = cellAt(event->position());
    if (cell.x() >= 0) setCurrent(cell);
}

QString HeatMap::tip(int row, int column) const {
    const size_t index = size_t(row * grid_.columns.size() + column);
    return index < grid_.notes.size() ? grid_.notes[index] : QString();
}

} // namespace sweetspot::gui
