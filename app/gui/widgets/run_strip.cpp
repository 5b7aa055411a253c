#include "app/gui/widgets/run_strip.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QFontMetricsF>
#include <QPaintEvent>
#include <QPainter>
#include <cmath>

// A sweep as a row of cells for every variant: what is done is quiet, what went wrong is loud, and
// where a sweep stands is seen without reading.

namespace sweetspot::gui {
namespace {

constexpr int head_height = 20, row_height = 22, cell_height = 18, state_count = 6;

}

QString runStateName(RunState state) {
    static const QString names[] = {QObject::tr("queued"), QObject::tr("running"),
                                    QObject::tr("done"),   QObject::tr("done, flagged"),
                                    QObject::tr("failed"), QObject::tr("will not fit")};
    return names[int(state)];
}

void drawRunState(QPainter& painter, const QRectF& box, RunState state) {
    const Theme& t = theme();
    const QPointF middle = box.center();
    switch (state) {
    case RunState::queued: drawBox(painter, box, 2.5, Qt::transparent, t.border_strong); break;
    case RunState::running:
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(t.accent, 2));
        painter.setBrush(t.accent_soft);
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 2.5, 2.5);
        painter.setPen(Qt::NoPen);
        painter.setBrush(t.accent);
        painter.drawEllipse(middle, 2.6, 2.6);
        break;
    case RunState::done: drawBox(painter, box, 2.5, t.done); break;
    case RunState::flagged:
        // Done all the same: on a busy machine nearly all are, and a wall of amber says nothing.
        drawBox(painter, box, 2.5, t.warn_soft, t.series[4]);
        painter.setPen(QPen(t.warn, 1.6, Qt::SolidLine, Qt::RoundCap));
        painter.drawLine(QPointF(middle.x(), box.top() + 4), QPointF(middle.x(), middle.y() + 1));
        painter.drawPoint(QPointF(middle.x(), box.bottom() - 4));
        break;
    case RunState::failed:
        drawBox(painter, box, 2.5, t.bad_soft, t.bad);
        drawIcon(painter, Icon::cross, QRectF(middle.x() - 5.5, middle.y() - 5.5, 11, 11), t.bad);
        break;
    case RunState::will_not_fit:
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(t.border_strong, 1));
        painter.drawLine(box.bottomLeft() + QPointF(3, -3), box.topRight() + QPointF(-3, 3));
        break;
    }
}

RunStrip::RunStrip(QWidget* parent) : CellGrid(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Run strip"));
}

void RunStrip::setRows(const QList<StripRow>& rows, const QStringList& groups) {
    rows_ = rows;
    widest_ = 0;
    for (const StripRow& row : rows_) widest_ = std::max(widest_, textWidth(uiFont(12), row.name));
    groups_ = groups.isEmpty() ? QStringList(QString()) : groups;
    setCurrent({-1, -1});
    updateGeometry();
}

void RunStrip::setState(int row, int cell, RunState state) {
    if (rows_.value(row).cells.size() <= cell) return;
    rows_[row].cells[cell] = state;
    update();
}

int RunStrip::perGroup() const {
    if (rows_.isEmpty()) return 1;
    return std::max(1, int((rows_[0].cells.size() + groups_.size() - 1) / groups_.size()));
}

double RunStrip::nameWidth() const {
    return std::clamp(widest_ + 16, 64, std::max(64, std::min(260, width() / 4)));
}

QRectF RunStrip::cellBox(int row, int cell) const {
    const int per = perGroup(), group = cell / per;
    const double left = nameWidth();
    const double wide =
        (width() - left - gap() * double(groups_.size() - 1)) / double(groups_.size());
    const double each = wide / per;
    return {left + group * (wide + gap()) + (cell % per) * each,
            double(head_height + row * row_height), each - (each > 8 ? 3 : 1), cell_height};
}

