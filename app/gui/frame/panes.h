#pragma once
#include <QMainWindow>
#include <QTimer>
#include <QVariantMap>

class QDockWidget;
class QMenu;
class QPushButton;

namespace sweetspot::gui {

/// The parts of a page as panes: each can be resized, hidden, dragged by its grip to another place
/// beside or behind another, or out of the window, for another screen. Where they stand, and which
/// part of the whole each takes, is remembered under the name from one start to the next.
class Panes : public QMainWindow {
    Q_OBJECT
public:
    explicit Panes(const QString& name);
    ~Panes() override;

    /// Adds a pane, which is owned from then on. The first fills the whole; another takes its
    /// part of what `beside` has, to its right or below it. `title` names it in menus and tabs,
    /// `key` in what is remembered. `share` is relative to others that it shares an edge with.
    void add(const QString& key, const QString& title, QWidget* pane, int share = 1);
    void add(const QString& key, const QString& title, QWidget* pane, int share,
             const QString& beside, Qt::Orientation orientation);
    /// After the last add(): puts the panes where they were left. `hidden` are so at first.
    void begin(const QStringList& hidden = {});

    /// Whether a person wants to see it.
    bool isShown(const QString& key) const;
    void setShown(const QString& key, bool shown);
    /// One that has nothing to show takes no place, whatever a person wants.
    void setUseful(const QString& key, bool useful);
    /// As they were before anybody moved them.
    void reset();
    /// A button with a menu of the panes, for the page's top bar.
    QPushButton* makeButton();
    QDockWidget* dock(const QString& key) const;

signals:
    void shownChanged(const QString& key, bool shown);

protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    struct Pane {
        QString key;
        QDockWidget* dock;
        int share;
        bool shown_at_first = true, shown = true, useful = true;
    };
    void apply(const Pane& pane);
    /// Two that were put side by side.
    struct Neighbours {
        QDockWidget *first, *second;
        Qt::Orientation along;
        int share_of_first, share_of_second;
    };
    QDockWidget* make(const QString& key, const QString& title, QWidget* pane, int share);
    Pane* paneOf(const QString& key) const;
    void makeRoom(const QString& key);
    void shareOut();
    void shareAsKept();
    void shareSoon();
    void keep();
    void fillMenu(QMenu& menu);

    QString setting_;
    mutable QList<Pane> panes_;
    QList<Neighbours> neighbours_;
    QByteArray first_;
    QVariantMap kept_sizes_; ///< of the panes at last, and under "" of all together; none at first
    QTimer keep_timer_;
    bool begun_ = false;
};

} // namespace sweetspot::gui
