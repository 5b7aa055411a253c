#pragma once
#include "app/gui/frame/page.h"
#include <QFrame>

class QAbstractButton;
class QMenu;
class QPushButton;

namespace sweetspot::gui {

/// The left side of the window: menu, search, the views by group, and the theme. Up and down move
/// between the views.
class Rail : public QFrame {
    Q_OBJECT
public:
    Rail(const std::vector<View>& views, QMenu* menu);

    void setCurrent(int view);
    /// A short word at the right of a view, such as "80 %".
    void setBadge(int view, const QString& badge);
    /// The theme button offers the other theme.
    void setDark(bool dark);
    QAbstractButton* button(int view) const { return buttons_.value(view); }

signals:
    void viewChosen(int view);
    void searchRequested();
    void themeToggled();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    QList<QAbstractButton*> buttons_;
    QPushButton* theme_;
};

} // namespace sweetspot::gui