QPoint RunStrip::cellAt(QPointF place) const {
    for (int row = 0; row < rows_.size(); ++row)
        for (int cell = 0; cell < rows_[row].cells.size(); ++cell)
            if (cellBox(row, cell).adjusted(-1, -2, 2, 2).contains(place)) return {cell, row};
    return {-1, -1};
}

QSize RunStrip::sizeHint() const {
    return {640, head_height + int(std::max<qsizetype>(1, rows_.size())) * row_height};
}

QSize RunStrip::minimumSizeHint() const {
    const int cells = rows_.isEmpty() ? 0 : int(rows_[0].cells.size());
    return {80 + cells * 5 + int(groups_.size()) * int(gap()), sizeHint().height()};
}

void RunStrip::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    for (int group = 0; !rows_.isEmpty() && group < groups_.size(); ++group) {
        const QRectF first = cellBox(0, group * perGroup());
        const double wide = cellBox(0, group * perGroup() + perGroup() - 1).right() - first.left();
        painter.setFont(uiFont(11));
        painter.setPen(theme().text3);
        painter.drawText(
            QRectF(first.left(), 0, wide, 16), Qt::AlignVCenter,
            QFontMetricsF(painter.font()).elidedText(groups_[group], Qt::ElideRight, wide));
    }
    for (int row = 0; row < rows_.size(); ++row) {
        painter.setFont(uiFont(12));
        painter.setPen(theme().text2);
        const QRectF box(0, head_height + row * row_height, nameWidth() - 12, cell_height);
        painter.drawText(
            box, Qt::AlignVCenter,
            QFontMetricsF(painter.font()).elidedText(rows_[row].name, Qt::ElideRight, box.width()));
        for (int cell = 0; cell < rows_[row].cells.size(); ++cell) // of thousands few are seen
            if (event->rect().intersects(cellBox(row, cell).toAlignedRect()))
                drawCell(painter, row, cell);
    }
    if (hasFocus() && current().x() >= 0)
        drawFocusRing(painter, cellBox(current().y(), current().x()).adjusted(-2, -2, 2, 2), 4);
}

/// Its state, and where there is room and nothing else to say what it is.
void RunStrip::drawCell(QPainter& painter, int row, int cell) const {
    const QRectF box = cellBox(row, cell);
    const RunState state = rows_[row].cells[cell];
    drawRunState(painter, box, state);
    const QString label = rows_[row].labels.value(cell);
    const QFont font = numberFont(10);
    const bool flagged = state == RunState::flagged; // its mark stands in the middle
    if (label.isEmpty() || (state != RunState::queued && state != RunState::done && !flagged) ||
        textWidth(font, label) + (flagged ? 16 : 4) > (flagged ? box.width() / 2 : box.width()))
        return;
    painter.setFont(font);
    painter.setPen(state == RunState::done ? inkOn(theme().done) : theme().text3);
    painter.drawText(flagged ? box.adjusted(6, 0, 0, 0) : box,
                     flagged ? Qt::AlignLeft | Qt::AlignVCenter : Qt::AlignCenter, label);
}

QString RunStrip::tip(int row, int cell) const {
    const StripRow& told = rows_[row];
    return (describe_ ? describe_(row, cell) : told.name) + ": " + runStateName(told.cells[cell]);
}

RunStateLegend::RunStateLegend(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

QSize RunStateLegend::sizeHint() const {
    int width = -14;
    for (int i = 0; i < state_count; ++i)
        width += textWidth(uiFont(12), runStateName(RunState(i))) + 34;
    return {width, 20};
}

void RunStateLegend::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    double x = 0;
    for (int i = 0; i < state_count; ++i) {
        drawRunState(painter, QRectF(x, 3, 14, 14), RunState(i));
        const QString name = runStateName(RunState(i));
        painter.setFont(uiFont(12));
        painter.setPen(theme().text2);
        painter.drawText(QRectF(x + 20, 0, width(), 20), Qt::AlignVCenter, name);
        x += textWidth(painter.font(), name) + 34;
    }
}

} // namespace sweetspot::gui
