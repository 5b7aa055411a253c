#include "app/gui/widgets/share_bars.h"
#include "app/gui/widgets/text.h"
#include <QPainter>
#include <algorithm>
#include <cmath>

namespace sweetspot::gui {

namespace {
constexpr int line_height = 34, text_height = 20, bar_height = 6;
}

ShareBars::ShareBars(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void ShareBars::setBars(const QList<Bar>& bars) {
    bars_ = bars;
    QStringList words;
    for (const Bar& bar : bars_) words << bar.name + ' ' + bar.number;
    setAccessibleName(words.join("; "));
    updateGeometry();
    update();
}

QSize ShareBars::sizeHint() const {
    return {300, int(bars_.size()) * line_height};
}

void ShareBars::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const QFont name_font = uiFont(12, QFont::DemiBold), number_font = numberFont(12);
    double largest = 0.01;
    for (const Bar& bar : bars_) largest = std::max(largest, std::abs(bar.share));
    double y = 0;
    for (const Bar& bar : bars_) {
        const QRectF line(0, y, width(), text_height);
        const int number_width = textWidth(number_font, bar.number) + 8;
        const int room = width() - number_width;
        const QString name = QFontMetricsF(name_font).elidedText(bar.name, Qt::ElideRight, room);
        painter.setFont(name_font);
        painter.setPen(theme().text);
        painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter, name);
        const int used = textWidth(name_font, name) + 8;
        if (room - used > 40) {
            painter.setFont(uiFont(11));
            painter.setPen(theme().text3);
            painter.drawText(
                line.adjusted(used, 0, -number_width, 0), Qt::AlignLeft | Qt::AlignVCenter,
                QFontMetricsF(uiFont(11)).elidedText(bar.remark, Qt::ElideRight, room - used));
        }
        painter.setFont(number_font);
        painter.setPen(theme().text2);
        painter.drawText(line, Qt::AlignRight | Qt::AlignVCenter, bar.number);
        const QRectF whole(0, y + text_height, width(), bar_height);
        drawBox(painter, whole, 3, theme().hover);
        QRectF part = whole;
        part.setWidth(std::max(2.0, width() * std::abs(bar.share) / std::max(1.0, largest)));
        drawBox(painter, part, 3,
                bar.tone == Tone::neutral ? theme().neutral : inkColour(toneInk(bar.tone)));
        y += line_height;
    }
}

} // namespace sweetspot::gui
