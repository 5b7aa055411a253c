#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QFontMetricsF>
#include <QPainter>
#include <QStyle>
#include <QWheelEvent>

// Buttons and text fields in the kinds there are. One that is disabled says why.

namespace sweetspot::gui {

QPushButton* button(const QString& text, Icon icon, ButtonKind kind) {
    static constexpr const char* kinds[] = {"primary", "secondary", "ghost", "danger"};
    static constexpr Ink inks[] = {Ink::on_accent, Ink::text2, Ink::text2, Ink::bad};
    auto* result = new QPushButton(text);
    result->setProperty("kind", kinds[int(kind)]);
    result->setFont(uiFont(13, kind == ButtonKind::primary ? QFont::DemiBold : QFont::Medium));
    if (icon != Icon::none) result->setIcon(themedIcon(icon, inks[int(kind)]));
    result->setIconSize({16, 16});
    result->setCursor(Qt::PointingHandCursor);
    result->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    result->setAutoDefault(false);
    return result;
}

QPushButton* iconButton(Icon icon, const QString& name) {
    QPushButton* result = button({}, icon, ButtonKind::ghost);
    result->setToolTip(name);
    result->setAccessibleName(name);
    return result;
}

void setReason(QPushButton* button, const QString& reason) {
    button->setEnabled(reason.isEmpty());
    button->setToolTip(reason);
    button->setAccessibleDescription(reason);
}

QLineEdit* textField(const QString& placeholder, Icon lead) {
    auto* field = new QLineEdit;
    field->setPlaceholderText(placeholder);
    field->setAccessibleName(placeholder);
    if (lead != Icon::none)
        field->addAction(themedIcon(lead, Ink::text3), QLineEdit::LeadingPosition);
    return field;
}

void setWrong(QLineEdit* field, bool wrong) {
    if (field->property("wrong").toBool() == wrong) return;
    field->setProperty("wrong", wrong);
    field->style()->unpolish(field);
    field->style()->polish(field);
}

Select::Select(const QStringList& items, const QString& label) : label_(label) {
    addItems(items);
    setFont(uiFont(13));
    setFixedHeight(30);
    setCursor(Qt::PointingHandCursor);
    setAccessibleName(label);
    setSizeAdjustPolicy(QComboBox::AdjustToContents);
}

QSize Select::sizeHint() const {
    int widest = 0;
    for (int i = 0; i < count(); ++i)
        widest = std::max(widest, textWidth(uiFont(13, QFont::Medium), itemText(i)));
    const int label = label_.isEmpty() ? 0 : textWidth(uiFont(12), label_) + 8;
    return {widest + 12 + 30 + label, 30};
}

void Select::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawBox(painter, rect(), 6, theme().field,
            isEnabled() ? theme().border_strong : theme().border);
    double x = 10;
    if (!label_.isEmpty()) {
        painter.setFont(uiFont(12));
        painter.setPen(theme().text3);
        painter.drawText(QRectF(x, 0, width(), height()), Qt::AlignVCenter, label_);
        x += textWidth(painter.font(), label_) + 8;
    }
    painter.setFont(uiFont(13, label_.isEmpty() ? QFont::Normal : QFont::Medium));
    painter.setPen(isEnabled() ? theme().text : theme().text3);
    const QRectF room(x, 0, width() - x - 26, height());
    painter.drawText(
        room, Qt::AlignVCenter,
        QFontMetricsF(painter.font()).elidedText(currentText(), Qt::ElideRight, room.width()));
    drawIcon(painter, Icon::down, QRectF(width() - 23, height() / 2.0 - 7, 14, 14), theme().text3,
             1.5);
    if (hasFocus()) drawFocusRing(painter, rect(), 6);
}

void Select::wheelEvent(QWheelEvent* event) {
    if (hasFocus())
        QComboBox::wheelEvent(event);
    else
        event->ignore();
}

Disclosure::Disclosure(const QString& title, const QString& summary, bool open)
    : title_(title), summary_(summary) {
    setProperty("kind", "ghost");
    setCheckable(true);
    setChecked(open);
    setFixedHeight(32);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setCursor(Qt::PointingHandCursor);
    setAutoDefault(false);
    setAccessibleName(title);
    setAccessibleDescription(summary);
}

void Disclosure::setSummary(const QString& summary) {
    summary_ = summary;
    setAccessibleDescription(summary);
    update();
}

void Disclosure::folds(QWidget* content) {
    content->setVisible(isChecked());
    connect(this, &QPushButton::toggled, content, &QWidget::setVisible);
}

QSize Disclosure::sizeHint() const {
    return {textWidth(uiFont(13, QFont::DemiBold), title_) + textWidth(uiFont(12), summary_) + 48,
            32};
}

void Disclosure::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    if (underMouse()) drawBox(painter, rect(), 6, theme().hover);
    drawIcon(painter, isChecked() ? Icon::down : Icon::right, QRectF(2, height() / 2.0 - 7, 14, 14),
             theme().text3, 1.6);
    painter.setFont(uiFont(13, QFont::DemiBold));
    painter.setPen(theme().text);
    painter.drawText(QRectF(22, 0, width(), height()), Qt::AlignVCenter, title_);
    const double x = 22 + textWidth(painter.font(), title_) + 12;
    painter.setFont(uiFont(12));
    painter.setPen(theme().text3);
    painter.drawText(
        QRectF(x, 0, width() - x, height()), Qt::AlignVCenter,
        QFontMetricsF(painter.font()).elidedText(summary_, Qt::ElideRight, width() - x - 4));
    if (hasFocus()) drawFocusRing(painter, rect(), 6);
}

} // namespace sweetspot::gui
