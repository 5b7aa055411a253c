#pragma once
#include <QAction>
#include <QDialog>
#include <QStringList>

namespace sweetspot::gui {

/// A command with its shortcut, as the sheet lists it.
struct ShortcutLine {
    QString group, text, keys;
    bool operator==(const ShortcutLine&) const = default;
};

/// Every action below a widget that has a shortcut, each once, by group. An action's group is its
/// property "group", else "Page".
QList<ShortcutLine> shortcutsOf(const QWidget& widget);

/// F1: what the keyboard can do, made from the actions themselves.
class ShortcutsSheet : public QDialog {
    Q_OBJECT
public:
    explicit ShortcutsSheet(QWidget* window);
};

} // namespace sweetspot::gui
