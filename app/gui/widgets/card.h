#pragma once
#include "app/gui/widgets/text.h"
#include <QBoxLayout>
#include <QFrame>

namespace sweetspot::gui {

/// A surface with a title, a note on the same line, and room for actions to the right of both.
/// No card inside a card: use inset().
class Card : public QFrame {
    Q_OBJECT
public:
    explicit Card(const QString& title = {}, const QString& note = {}, int padding = 16);

    QHBoxLayout* head() { return head_; } ///< after the title: legends, selectors, actions
    QVBoxLayout* body() { return body_; }
    void setNote(const QString& note);
    /// Makes the whole card a button: focus, hover, Return and Space.
    void setClickable(const QString& accessible_name);

signals:
    void clicked();

protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent*) override { update(); }
    void focusOutEvent(QFocusEvent*) override { update(); }
    void enterEvent(QEnterEvent*) override { update(); }
    void leaveEvent(QEvent*) override { update(); }

private:
    QHBoxLayout* head_;
    QVBoxLayout* body_;
    QLabel* note_ = nullptr;
    bool clickable_ = false;
};

/// A well inside a card, with a layout of 8 px padding.
QFrame* inset(QLayout* content);

/// Cards in two columns where they fit, else in one; those in a row are of one size, and hidden
/// ones take no place.
class CardGrid : public QWidget {
    Q_OBJECT
public:
    explicit CardGrid(const QList<QWidget*>& cards, int columns = 2);
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

private:
    QList<QWidget*> shown() const;
    int columnsIn(int width) const;
    /// Answers the height that a width needs; moves the cards there if asked to.
    int arrange(int width, bool move) const;

    QList<QWidget*> cards_;
    int columns_;
};

} // namespace sweetspot::gui
