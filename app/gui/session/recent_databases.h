#pragma once
#include <QStringList>

namespace sweetspot::gui {

/// Databases that were open, last one first, as far as they still exist; at most eight. They are
/// kept with the window's settings.
QStringList recentDatabases();
void rememberDatabase(const QString& path);

} // namespace sweetspot::gui
