#include "app/gui/frame/pick_hint.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QPainter>

// Where a dragged run becomes one of the two that are compared; the colours are Compare's.

namespace sweetspot::gui {
namespace {
constexpr int hint_height = 104, gap = 12;
}

PickHint::PickHint(QWidget* parent) : QWidget(parent) {
    setAttribute(Qt::WA_TransparentForMouseEvents);
    hide();
}

QRect PickHint::boxOf(Side side) const {
    const int each = (width() - 3 * gap) / 2;
    return {side == Side::a ? gap : 2 * gap + each, gap, each, height() - 2 * gap};
}

PickHint::Side PickHint::sideAt(QPoint in_parent) const {
    for (const Side side : {Side::a, Side::b})
        if (boxOf(side).contains(in_parent - pos())) return side;
    return Side::none;
}

void PickHint::showFor(QPoint in_parent) {
    setGeometry(0, 0, parentWidget()->width(), hint_height);
    raise();
    show();
    const Side under = sideAt(in_parent);
    if (under != lit_) update();
    lit_ = under;
}

void PickHint::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(rect(), withAlpha(theme().window, 0.92));
    painter.setFont(uiFont(15, QFont::DemiBold));
    for (const auto& [side, slot, words] :
         {std::tuple(Side::a, 1, tr("Drop it here as A")), {Side::b, 0, tr("Drop it here as B")}}) {
        const QColor colour = seriesColour(slot);
        const bool lit = lit_ == side;
        drawBox(painter, boxOf(side), 8, lit ? colour : theme().surface, colour);
        painter.setPen(lit ? inkOn(colour) : theme().text);
        painter.drawText(boxOf(side), Qt::AlignCenter, words);
    }
}

} // namespace sweetspot::gui
