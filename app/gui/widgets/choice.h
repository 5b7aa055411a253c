#pragma once
#include <QAbstractButton>
#include <QList>
#include <QWidget>

class QLabel;

namespace sweetspot::gui {

/// One of a few, side by side in a well. Left and right move the choice.
class PillGroup : public QWidget {
    Q_OBJECT
public:
    explicit PillGroup(const QStringList& items, int current = 0, bool small = true);
    int current() const { return current_; }
    void setCurrent(int index); ///< emits `chosen` if it is another one
    void setItems(const QStringList& items, int current);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

signals:
    void chosen(int index);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent*) override { update(); }
    void focusOutEvent(QFocusEvent*) override { update(); }

private:
    QRectF cell(int index) const;

    QStringList items_;
    int current_;
    bool small_;
};

/// One value of an optimization: checkable, with a tick while it is on.
class OptionPill : public QAbstractButton {
    Q_OBJECT
public:
    explicit OptionPill(const QString& text, bool on = false);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    void nextCheckState() override;

signals:
    /// Asked to go off; refused by a card while it is the only one on.
    void toggleRequested();
};

/// A value that a ToggleCard offers.
struct Option {
    QString name;
    bool on = false;
    QString reason = {}; ///< why it cannot be chosen here; empty where it can
};

/// One optimization: its name, a line of what it does, and a pill for each value. Two or more
/// ticked values are swept. At least one value stays ticked.
class ToggleCard : public QWidget {
    Q_OBJECT
public:
    ToggleCard(const QString& name, const QString& what, const QList<Option>& options);

    QStringList chosen() const; ///< ticked names, in the order they are offered
    void setChosen(const QStringList& names);
    /// Why a value cannot be chosen; empty if it can. One that is ticked stays, and may be
    /// unticked.
    void setReason(const QString& name, const QString& reason);
    /// Locks the whole card with a reason in words; what was ticked is remembered. Empty unlocks.
    void setLocked(const QString& reason);
    QList<OptionPill*> pills() const { return pills_; }

signals:
    void changed();

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void toggle(OptionPill* pill);
    void showCount();
    void enablePills();

    QLabel *name_, *what_, *count_;
    QWidget* lock_;
    QString what_text_;
    QList<OptionPill*> pills_;
    bool locked_ = false;
};

} // namespace sweetspot::gui
