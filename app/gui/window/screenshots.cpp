#include "app/gui/window/screenshots.h"
#include "app/gui/frame/main_window.h"
#include "app/gui/theme/theme.h"
#include <QDir>
#include <QEventLoop>
#include <QPixmap>
#include <QTimer>

namespace sweetspot::gui {
namespace {

void wait(int milliseconds) {
    QEventLoop loop;
    QTimer::singleShot(milliseconds, &loop, &QEventLoop::quit);
    loop.exec();
}

} // namespace

QString takeScreenshots(MainWindow& window, const QString& folder) {
    if (!QDir().mkpath(folder)) return QObject::tr("%1 cannot be made.").arg(folder);
    wait(1000); // until the database is open
    for (const View& view : defaultViews()) {
        window.showView(view.id);
        wait(1500);
        const QString file =
            QString("%1/%2-%3.png").arg(folder, viewKey(view.id), theme().dark ? "dark" : "light");
        if (!window.grab().save(file)) return QObject::tr("%1 cannot be written.").arg(file);
    }
    return {};
}

} // namespace sweetspot::gui
