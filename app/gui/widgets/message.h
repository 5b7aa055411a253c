#pragma once
#include "app/gui/theme/icons.h"
#include <QWidget>

class QLabel;
class QPushButton;

namespace sweetspot::gui {

class ElidedLabel;
class IconLabel;

/// A strip at the top of a page: a bold fact, its consequence, one action. It stays until its cause
/// is gone; problems are told here and not in dialogs.
class MessageStrip : public QWidget {
    Q_OBJECT
public:
    explicit MessageStrip(Tone tone = Tone::info, const QString& fact = {},
                          const QString& consequence = {}, const QString& action = {});
    /// Shows the strip with other words; an empty fact hides it. No action, no button.
    void tell(Tone tone, const QString& fact, const QString& consequence = {},
              const QString& action = {});
    void clear() { tell(tone_, {}); }
    /// Lies on the lower edge of a widget from now on, so that what it tells moves nothing there.
    void floatOver(QWidget* widget);
    QString fact() const;

signals:
    void actionRequested();

protected:
    void paintEvent(QPaintEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void place();

    Tone tone_;
    IconLabel* icon_;
    QLabel* fact_;
    ElidedLabel* consequence_;
    QPushButton* action_;
    QWidget* below_ = nullptr; ///< what it floats over; null in a layout
};

/// What stands where there is nothing yet: what is missing, how to get it, one button.
class EmptyState : public QWidget {
    Q_OBJECT
public:
    EmptyState(Icon icon, const QString& missing, const QString& how, const QString& action = {});
    void setText(const QString& missing, const QString& how);
    QPushButton* button() const { return button_; } ///< null without an action

signals:
    void actionRequested();

private:
    QLabel *missing_, *how_;
    QPushButton* button_ = nullptr;
};

} // namespace sweetspot::gui
