#include "app/gui/widgets/card.h"
#include <QEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>

// The card: a head with a title, a note and controls, a body, and a grid of them that follows the
// width.

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

QList<QWidget*> CardGrid::shown() const {
    QList<QWidget*> shown;
    for (QWidget* card : cards_)
        if (!card->isHidden()) shown << card;
    return shown;
}

int CardGrid::columnsIn(int width) const {
    const int least = minimumSizeHint().width() + grid_gap;
    return std::clamp((width + grid_gap) / least, 1, columns_);
}

int CardGrid::arrange(int width, bool move) const {
    const QList<QWidget*> cards = shown();
    const int columns = columnsIn(width), each = (width - (columns - 1) * grid_gap) / columns;
    int y = 0;
    for (qsizetype first = 0; first < cards.size(); first += columns) {
        const QList<QWidget*> line = cards.mid(first, columns);
        int height = 0;
        for (const QWidget* card : line)
            height = std::max(height, card->hasHeightForWidth() ? card->heightForWidth(each)
                                                                : card->sizeHint().height());
        for (int i = 0; move && i < line.size(); ++i)
            line[i]->setGeometry(i * (each + grid_gap), y, each, height);
        y += height + grid_gap;
    }
    return std::max(0, y - grid_gap);
}

int CardGrid::heightForWidth(int width) const {
    return arrange(width, false);
}

QSize CardGrid::sizeHint() const {
    const int width = columns_ * (minimumSizeHint().width() + grid_gap) - grid_gap;
    return {width, heightForWidth(width)};
}

QSize CardGrid::minimumSizeHint() const {
    QSize size(200, 0);
    for (const QWidget* card : shown()) size = size.expandedTo(card->minimumSizeHint());
    return size;
}

void CardGrid::resizeEvent(QResizeEvent*) {
    arrange(width(), true);
    updateGeometry();
}

bool CardGrid::event(QEvent* event) {
    if (event->type() == QEvent::LayoutRequest) {
        arrange(width(), true);
        updateGeometry();
    }
    return QWidget::event(event);
}

} // namespace sweetspot::gui
