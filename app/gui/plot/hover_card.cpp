#include "app/gui/plot/hover_card.h"
#include "app/gui/widgets/text.h"
#include <QPainter>

namespace sweetspot::gui {

HoverCard::HoverCard(QWidget* parent) : QWidget(parent) {
    setAttribute(Qt::WA_TransparentForMouseEvents);
    hide();
}

void HoverCard::tell(const QString& title, const QList<Line>& lines) {
    title_ = title;
    lines_ = lines;
    int width = textWidth(uiFont(12, QFont::DemiBold), title) + 20;
    for (const Line& line : lines)
        width = std::max(width, textWidth(uiFont(12), line.name) +
                                    textWidth(numberFont(12), line.value) + 54);
    resize(width, 32 + int(lines.size()) * 18);
    show();
    update();
}

void HoverCard::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawBox(painter, rect(), 6, theme().surface, theme().border_mid);
    painter.setFont(uiFont(12, QFont::DemiBold));
    painter.setPen(theme().text);
    painter.drawText(QRectF(10, 4, width(), 20), Qt::AlignVCenter, title_);
    double y = 26;
    for (const Line& line : lines_) {
        drawMarker(painter, line.marker, {15, y + 8}, line.colour);
        painter.setFont(uiFont(12));
        painter.setPen(theme().text2);
        painter.drawText(QRectF(26, y, width(), 16), Qt::AlignVCenter, line.name);
        painter.setFont(numberFont(12));
        painter.setPen(theme().text);
        painter.drawText(QRectF(0, y, width() - 10, 16), Qt::AlignVCenter | Qt::AlignRight,
                         line.value);
        y += 18;
    }
}

} // namespace sweetspot::gui
