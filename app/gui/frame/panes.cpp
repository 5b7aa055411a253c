#include "app/gui/frame/panes.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QDockWidget>
#include <QEvent>
#include <QMenu>
#include <QPainter>
#include <QSettings>
#include <algorithm>

// Panes are Qt's docks without its look: what stands above a pane is a grip as high as the gap
// between two cards, so that a page that nobody changed looks as if it could not be.

namespace sweetspot::gui {
namespace {

constexpr int grip_height = 10, keep_ms = 400;

/// Three dots to take hold of; the dock moves itself by what this leaves to it.
class Grip : public QWidget {
public:
    explicit Grip(QDockWidget* dock) : QWidget(dock) {
        setFixedHeight(grip_height);
        setCursor(Qt::SizeAllCursor);
        setAttribute(Qt::WA_Hover);
        setToolTip(QObject::tr("%1: drag it to another place; a double click takes it out of the "
                               "window, a right click hides it")
                       .arg(dock->windowTitle()));
    }
    QSize sizeHint() const override { return {40, grip_height}; }
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(underMouse() ? theme().text2 : theme().border_strong);
        for (const int place : {-8, 0, 8})
            painter.drawEllipse(QPointF(width() / 2.0 + place, grip_height / 2.0), 1.5, 1.5);
    }
    void enterEvent(QEnterEvent*) override { update(); }
    void leaveEvent(QEvent*) override { update(); }
};

} // namespace

Panes::Panes(const QString& name) : setting_("panes/" + name) {
    setWindowFlags(Qt::Widget);
    setDockNestingEnabled(true);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    setContextMenuPolicy(Qt::PreventContextMenu);
    setAttribute(Qt::WA_TranslucentBackground);
    keep_timer_.setSingleShot(true);
    keep_timer_.setInterval(keep_ms);
    connect(&keep_timer_, &QTimer::timeout, this, &Panes::keep);
}

Panes::~Panes() {
    for (const Pane& pane : panes_) pane.dock->removeEventFilter(this);
}

QDockWidget* Panes::make(const QString& key, const QString& title, QWidget* pane, int share) {
    auto* dock = new QDockWidget(title, this);
    dock->setObjectName(key); // what saveState() knows it by
    dock->setWidget(pane);
    dock->setTitleBarWidget(new Grip(dock));
    dock->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(dock, &QWidget::customContextMenuRequested, this, [this, dock](QPoint place) {
        if (place.y() > grip_height || dock->isFloating()) return;
        auto* menu = new QMenu(this);
        menu->setAttribute(Qt::WA_DeleteOnClose);
        connect(menu->addAction(tr("Hide %1").arg(dock->windowTitle())), &QAction::triggered, this,
                [this, name = dock->objectName()] { setShown(name, false); });
        connect(menu->addAction(tr("Take it out of the window")), &QAction::triggered, dock,
                [dock] { dock->setFloating(true); });
        menu->popup(dock->mapToGlobal(place));
    });
    // Out of the window it has a window's title, with a cross.
    connect(dock, &QDockWidget::topLevelChanged, this, [this, dock](bool floats) {
        QWidget* before = dock->titleBarWidget();
        dock->setTitleBarWidget(floats ? nullptr : new Grip(dock));
        if (before) before->deleteLater();
        keep_timer_.start();
    });
    dock->installEventFilter(this);
    panes_ << Pane{key, dock, share};
    return dock;
}

void Panes::add(const QString& key, const QString& title, QWidget* pane, int share) {
    addDockWidget(Qt::LeftDockWidgetArea, make(key, title, pane, share));
}

void Panes::add(const QString& key, const QString& title, QWidget* pane, int share,
                const QString& beside, Qt::Orientation orientation) {
    const Pane other = *paneOf(beside);
    QDockWidget* mine = make(key, title, pane, share);
    addDockWidget(Qt::LeftDockWidgetArea, mine);
    splitDockWidget(other.dock, mine, orientation);
    neighbours_ << Neighbours{other.dock, mine, orientation, other.share, share};
}

void Panes::begin(const QStringList& hidden) {
    first_ = saveState();
    for (Pane& pane : panes_) pane.shown = pane.shown_at_first = !hidden.contains(pane.key);
    const QSettings settings;
    const QByteArray kept = settings.value(setting_).toByteArray();
    if (!kept.isEmpty() && restoreState(kept)) {
        const QStringList left = settings.value(setting_ + "-hidden").toStringList();
        for (Pane& pane : panes_) pane.shown = !left.contains(pane.key);
        kept_sizes_ = settings.value(setting_ + "-sizes").toMap();
    }
    for (const Pane& pane : panes_) apply(pane);
    begun_ = true;
}

QDockWidget* Panes::dock(const QString& key) const {
    const Pane* pane = paneOf(key);
    return pane ? pane->dock : nullptr;
}

Panes::Pane* Panes::paneOf(const QString& key) const {
    const auto found = std::find_if(panes_.begin(), panes_.end(),
                                    [&](const Pane& pane) { return pane.key == key; });
    return found == panes_.end() ? nullptr : &*found;
}

/// Panes out of the window go with their page.
void Panes::apply(const Pane& pane) {
    const bool page_is_seen = isVisible() || !begun_;
    pane.dock->setVisible(pane.shown && pane.useful && (page_is_seen || !pane.dock->isFloating()));
}

bool Panes::isShown(const QString& key) const {
    const Pane* pane = paneOf(key);
    return pane && pane->shown;
}

