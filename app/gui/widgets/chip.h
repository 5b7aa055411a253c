#pragma once
#include "app/gui/theme/icons.h"
#include <QAbstractButton>

namespace sweetspot::gui {

/// A short fact on a soft fill. A removable one has a cross and takes focus; Delete, Backspace or a
/// click on its cross removes it, which only emits `removed`: its owner takes it away.
class Chip : public QAbstractButton {
    Q_OBJECT
public:
    explicit Chip(const QString& text, Tone tone = Tone::neutral, Icon icon = Icon::none);
    /// A value in the number font.
    static Chip* number(const QString& text);

    void setTone(Tone tone, Icon icon);
    void setRemovable(bool removable);
    /// Cuts its text where there is no room, down to 64 px.
    void setShrinkable();
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void removed();

protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;

private:
    QRectF cross() const;

    Tone tone_;
    Icon icon_;
    bool removable_ = false, number_ = false, shrinkable_ = false;
};

/// Where weights came from: green with a file and its hash, or amber dice with a seed.
Chip* provenanceChip(bool from_file, const QString& hash_or_seed);

/// A verdict: its glyph, its word in capitals, number and interval.
class VerdictChip : public QWidget {
    Q_OBJECT
public:
    /// number: "1.42×"; interval: "95 %: 1.40 to 1.44"; either may be empty.
    VerdictChip(Tone tone, Icon icon, const QString& word, const QString& number = {},
                const QString& interval = {});
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    Tone tone_;
    Icon icon_;
    QString word_, number_, interval_;
};

} // namespace sweetspot::gui
