#pragma once
#include <QObject>

namespace sweetspot::gui {

/// Chooses the theme: the system's, or what the user chose. One for the application, made right
/// after it and before any widget. The choice is kept in QSettings under "theme".
class ThemeControl : public QObject {
    Q_OBJECT
public:
    enum class Choice { system, light, dark };

    /// Puts the remembered choice on the application and follows the system from now on.
    explicit ThemeControl(QObject* parent = nullptr);

    Choice choice() const { return choice_; }
    /// Not remembered: for this window only, as a flag asks for it.
    void setChoice(Choice choice, bool remember = true);
    /// From dark to light and back, as a choice of the user.
    void toggle();

signals:
    /// The theme on screen is another one now. Only what keeps colours needs to listen.
    void changed();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void apply();

    Choice choice_ = Choice::system;
    bool system_is_dark_ = false;
    bool applying_ = false;
};

} // namespace sweetspot::gui
