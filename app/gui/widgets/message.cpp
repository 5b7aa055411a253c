#include "app/gui/widgets/message.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QBoxLayout>
#include <QEvent>
#include <QPainter>

// What a page has to say of itself: a strip with a fact, its consequence and one action; and the
// words where there is nothing yet.

namespace sweetspot::gui {

MessageStrip::MessageStrip(Tone tone, const QString& fact, const QString& consequence,
                           const QString& action)
    : tone_(tone) {
    icon_ = new IconLabel(Icon::info);
    fact_ = heading({});
    consequence_ = new ElidedLabel({}, 13, QFont::Normal, Ink::text2);
    action_ = gui::button({}, Icon::none, ButtonKind::ghost);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(12, 5, 8, 5);
    layout->setSpacing(8);
    layout->addWidget(icon_);
    layout->addWidget(fact_);
    layout->addWidget(consequence_, 1);
    layout->addWidget(action_);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    setMinimumHeight(42);
    connect(action_, &QPushButton::clicked, this, &MessageStrip::actionRequested);
    tell(tone, fact, consequence, action);
}

void MessageStrip::tell(Tone tone, const QString& fact, const QString& consequence,
                        const QString& action) {
    static constexpr Icon icons[] = {Icon::info,  Icon::info,  Icon::check,
                                     Icon::alert, Icon::cross, Icon::info};
    tone_ = tone;
    icon_->setIcon(icons[int(tone)], toneInk(tone));
    fact_->setText(fact);
    setInk(fact_, toneInk(tone));
    consequence_->setText(consequence);
    action_->setText(action);
    action_->setVisible(!action.isEmpty());
    place();
    setVisible(!fact.isEmpty());
    setAccessibleName(fact + ' ' + consequence);
    update();
}

void MessageStrip::floatOver(QWidget* widget) {
    below_ = widget;
    setParent(widget);
    widget->installEventFilter(this);
    place();
    setVisible(!fact().isEmpty()); // another parent forgets that it was hidden
}

bool MessageStrip::eventFilter(QObject* watched, QEvent* event) {
    if (watched == below_ && event->type() == QEvent::Resize) place();
    return QWidget::eventFilter(watched, event);
}

void MessageStrip::place() {
    if (!below_) return;
    constexpr int side = 36, foot = 28; // inside the page's own margins
    setGeometry(side, below_->height() - foot - minimumHeight(), below_->width() - 2 * side,
                minimumHeight());
    raise();
}

QString MessageStrip::fact() const {
    return fact_->text();
}

void MessageStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const QColor fill = toneFill(tone_);
    drawBox(painter, rect(), 6, fill, mix(fill, inkColour(toneInk(tone_)), 0.35));
}

EmptyState::EmptyState(Icon icon, const QString& missing, const QString& how,
                       const QString& action) {
    missing_ = heading(missing, 14);
    missing_->setAlignment(Qt::AlignCenter);
    how_ = caption(how);
    how_->setAlignment(Qt::AlignCenter);
    how_->setWordWrap(true);
    how_->setMinimumWidth(160);
    how_->setMaximumWidth(380);
    auto* layout = new QVBoxLayout(this);
    layout->setSpacing(8);
    layout->addStretch(1);
    layout->addWidget(new IconLabel(icon, Ink::text3, 28), 0, Qt::AlignHCenter);
    layout->addWidget(missing_, 0, Qt::AlignHCenter);
    auto* middle = row({}); // aligned on its own, the lines of a label are miscounted
    middle->addStretch(1);
    middle->addWidget(how_, 100);
    middle->addStretch(1);
    layout->addLayout(middle);
    if (!action.isEmpty()) {
        button_ = gui::button(action);
        layout->addSpacing(4);
        layout->addWidget(button_, 0, Qt::AlignHCenter);
        connect(button_, &QPushButton::clicked, this, &EmptyState::actionRequested);
    }
    layout->addStretch(1);
}

void EmptyState::setText(const QString& missing, const QString& how) {
    missing_->setText(missing);
    how_->setText(how);
}

} // namespace sweetspot::gui
