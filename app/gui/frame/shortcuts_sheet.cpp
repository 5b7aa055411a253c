#include "app/gui/frame/shortcuts_sheet.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"

namespace sweetspot::gui {

QList<ShortcutLine> shortcutsOf(const QWidget& widget) {
    QList<ShortcutLine> lines;
    for (const QAction* action : widget.findChildren<QAction*>()) {
        if (action->shortcut().isEmpty()) continue;
        QStringList keys;
        for (const QKeySequence& shortcut : action->shortcuts())
            keys << shortcut.toString(QKeySequence::NativeText);
        const QString group = action->property("group").toString();
        const ShortcutLine line{group.isEmpty() ? QObject::tr("Page") : group,
                                action->text().remove('&'), keys.join(", ")};
        if (!lines.contains(line)) lines << line;
    }
    std::stable_sort(lines.begin(), lines.end(), [](const ShortcutLine& a, const ShortcutLine& b) {
        return a.group < b.group;
    });
    return lines;
}

ShortcutsSheet::ShortcutsSheet(QWidget* window) : QDialog(window) {
    setWindowTitle(tr("Shortcuts"));
    setMinimumWidth(420);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 20, 24, 20);
    layout->setSpacing(4);
    layout->addWidget(heading(tr("Shortcuts"), 18));
    QString group;
    for (const ShortcutLine& line : shortcutsOf(*window)) {
        if (line.group != group) {
            group = line.group;
            layout->addSpacing(8);
            layout->addWidget(label(group, 11, QFont::DemiBold, Ink::text3));
        }
        layout->addLayout(row({label(line.text, 13, QFont::Normal, Ink::text2), nullptr,
                               numberLabel(line.keys, 12, Ink::text)}));
    }
    layout->addSpacing(8);
    layout->addWidget(label(tr("In plots and chips"), 11, QFont::DemiBold, Ink::text3));
    const std::pair<QString, QString> fixed[] = {
        {tr("Read out the next point"), QString::fromUtf8("← →")},
        {tr("Zoom, and show all again"), QString::fromUtf8("+ −  Home")},
        {tr("Zoom into a box"), tr("Shift and drag")},
        {tr("Remove the chip with focus"), tr("Delete")},
    };
    for (const auto& [text, keys] : fixed)
        layout->addLayout(row({label(text, 13, QFont::Normal, Ink::text2), nullptr,
                               numberLabel(keys, 12, Ink::text)}));
    layout->addSpacing(12);
    QPushButton* close = button(tr("Close"));
    connect(close, &QPushButton::clicked, this, &QDialog::accept);
    layout->addLayout(row({nullptr, close}));
}

} // namespace sweetspot::gui
