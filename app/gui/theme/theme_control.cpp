#include "app/gui/theme/theme_control.h"
#include "app/gui/theme/theme.h"
#include <QApplication>
#include <QEvent>
#include <QPalette>
#include <QSettings>

namespace sweetspot::gui {
namespace {

constexpr const char* setting = "theme";
constexpr const char* const choices[] = {"system", "light", "dark"};

// Qt before 6.5 does not tell the system's colour scheme, but its palette does: by the one role
// that applyTheme() leaves to the system.
bool systemIsDark() {
    const QPalette palette = QApplication::palette();
    return palette.color(QPalette::Active, QPalette::AlternateBase).lightnessF() < 0.5;
}

} // namespace

ThemeControl::ThemeControl(QObject* parent) : QObject(parent) {
    const QString remembered = QSettings().value(setting, choices[0]).toString();
    for (const Choice choice : {Choice::light, Choice::dark})
        if (remembered == choices[int(choice)]) choice_ = choice;
    system_is_dark_ = systemIsDark();
    apply();
    qApp->installEventFilter(this);
}

void ThemeControl::setChoice(Choice choice, bool remember) {
    choice_ = choice;
    if (remember) QSettings().setValue(setting, choices[int(choice)]);
    apply();
}

void ThemeControl::toggle() {
    setChoice(theme().dark ? Choice::light : Choice::dark);
}

bool ThemeControl::eventFilter(QObject* watched, QEvent* event) {
    if (watched == qApp && event->type() == QEvent::ApplicationPaletteChange && !applying_) {
        system_is_dark_ = systemIsDark();
        if (choice_ == Choice::system) apply();
    }
    return QObject::eventFilter(watched, event);
}

void ThemeControl::apply() {
    const bool dark = choice_ == Choice::dark || (choice_ == Choice::system && system_is_dark_);
    applying_ = true;
    applyTheme(dark ? darkTheme() : lightTheme());
    applying_ = false;
    emit changed();
}

} // namespace sweetspot::gui
