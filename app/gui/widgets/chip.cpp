#include "app/gui/widgets/chip.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QFontMetricsF>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>

// Short words in a box: a value that can be taken away, a flag with its tone, a verdict with its
// number.

namespace sweetspot::gui {
Chip::Chip(const QString& text, Tone tone, Icon icon) : tone_(tone), icon_(icon) {
    setText(text);
    setFont(uiFont(12, QFont::Medium));
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setFocusPolicy(Qt::NoFocus);
    setAccessibleName(text);
}

Chip* Chip::number(const QString& text) {
    auto* chip = new Chip(text);
    chip->number_ = true;
    chip->setFont(numberFont(12));
    return chip;
}

void Chip::setTone(Tone tone, Icon icon) {
    tone_ = tone;
    icon_ = icon;
    updateGeometry();
    update();
}

void Chip::setRemovable(bool removable) {
    removable_ = removable;
    setFocusPolicy(removable ? Qt::StrongFocus : Qt::NoFocus);
    setAccessibleDescription(removable ? tr("Delete removes it") : QString());
    updateGeometry();
}

void Chip::setShrinkable() {
    shrinkable_ = true;
    setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Fixed);
}

QSize Chip::sizeHint() const {
    return {textWidth(font(), text()) + 16 + (icon_ != Icon::none ? 16 : 0) + (removable_ ? 14 : 0),
            22};
}

QSize Chip::minimumSizeHint() const {
    return shrinkable_ ? QSize(std::min(64, sizeHint().width()), 22) : sizeHint();
}

QRectF Chip::cross() const {
    return {width() - 19.0, 4.5, 13, 13};
}

void Chip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawBox(painter, rect(), 4, toneFill(tone_));
    const QColor ink = number_ ? theme().text : inkColour(toneInk(tone_));
    double x = 8;
    if (icon_ != Icon::none) {
        drawIcon(painter, icon_, QRectF(x - 2, 4, 14, 14), ink, 1.4);
        x += 15;
    }
    painter.setPen(ink);
    painter.setFont(font());
    const double room = width() - x - (removable_ ? 20 : 6) + 2;
    const QString shown = QFontMetricsF(font()).elidedText(text(), Qt::ElideRight, room);
    painter.drawText(QRectF(x, 0, width() - x, height()), Qt::AlignVCenter, shown);
    if (removable_) drawIcon(painter, Icon::close, cross(), theme().text3, 1.3);
    if (hasFocus()) drawFocusRing(painter, rect(), 4);
}

void Chip::keyPressEvent(QKeyEvent* event) {
    if (removable_ && (event->key() == Qt::Key_Delete || event->key() == Qt::Key_Backspace))
        emit removed();
    else
        QAbstractButton::keyPressEvent(event);
}

void Chip::mouseReleaseEvent(QMouseEvent* event) {
    const bool on_cross = removable_ && cross().adjusted(-3, -5, 6, 5).contains(event->position());
    QAbstractButton::mouseReleaseEvent(event);
    if (on_cross && event->button() == Qt::LeftButton) emit removed();
}

Chip* provenanceChip(bool from_file, const QString& hash_or_seed) {
    auto* chip = from_file ? new Chip(QObject::tr("weights from file, %1").arg(hash_or_seed),
                                      Tone::good, Icon::file)
                           : new Chip(QObject::tr("random weights, seed %1").arg(hash_or_seed),
                                      Tone::warn, Icon::dice);
    chip->setShrinkable();
    chip->setToolTip(from_file
                         ? QObject::tr("SHA-256 of the file the weights were read from")
                         : QObject::tr("Figures of quality mean nothing with random weights"));
    return chip;
}

VerdictChip::VerdictChip(Tone tone, Icon icon, const QString& word, const QString& number,
                         const QString& interval)
    : tone_(tone), icon_(icon), word_(word), number_(number), interval_(interval) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setAccessibleName(QString("%1 %2 %3").arg(word, number, interval).simplified());
}

QSize VerdictChip::sizeHint() const {
    int width = 42 + textWidth(uiFont(12, QFont::Bold), word_);
    if (!number_.isEmpty()) width += 8 + textWidth(numberFont(13, QFont::DemiBold), number_);
    if (!interval_.isEmpty()) width += 8 + textWidth(uiFont(12), interval_);
    return {width, 28};
}

void VerdictChip::paintEvent(QPaintEvent*) {
    const QColor ink = inkColour(toneInk(tone_));
    QPainter painter(this);
    drawBox(painter, rect(), 6, toneFill(tone_), withAlpha(ink, 0.45));
    drawIcon(painter, icon_, QRectF(10, 6, 16, 16), ink, 1.8);
    double x = 30;
    const auto write = [&](const QString& text, const QFont& font, const QColor& colour) {
        if (text.isEmpty()) return;
        painter.setFont(font);
        painter.setPen(colour);
        painter.drawText(QRectF(x, 0, width() - x, 28), Qt::AlignVCenter, text);
        x += textWidth(font, text) + 8;
    };
    write(word_, uiFont(12, QFont::Bold), ink);
    write(number_, numberFont(13, QFont::DemiBold), theme().text);
    write(interval_, uiFont(12), theme().text2);
}

} // namespace sweetspot::gui
