#include "app/gui/widgets/card.h"
#include <QEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>

namespace sweetspot::gui {

namespace {
constexpr int grid_gap = 8;
}

Card::Card(const QString& title, const QString& note, int padding) {
    setObjectName("card");
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(padding, title.isEmpty() ? padding : 12, padding,
                              padding > 12 ? 14 : padding);
    outer->setSpacing(8);
    head_ = new QHBoxLayout;
    head_->setSpacing(8);
    if (!title.isEmpty()) {
        head_->addWidget(heading(title));
        note_ = new ElidedLabel(note, 12, QFont::Normal, Ink::text3);
        head_->addWidget(note_, 1);
        setAccessibleName(title);
    }
    outer->addLayout(head_); // takes no room while it is empty
    body_ = new QVBoxLayout;
    body_->setSpacing(8);
    outer->addLayout(body_, 1);
}

void Card::setNote(const QString& note) {
    if (note_) note_->setText(note);
}

void Card::setClickable(const QString& accessible_name) {
    clickable_ = true;
    setAccessibleName(accessible_name);
    setCursor(Qt::PointingHandCursor);
    setFocusPolicy(Qt::TabFocus);
    setAttribute(Qt::WA_Hover);
}

void Card::paintEvent(QPaintEvent* event) {
    QFrame::paintEvent(event);
    QPainter painter(this);
    if (clickable_ && underMouse())
        drawBox(painter, rect(), 8, theme().surface, theme().border_mid);
    if (hasFocus()) drawFocusRing(painter, rect(), 8);
}

void Card::mouseReleaseEvent(QMouseEvent* event) {
    if (clickable_ && event->button() == Qt::LeftButton && rect().contains(event->pos()))
        emit clicked();
}

void Card::keyPressEvent(QKeyEvent* event) {
    const int key = event->key();
    if (clickable_ && (key == Qt::Key_Return || key == Qt::Key_Enter || key == Qt::Key_Space))
        emit clicked();
    else
        QFrame::keyPressEvent(event);
}

QFrame* inset(QLayout* content) {
    auto* frame = new QFrame;
    frame->setObjectName("inset");
    content->setContentsMargins(8, 8, 8, 8);
    frame->setLayout(content);
    return frame;
}

CardGrid::CardGrid(const QList<QWidget*>& cards, int columns) : cards_(cards), columns_(columns) {
    for (QWidget* card : cards_) card->setParent(this);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

QSize CardGrid::cell() const {
    QSize size(200, 0);
    for (const QWidget* card : cards_)
        size = size.expandedTo({card->minimumSizeHint().width(), card->sizeHint().height()});
    return size;
}

int CardGrid::columnsIn(int width) const {
    const int least = cell().width() + grid_gap;
    return std::clamp((width + grid_gap) / std::max(1, least), 1, columns_);
}

int CardGrid::heightForWidth(int width) const {
    const int columns = columnsIn(width), rows = (int(cards_.size()) + columns - 1) / columns;
    return rows * cell().height() + std::max(0, rows - 1) * grid_gap;
}

QSize CardGrid::sizeHint() const {
    const int width = columns_ * (cell().width() + grid_gap) - grid_gap;
    return {width, heightForWidth(width)};
}

QSize CardGrid::minimumSizeHint() const {
    return {cell().width(), cell().height()};
}

void CardGrid::place() {
    const int columns = columnsIn(width()), height = cell().height();
    const int width = (this->width() - (columns - 1) * grid_gap) / columns;
    for (int i = 0; i < cards_.size(); ++i)
        cards_[i]->setGeometry((i % columns) * (width + grid_gap),
                               (i / columns) * (height + grid_gap), width, height);
}

void CardGrid::resizeEvent(QResizeEvent*) {
    place();
    updateGeometry();
}

bool CardGrid::event(QEvent* event) {
    if (event->type() == QEvent::LayoutRequest) {
        place();
        updateGeometry();
    }
    return QWidget::event(event);
}

} // namespace sweetspot::gui
