// The window: sweetspot-gui
#include "app/gui/frame/main_window.h"
#include "app/gui/theme/theme_control.h"
#include <QApplication>

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QApplication::setOrganizationName("sweetspot");
    QApplication::setApplicationName("sweetspot");
    QApplication::setApplicationDisplayName("Sweetspot");
    sweetspot::gui::ThemeControl theme;
    sweetspot::gui::MainWindow window(sweetspot::gui::defaultViews(), theme);
    window.show();
    return QApplication::exec();
}