void Panes::setShown(const QString& key, bool shown) {
    Pane* pane = paneOf(key);
    if (!pane || pane->shown == shown) return;
    pane->shown = shown;
    apply(*pane);
    if (shown) pane->dock->raise(); // it may be a tab behind another
    if (shown) makeRoom(key);
    emit shownChanged(key, shown);
    keep_timer_.start();
}

void Panes::setUseful(const QString& key, bool useful) {
    Pane* pane = paneOf(key);
    if (!pane || pane->useful == useful) return;
    pane->useful = useful;
    apply(*pane);
    if (useful) makeRoom(key);
}

/// Of one that was never seen before: what is kept leaves it no part.
void Panes::makeRoom(const QString& key) {
    if (!begun_ || !isVisible() || kept_sizes_.contains(key)) return;
    kept_sizes_.clear();
    shareSoon();
}

void Panes::reset() {
    restoreState(first_);
    for (Pane& pane : panes_) {
        pane.shown = pane.shown_at_first;
        apply(pane);
        emit shownChanged(pane.key, pane.shown);
    }
    kept_sizes_.clear();
    shareOut();
    QSettings settings;
    for (const QString& key : {setting_, setting_ + "-hidden", setting_ + "-sizes"})
        settings.remove(key);
}

/// Of those that share edges in one direction each gets its part.
void Panes::shareOut() {
    for (qsizetype i = 0; i < neighbours_.size();) {
        QList<QDockWidget*> docks{neighbours_[i].first};
        QList<int> sizes{1000 * neighbours_[i].share_of_first};
        const Qt::Orientation along = neighbours_[i].along;
        for (; i < neighbours_.size() && neighbours_[i].first == docks.back() &&
               neighbours_[i].along == along;
             ++i) {
            docks << neighbours_[i].second;
            sizes << 1000 * neighbours_[i].share_of_second;
        }
        for (qsizetype k = docks.size() - 1; k >= 0; --k)
            if (!docks[k]->isVisible()) docks.removeAt(k), sizes.removeAt(k);
        if (docks.size() > 1) resizeDocks(docks, sizes, along);
    }
}

/// What is kept are pixels, of another size of the window: each gets its part of this one.
void Panes::shareAsKept() {
    const QSize then = kept_sizes_.value({}).toSize();
    if (then.isEmpty()) return;
    QList<QDockWidget*> docks;
    QList<int> widths, heights;
    for (const Pane& pane : panes_) {
        const QSize before = kept_sizes_.value(pane.key).toSize();
        if (before.isEmpty() || !pane.dock->isVisible() || pane.dock->isFloating()) continue;
        docks << pane.dock;
        widths << std::max(1, before.width() * width() / then.width());
        const bool grows = pane.dock->widget()->sizePolicy().verticalPolicy() != QSizePolicy::Fixed;
        heights << std::max(1, grows ? before.height() * height() / then.height()
                                     : pane.dock->sizeHint().height());
    }
    resizeDocks(docks, widths, Qt::Horizontal);
    resizeDocks(docks, heights, Qt::Vertical);
}

QPushButton* Panes::makeButton() {
    auto* panes = button(tr("Panes"), Icon::columns, ButtonKind::ghost);
    panes->setToolTip(tr("Which parts of the page are shown; each is dragged by its grip"));
    auto* menu = new QMenu(panes);
    panes->setMenu(menu);
    connect(menu, &QMenu::aboutToShow, this, [this, menu] { fillMenu(*menu); });
    return panes;
}

void Panes::fillMenu(QMenu& menu) {
    menu.clear();
    for (const Pane& pane : panes_) {
        if (!pane.useful) continue;
        QAction* shown = menu.addAction(pane.dock->windowTitle());
        shown->setCheckable(true);
        shown->setChecked(pane.shown);
        connect(shown, &QAction::toggled, this,
                [this, key = pane.key](bool on) { setShown(key, on); });
    }
    menu.addSeparator();
    connect(menu.addAction(tr("As they were at first")), &QAction::triggered, this, &Panes::reset);
}

void Panes::keep() {
    if (!begun_ || !isVisible()) return;
    QStringList hidden;
    QVariantMap sizes = kept_sizes_; // those that are hidden now have had theirs
    sizes[QString()] = size();
    for (const Pane& pane : panes_) {
        if (!pane.shown) hidden << pane.key;
        if (pane.dock->isVisible() && !pane.dock->isFloating()) sizes[pane.key] = pane.dock->size();
    }
    QSettings settings;
    settings.setValue(setting_, saveState());
    settings.setValue(setting_ + "-hidden", hidden);
    settings.setValue(setting_ + "-sizes", sizes);
    kept_sizes_ = sizes;
}

void Panes::showEvent(QShowEvent* event) {
    QMainWindow::showEvent(event);
    for (const Pane& pane : panes_) apply(pane);
    shareSoon();
}

void Panes::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    if (begun_ && isVisible()) shareSoon();
}

/// When sizes are known.
void Panes::shareSoon() {
    QTimer::singleShot(0, this, kept_sizes_.isEmpty() ? &Panes::shareOut : &Panes::shareAsKept);
}

void Panes::hideEvent(QHideEvent* event) {
    QMainWindow::hideEvent(event);
    if (event->spontaneous()) return; // the window is minimised
    for (const Pane& pane : panes_)
        if (pane.dock->isFloating()) pane.dock->hide();
}

bool Panes::eventFilter(QObject* watched, QEvent* event) {
    const bool moved = event->type() == QEvent::Resize || event->type() == QEvent::Move;
    if (event->type() == QEvent::Close)
        setShown(watched->objectName(), false);
    else if (moved && isVisible())
        keep_timer_.start();
    return QMainWindow::eventFilter(watched, event);
}

} // namespace sweetspot::gui
