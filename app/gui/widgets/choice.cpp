#include "app/gui/widgets/choice.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QBoxLayout>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>

// One of several: pills where they are few, a list where they are many, options that toggle.

namespace sweetspot::gui {

PillGroup::PillGroup(const QStringList& items, int current, bool small)
    : items_(items), current_(current), small_(small) {
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setCursor(Qt::PointingHandCursor);
    setAccessibleDescription(items.value(current));
}

void PillGroup::setItems(const QStringList& items, int current) {
    items_ = items;
    current_ = current;
    updateGeometry();
    update();
}

void PillGroup::setCurrent(int index) {
    index = std::clamp(index, 0, std::max(0, int(items_.size()) - 1));
    if (index == current_) return;
    current_ = index;
    setAccessibleDescription(items_.value(index));
    update();
    emit chosen(index);
}

QRectF PillGroup::cell(int index) const {
    double x = 2;
    for (int i = 0; i < index; ++i) x += textWidth(uiFont(12, QFont::DemiBold), items_[i]) + 20;
    const double width = textWidth(uiFont(12, QFont::DemiBold), items_[index]) + 20;
    return {x, 2, width, height() - 4.0};
}

QSize PillGroup::sizeHint() const {
    int width = 4;
    for (const QString& item : items_) width += textWidth(uiFont(12, QFont::DemiBold), item) + 20;
    return {width, small_ ? 26 : 30};
}

void PillGroup::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawBox(painter, rect(), 6, theme().inset);
    for (int i = 0; i < items_.size(); ++i) {
        const bool on = i == current_ && isEnabled(); // else it says nothing
        if (on)
            drawBox(painter, cell(i), 5, theme().dark ? theme().hover : theme().surface,
                    theme().border_mid);
        painter.setFont(uiFont(12, on ? QFont::DemiBold : QFont::Medium));
        painter.setPen(!isEnabled() ? theme().text3 : on ? theme().text : theme().text2);
        painter.drawText(cell(i), Qt::AlignCenter, items_[i]);
    }
    if (hasFocus()) drawFocusRing(painter, rect(), 6);
}

void PillGroup::mousePressEvent(QMouseEvent* event) {
    for (int i = 0; i < items_.size(); ++i)
        if (cell(i).contains(event->position())) setCurrent(i);
}

void PillGroup::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Right: setCurrent(current_ + 1); break;
    case Qt::Key_Left: setCurrent(current_ - 1); break;
    case Qt::Key_Home: setCurrent(0); break;
    case Qt::Key_End: setCurrent(int(items_.size()) - 1); break;
    default: QWidget::keyPressEvent(event);
    }
}

OptionPill::OptionPill(const QString& text, bool on) {
    setText(text);
    setCheckable(true);
    setChecked(on);
    setFont(uiFont(12, QFont::Medium));
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    setAttribute(Qt::WA_Hover);
}

QSize OptionPill::sizeHint() const {
    return {textWidth(uiFont(12, QFont::DemiBold), text()) + 12 + (isChecked() ? 13 : 0), 24};
}

void OptionPill::nextCheckState() {
    emit toggleRequested();
}

void OptionPill::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool on = isChecked();
    const Theme& t = theme();
    QPen edge(!isEnabled() ? t.border_mid : on ? t.accent : t.border_strong, 1);
    if (!isEnabled()) edge.setStyle(Qt::DashLine);
    painter.setPen(edge);
    painter.setBrush(!isEnabled()                  ? QColor(Qt::transparent)
                     : on                          ? t.accent_soft
                     : underMouse() && isEnabled() ? t.hover
                                                   : QColor(Qt::transparent));
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
    const QColor ink = !isEnabled() ? t.text3 : on ? t.accent : t.text2;
    double x = 6;
    if (on) {
        drawIcon(painter, Icon::check, QRectF(4, 6, 12, 12), ink, 1.8);
        x = 18.5;
    }
    painter.setFont(uiFont(12, on ? QFont::DemiBold : QFont::Medium));
    painter.setPen(ink);
    painter.drawText(QRectF(x, 0, width(), height()), Qt::AlignVCenter, text());
    if (hasFocus()) drawFocusRing(painter, rect(), 5);
}

ToggleCard::ToggleCard(const QString& name, const QString& what, const QList<Option>& options)
    : what_text_(what) {
    setAccessibleName(name);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(11, 10, 10, 10);
    layout->setSpacing(2);
    name_ = heading(name);
    count_ = label({}, 11, QFont::DemiBold, Ink::accent);
    what_ = label(what, 12, QFont::Normal, Ink::text3);
    what_->setWordWrap(true);
    lock_ = new IconLabel(Icon::lock, Ink::warn, 14);
    lock_->hide();
    layout->addLayout(row({name_, nullptr, count_}, 4));
    auto* line = row({lock_}, 4);
    line->addWidget(what_, 1);
    layout->addLayout(line);
    layout->addSpacing(6);
    auto* pills = new FlowLayout;
    for (const Option& option : options) {
        auto* pill = new OptionPill(option.name, option.on);
        pill->setAccessibleName(tr("%1: %2").arg(name, option.name));
        connect(pill, &OptionPill::toggleRequested, this, [this, pill] { toggle(pill); });
        pills->addWidget(pill);
        pills_ << pill;
        setReason(option.name, option.reason);
    }
    layout->addLayout(pills);
    layout->addStretch(1);
    showCount();
}

QStringList ToggleCard::chosen() const {
    QStringList names;
    for (const OptionPill* pill : pills_)
        if (pill->isChecked()) names << pill->text();
    return names;
}

void ToggleCard::setChosen(const QStringList& names) {
    if (names == chosen()) return;
    for (OptionPill* pill : pills_) {
        pill->setChecked(names.contains(pill->text()));
        pill->updateGeometry();
    }
    enablePills();
    showCount();
    emit changed();
}

void ToggleCard::setReason(const QString& name, const QString& reason) {
    for (OptionPill* pill : pills_) {
        if (pill->text() != name) continue;
        pill->setToolTip(reason);
        pill->setAccessibleDescription(reason);
    }
    enablePills();
}

void ToggleCard::enablePills() {
    for (OptionPill* pill : pills_)
        pill->setEnabled(!locked_ && (pill->toolTip().isEmpty() || pill->isChecked()));
}

void ToggleCard::setLocked(const QString& reason) {
    locked_ = !reason.isEmpty();
    lock_->setVisible(locked_);
    what_->setText(locked_ ? reason : what_text_);
    setInk(what_, locked_ ? Ink::warn : Ink::text3);
    setInk(name_, locked_ ? Ink::text2 : Ink::text);
    enablePills();
    setAccessibleDescription(reason);
    showCount();
    update();
}

void ToggleCard::toggle(OptionPill* pill) {
    if (pill->isChecked() && chosen().size() == 1) return;
    pill->setChecked(!pill->isChecked());
    pill->updateGeometry();
    enablePills();
    showCount();
    emit changed();
}

void ToggleCard::showCount() {
    const qsizetype count = chosen().size();
    count_->setText(count > 1 && !locked_ ? tr("sweep × %1").arg(count) : QString());
    update();
}

void ToggleCard::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const bool swept = !count_->text().isEmpty();
    drawBox(painter, rect(), 8, locked_ ? theme().inset : theme().surface,
            swept ? withAlpha(theme().accent, 0.55) : theme().border);
}

} // namespace sweetspot::gui
