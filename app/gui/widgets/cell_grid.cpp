#include "app/gui/widgets/cell_grid.h"
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QToolTip>
#include <algorithm>

namespace sweetspot::gui {

CellGrid::CellGrid(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
}

void CellGrid::setCurrent(QPoint cell) {
    current_ = cell;
    update();
}

void CellGrid::mousePressEvent(QMouseEvent* event) {
    const QPoint cell = cellAt(event->position());
    if (cell.x() < 0) return;
    setCurrent(cell);
    emit activated(cell.y(), cell.x());
}

void CellGrid::keyPressEvent(QKeyEvent* event) {
    if (rows() == 0) return QWidget::keyPressEvent(event);
    QPoint step;
    switch (event->key()) {
    case Qt::Key_Left: step = {-1, 0}; break;
    case Qt::Key_Right: step = {1, 0}; break;
    case Qt::Key_Up: step = {0, -1}; break;
    case Qt::Key_Down: step = {0, 1}; break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (current_.x() >= 0) emit activated(current_.y(), current_.x());
        return;
    default: return QWidget::keyPressEvent(event);
    }
    const QPoint to = current_.x() < 0 ? QPoint(0, 0) : current_ + step;
    const int row = std::clamp(to.y(), 0, rows() - 1);
    setCurrent({std::clamp(to.x(), 0, std::max(0, columns(row) - 1)), row});
}

bool CellGrid::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    auto* help = static_cast<QHelpEvent*>(event);
    const QPoint cell = cellAt(help->pos());
    const QString words = cell.x() < 0 ? QString() : tip(cell.y(), cell.x());
    if (!words.isEmpty()) QToolTip::showText(help->globalPos(), words, this);
    return true;
}

} // namespace sweetspot::gui
