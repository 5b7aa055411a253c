#include "app/gui/plot/hover_card.h"
#include "app/gui/widgets/text.h"
#include <QPainter>

namespace sweetspot::gui {
namespace {

constexpr int line_height = 18, head_height = 32, margin = 10, widest_note = 360;

QRect boxOfNote(const QString& note, int width) {
    return QFontMetrics(uiFont(12))
        .boundingRect(QRect(0, 0, width, 10'000), Qt::TextWordWrap, note);
}

} // namespace

HoverCard::HoverCard(QWidget* parent) : QWidget(parent) {
    setAttribute(Qt::WA_TransparentForMouseEvents);
    hide();
}

void HoverCard::tell(const QString& title, const QList<Line>& lines, const QString& note) {
    title_ = title;
    lines_ = lines;
    note_ = note;
    int width = textWidth(uiFont(12, QFont::DemiBold), title) + 2 * margin;
    for (const Line& line : lines)
        width = std::max(width, textWidth(uiFont(12), line.name) +
                                    textWidth(numberFont(12), line.value) + 54);
    int height = head_height + int(lines.size()) * line_height;
    if (!note.isEmpty()) {
        width = std::max(width, boxOfNote(note, widest_note).width() + 2 * margin + 1);
        height += boxOfNote(note, width - 2 * margin).height() + (lines.isEmpty() ? 2 : 6);
    }
    resize(width, height);
    show();
    update();
}

void HoverCard::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawBox(painter, rect(), 6, theme().surface, theme().border_mid);
    painter.setFont(uiFont(12, QFont::DemiBold));
    painter.setPen(theme().text);
    painter.drawText(QRectF(margin, 4, width(), 20), Qt::AlignVCenter, title_);
    double y = 26;
    for (const Line& line : lines_) {
        drawMarker(painter, line.marker, {15, y + 8}, line.colour);
        painter.setFont(uiFont(12));
        painter.setPen(theme().text2);
        painter.drawText(QRectF(26, y, width(), 16), Qt::AlignVCenter, line.name);
        painter.setFont(numberFont(12));
        painter.setPen(theme().text);
        painter.drawText(QRectF(0, y, width() - margin, 16), Qt::AlignVCenter | Qt::AlignRight,
                         line.value);
        y += line_height;
    }
    if (note_.isEmpty()) return;
    painter.setFont(uiFont(12));
    painter.setPen(theme().text2);
    painter.drawText(QRectF(margin, y, width() - 2 * margin, height()), Qt::TextWordWrap, note_);
}

} // namespace sweetspot::gui
