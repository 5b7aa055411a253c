#pragma once
#include <QDialog>

class QAction;
class QLineEdit;
class QListWidget;

namespace sweetspot::gui {

/// Ctrl+K: finds views and commands by any part of their words, and runs the chosen one.
class SearchBox : public QDialog {
    Q_OBJECT
public:
    SearchBox(const QList<QAction*>& actions, QWidget* window);
    QLineEdit* field() { return field_; }
    QStringList found() const;

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void find(const QString& words);
    void run();

    QList<QAction*> actions_;
    QLineEdit* field_;
    QListWidget* list_;
};

} // namespace sweetspot::gui
