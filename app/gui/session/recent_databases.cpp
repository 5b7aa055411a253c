#include "app/gui/session/recent_databases.h"
#include <QFileInfo>
#include <QSettings>
#include <algorithm>

namespace sweetspot::gui {
namespace {

constexpr int most = 8;
constexpr const char* key = "databases/recent";

} // namespace

QStringList recentDatabases() {
    QStringList paths = QSettings().value(key).toStringList();
    paths.erase(std::remove_if(paths.begin(), paths.end(),
                               [](const QString& path) { return !QFileInfo::exists(path); }),
                paths.end());
    return paths.mid(0, most);
}

void rememberDatabase(const QString& path) {
    const QString whole = QFileInfo(path).absoluteFilePath();
    QStringList paths = recentDatabases();
    paths.removeAll(whole);
    paths.prepend(whole);
    QSettings().setValue(key, paths.mid(0, most));
}

} // namespace sweetspot::gui
