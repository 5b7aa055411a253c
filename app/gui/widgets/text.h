#pragma once
#include "app/gui/theme/icons.h"
#include <QHash>
#include <QLabel>
#include <QLayout>
#include <QScrollArea>
#include <initializer_list>
#include <string>

namespace sweetspot::gui {

/// Width in logical pixels, rounded up, so that a wider fallback font grows and does not clip.
int textWidth(const QFont& font, const QString& text);

/// A label in a themed colour. Captions: 12 px in text3; headings: 13 px semibold.
QLabel* label(const QString& text, int pixels = 13, int weight = QFont::Normal,
              Ink ink = Ink::text);
QLabel* caption(const QString& text, int pixels = 12);
QLabel* heading(const QString& text, int pixels = 13);
QLabel* numberLabel(const QString& text, int pixels = 12, Ink ink = Ink::text2);
/// Changes the colour of a label() later on.
void setInk(QLabel* label, Ink ink);

/// A label that cuts its text with an ellipsis; the tooltip has it whole while it is cut.
class ElidedLabel : public QLabel {
    Q_OBJECT
public:
    explicit ElidedLabel(const QString& text = {}, int pixels = 13, int weight = QFont::Normal,
                         Ink ink = Ink::text, Qt::TextElideMode mode = Qt::ElideRight);
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    Qt::TextElideMode mode_;
};

/// Words in lines that can be selected. It remembers how high they are: a layout asks for it many
/// times over, at a few widths, and laying out a paragraph each time would hold up what is dragged.
class WrappedLabel : public QLabel {
    Q_OBJECT
public:
    explicit WrappedLabel(Ink ink = Ink::text2);
    int heightForWidth(int width) const override;

private:
    mutable QString known_; ///< the text that the heights are of
    mutable QFont known_font_;
    mutable QHash<int, int> heights_; ///< by width
};

/// An icon as a widget of its own, in logical pixels.
class IconLabel : public QWidget {
    Q_OBJECT
public:
    explicit IconLabel(Icon icon, Ink ink = Ink::text2, int pixels = 16);
    void setIcon(Icon icon, Ink ink);
    QSize sizeHint() const override { return {pixels_, pixels_}; }
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    Icon icon_;
    Ink ink_;
    int pixels_;
};

/// What a worker or the engine says, as a sentence: with a capital and a full stop.
QString sentence(const std::string& words);

/// A hairline, one pixel thick.
QFrame* rule(Qt::Orientation orientation = Qt::Horizontal);

/// Widgets side by side or below each other without margins; nullptr is a stretch.
QHBoxLayout* row(std::initializer_list<QWidget*> widgets, int gap = 8);
QVBoxLayout* column(std::initializer_list<QWidget*> widgets, int gap = 8);
/// A transparent vertical scroll area around a widget.
QScrollArea* scrolled(QWidget* content);

/// Strokes the 2 px accent ring of focus inside a shape.
void drawFocusRing(QPainter& painter, const QRectF& box, double radius);
/// A rounded rectangle whose 1 px edge lies inside the box.
void drawBox(QPainter& painter, const QRectF& box, double radius, const QColor& fill,
             const QColor& edge = Qt::transparent);

/// Lays items out like words: left to right, then a new line. The last item takes what is left of
/// its line if its horizontal policy is Expanding.
class FlowLayout : public QLayout {
public:
    explicit FlowLayout(int gap = 4, int line_gap = 4) : gap_(gap), line_gap_(line_gap) {
        setContentsMargins(0, 0, 0, 0);
    }
    ~FlowLayout() override { qDeleteAll(items_); }
    void addItem(QLayoutItem* item) override { items_ << item; }
    void insertWidget(int index, QWidget* widget);
    int count() const override { return int(items_.size()); }
    QLayoutItem* itemAt(int index) const override { return items_.value(index); }
    QLayoutItem* takeAt(int index) override;
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override { return arrange({0, 0, width, 0}, false); }
    QSize sizeHint() const override;
    QSize minimumSize() const override;
    void setGeometry(const QRect& rect) override;

private:
    int arrange(const QRect& rect, bool move) const;

    QList<QLayoutItem*> items_;
    int gap_, line_gap_;
};

} // namespace sweetspot::gui
