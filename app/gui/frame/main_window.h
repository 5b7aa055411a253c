#pragma once
#include "app/gui/frame/page.h"
#include "app/gui/frame/search_box.h"
#include <QMainWindow>

class QMenu;
class QSplitter;
class QStackedWidget;
class QVBoxLayout;

namespace sweetspot::gui {

class PickHint;
class Rail;
class StatusBar;
class ThemeControl;
class TopBar;

/// The frame around all pages: rail, top bar, pages, status bar. Its place, size and view are
/// remembered. It knows no page by type: all come from the table of views.
class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    /// `theme` must outlive the window.
    MainWindow(std::vector<View> views, ThemeControl& theme);

    /// Shows a view, if it is in the table.
    void showView(ViewId id);
    ViewId currentView() const { return views_[size_t(current_)].id; }
    /// The page of a view, made now if it was not shown before; null if there is none.
    Page* page(ViewId id);
    StatusBar& status() { return *status_; }
    TopBar& topBar() { return *top_; }
    Rail& rail() { return *rail_; }
    void setBadge(ViewId view, const QString& badge);
    /// Puts a strip between the top bar and the page, whichever is shown.
    void addNotice(QWidget* strip);

    /// Adds a command to the menu, the search and the F1 sheet. `group` is its heading there.
    QAction* addCommand(const QString& text, Icon icon, const QKeySequence& shortcut,
                        const QString& group, std::function<void()> run);

    /// What the search finds besides views and commands; asked each time it opens.
    void setMoreToFind(std::function<QList<SearchEntry>()> more) {
        more_to_find_ = std::move(more);
    }

signals:
    void viewShown(ViewId view);
    /// Local files were dropped anywhere on the window.
    void filesDropped(const QStringList& paths);
    /// A run was dragged to the place of A, or of B.
    void runDropped(qint64 run_id, bool as_b);
    /// The cross of the selection pill was clicked.
    void selectionCleared();

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dragMoveEvent(QDragMoveEvent* event) override;
    void dragLeaveEvent(QDragLeaveEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void closeEvent(QCloseEvent* event) override;

private:
    void build();
    void addCommands();
    void restore();
    void showAt(int index);
    void goBack(int by); ///< to a view that was shown before, or forward again
    void bringUp(int index);
    Page* pageAt(int index);
    int indexOf(ViewId id) const; ///< -1 = none
    void showShortcuts();
    void search();

    std::vector<View> views_;
    std::vector<Page*> pages_; ///< null until first shown
    std::function<QList<SearchEntry>()> more_to_find_;
    ThemeControl& theme_;
    int current_ = 0;
    QList<int> visited_; ///< views in the order they were shown
    int visit_ = -1;     ///< the place in it
    QMenu* menu_;
    Rail* rail_ = nullptr;
    TopBar* top_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QVBoxLayout* notices_ = nullptr;
    StatusBar* status_ = nullptr;
    QWidget* drop_hint_ = nullptr;
    PickHint* pick_hint_ = nullptr;
};

/// Keeps a splitter's sizes in QSettings under "splitter/" and its name.
void rememberSplitter(QSplitter* splitter, const QString& name);

} // namespace sweetspot::gui
