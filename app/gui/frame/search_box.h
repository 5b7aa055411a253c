#pragma once
#include "app/gui/theme/icons.h"
#include <QDialog>
#include <functional>

class QLineEdit;
class QListWidget;

namespace sweetspot::gui {

/// Something that can be found: what it is called, what it is, and what choosing it does.
struct SearchEntry {
    QIcon icon;
    QString name;
    QString kind; ///< "model", "experiment"; empty for views and commands
    std::function<void()> choose;
};

/// Ctrl+K: finds views, commands, experiments, models and runs by any part of their words, and goes
/// to the chosen one. The first hundred are listed.
class SearchBox : public QDialog {
    Q_OBJECT
public:
    SearchBox(QList<SearchEntry> entries, QWidget* window);
    QLineEdit* field() { return field_; }
    QStringList found() const;

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void find(const QString& words);
    void run();

    QList<SearchEntry> entries_;
    QLineEdit* field_;
    QListWidget* list_;
};

} // namespace sweetspot::gui
