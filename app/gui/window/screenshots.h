#pragma once
#include <QString>

namespace sweetspot::gui {

class MainWindow;

/// Shows each view and writes it as PNG into a folder, named after the view and the theme:
/// experiment-dark.png. Takes a second a view, so that background work is shown too. Answers what
/// went wrong in a sentence, or nothing.
QString takeScreenshots(MainWindow& window, const QString& folder);

} // namespace sweetspot::gui
