#include "app/gui/widgets/text.h"
#include <QBoxLayout>
#include <QFontMetricsF>
#include <QPainter>
#include <QStyle>
#include <cmath>

// Words on the screen: labels by role, cut where there is no room with the whole of them in a
// tooltip, and how bytes read.

namespace sweetspot::gui {

int textWidth(const QFont& font, const QString& text) {
    return int(std::ceil(QFontMetricsF(font).horizontalAdvance(text)));
}

QLabel* label(const QString& text, int pixels, int weight, Ink ink) {
    auto* result = new QLabel(text);
    result->setFont(uiFont(pixels, weight));
    result->setTextFormat(Qt::PlainText);
    result->setProperty("ink", inkName(ink));
    return result;
}

QLabel* caption(const QString& text, int pixels) {
    return label(text, pixels, QFont::Normal, Ink::text3);
}

QLabel* heading(const QString& text, int pixels) {
    return label(text, pixels, QFont::DemiBold);
}

QLabel* numberLabel(const QString& text, int pixels, Ink ink) {
    QLabel* result = label(text, pixels, QFont::Normal, ink);
    result->setFont(numberFont(pixels));
    return result;
}

void setInk(QLabel* label, Ink ink) {
    if (label->property("ink").toByteArray() == inkName(ink)) return;
    label->setProperty("ink", inkName(ink));
    label->style()->unpolish(label);
    label->style()->polish(label);
}

ElidedLabel::ElidedLabel(const QString& text, int pixels, int weight, Ink ink,
                         Qt::TextElideMode mode)
    : QLabel(text), mode_(mode) {
    setFont(uiFont(pixels, weight));
    setTextFormat(Qt::PlainText);
    setProperty("ink", inkName(ink));
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

QSize ElidedLabel::minimumSizeHint() const {
    return {std::min(QLabel::sizeHint().width(), 48), QLabel::minimumSizeHint().height()};
}

void ElidedLabel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const QRect box = contentsRect();
    const QString shown = fontMetrics().elidedText(text(), mode_, box.width());
    const QString whole = shown == text() ? QString() : text();
    if (toolTip() != whole) setToolTip(whole);
    painter.setPen(palette().color(foregroundRole()));
    painter.drawText(box, int(alignment()) | Qt::TextSingleLine, shown);
}

WrappedLabel::WrappedLabel(Ink ink) {
    setFont(uiFont(12));
    setTextFormat(Qt::PlainText);
    setProperty("ink", inkName(ink));
    setWordWrap(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse);
}

int WrappedLabel::heightForWidth(int width) const {
    if (text() != known_ || font() != known_font_) {
        known_ = text();
        known_font_ = font();
        heights_.clear();
    }
    const auto known = heights_.constFind(width);
    return known != heights_.constEnd() ? *known
                                        : *heights_.insert(width, QLabel::heightForWidth(width));
}

IconLabel::IconLabel(Icon icon, Ink ink, int pixels) : icon_(icon), ink_(ink), pixels_(pixels) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void IconLabel::setIcon(Icon icon, Ink ink) {
    icon_ = icon;
    ink_ = ink;
    update();
}

void IconLabel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawIcon(painter, icon_, rect(), inkColour(ink_), pixels_ < 18 ? 1.5 : 1.6);
}

QString sentence(const std::string& words) {
    QString text = QString::fromStdString(words);
    if (text.isEmpty()) return text;
    text[0] = text[0].toUpper();
    return text.endsWith('.') ? text : text + '.';
}

QFrame* rule(Qt::Orientation orientation) {
    auto* line = new QFrame;
    line->setObjectName("rule");
    if (orientation == Qt::Horizontal)
        line->setFixedHeight(1);
    else
        line->setFixedWidth(1);
    return line;
}

namespace {
template <class Layout>
Layout* filled(std::initializer_list<QWidget*> widgets, int gap) {
    auto* layout = new Layout;
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(gap);
    for (QWidget* widget : widgets) {
        if (widget)
            layout->addWidget(widget);
        else
            layout->addStretch(1);
    }
    return layout;
}
} // namespace

QHBoxLayout* row(std::initializer_list<QWidget*> widgets, int gap) {
    return filled<QHBoxLayout>(widgets, gap);
}

QVBoxLayout* column(std::initializer_list<QWidget*> widgets, int gap) {
    return filled<QVBoxLayout>(widgets, gap);
}

QScrollArea* scrolled(QWidget* content) {
    auto* area = new QScrollArea;
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(content);
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->viewport()->setAutoFillBackground(false);
    content->setAutoFillBackground(false);
    return area;
}

void drawFocusRing(QPainter& painter, const QRectF& box, double radius) {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme().accent, 2));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius, radius);
}

void drawBox(QPainter& painter, const QRectF& box, double radius, const QColor& fill,
             const QColor& edge) {
    painter.setRenderHint(QPainter::Antialiasing);
    const bool edged = edge.alpha() > 0;
    painter.setPen(edged ? QPen(edge, 1) : QPen(Qt::NoPen));
    painter.setBrush(fill);
    const double inset = edged ? 0.5 : 0;
    painter.drawRoundedRect(box.adjusted(inset, inset, -inset, -inset), radius, radius);
}

void FlowLayout::insertWidget(int index, QWidget* widget) {
    addChildWidget(widget);
    items_.insert(index, new QWidgetItem(widget));
    invalidate();
}

QLayoutItem* FlowLayout::takeAt(int index) {
    if (index < 0 || index >= items_.size()) return nullptr;
    invalidate();
    return items_.takeAt(index);
}

QSize FlowLayout::sizeHint() const {
    int width = 0, height = 0;
    for (const QLayoutItem* item : items_) {
        width += item->sizeHint().width() + gap_;
        height = std::max(height, item->sizeHint().height());
    }
    const QMargins around = contentsMargins();
    return {std::max(0, width - gap_) + around.left() + around.right(),
            height + around.top() + around.bottom()};
}

QSize FlowLayout::minimumSize() const {
    QSize least;
    for (const QLayoutItem* item : items_) least = least.expandedTo(item->minimumSize());
    const QMargins around = contentsMargins();
    return least + QSize(around.left() + around.right(), around.top() + around.bottom());
}

void FlowLayout::setGeometry(const QRect& rect) {
    QLayout::setGeometry(rect);
    arrange(rect, true);
}

// Answers the height that a width needs; moves the items there if asked to, those of a line to its
// middle.
int FlowLayout::arrange(const QRect& rect, bool move) const {
    const QRect room = rect.marginsRemoved(contentsMargins());
    int x = room.left(), y = room.top(), height = 0;
    QList<std::pair<QLayoutItem*, QRect>> line;
    const auto place_line = [&] {
        for (const auto& [item, box] : std::exchange(line, {}))
            if (move) item->setGeometry(box.translated(0, (height - box.height()) / 2));
    };
    for (QLayoutItem* item : items_) {
        if (item->widget() && item->widget()->isHidden()) continue;
        QSize size = item->sizeHint();
        size.setWidth(std::min(size.width(), room.width()));
        if (x > room.left() && x + size.width() > room.left() + room.width()) {
            place_line();
            x = room.left();
            y += height + line_gap_;
            height = 0;
        }
        height = std::max(height, size.height());
        if (item == items_.back() && item->expandingDirections().testFlag(Qt::Horizontal))
            size.setWidth(room.left() + room.width() - x);
        line.append({item, {QPoint(x, y), size}});
        x += size.width() + gap_;
    }
    place_line();
    return y + height - rect.top() + contentsMargins().bottom();
}

} // namespace sweetspot::gui
