#include "app/gui/frame/main_window.h"
#include "app/gui/frame/pick_hint.h"
#include "app/gui/frame/rail.h"
#include "app/gui/frame/search_box.h"
#include "app/gui/frame/shortcuts_sheet.h"
#include "app/gui/frame/status_bar.h"
#include "app/gui/frame/top_bar.h"
#include "app/gui/theme/colour.h"
#include "app/gui/theme/theme_control.h"
#include "app/gui/widgets/run_mime.h"
#include "app/gui/widgets/text.h"
#include <QAction>
#include <QActionGroup>
#include <QDragEnterEvent>
#include <QLineEdit>
#include <QMenu>
#include <QMimeData>
#include <QPainter>
#include <QScreen>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>

// The frame: it knows views by their ids and pages by what they can do, never by type. Pages are
// made when they are first asked for, so that the window is there at once.

namespace sweetspot::gui {
namespace {

/// Covers the window while files are held over it.
class DropHint : public QWidget {
public:
    explicit DropHint(QWidget* parent) : QWidget(parent) {
        setAttribute(Qt::WA_TransparentForMouseEvents);
        hide();
    }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.fillRect(rect(), withAlpha(theme().window, 0.82));
        drawFocusRing(painter, QRectF(rect()).adjusted(8, 8, -8, -8), 12);
        painter.setFont(uiFont(18, QFont::DemiBold));
        painter.setPen(theme().text);
        painter.drawText(rect(), Qt::AlignCenter,
                         tr("Drop a spec, a database or records to open them"));
    }
};

/// The room around a strip, which goes with it.
class NoticeRoom : public QWidget {
public:
    explicit NoticeRoom(QWidget* strip) : strip_(strip) {
        auto* layout = row({strip});
        layout->setContentsMargins(24, 10, 24, 0);
        setLayout(layout);
        setVisible(!strip->isHidden());
        strip->installEventFilter(this);
    }

protected:
    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() == QEvent::ShowToParent || event->type() == QEvent::HideToParent)
            setVisible(!strip_->isHidden());
        return false;
    }

private:
    QWidget* strip_;
};

QStringList localFiles(const QMimeData& data) {
    QStringList paths;
    for (const QUrl& url : data.urls())
        if (url.isLocalFile()) paths << url.toLocalFile();
    return paths;
}

} // namespace

MainWindow::MainWindow(std::vector<View> views, ThemeControl& theme)
    : views_(std::move(views)), pages_(views_.size()), theme_(theme) {
    setWindowTitle("Sweetspot");
    setMinimumSize(1120, 700);
    setAcceptDrops(true);
    menu_ = new QMenu(this);
    build();
    addCommands();
    connect(rail_, &Rail::viewChosen, this, &MainWindow::showAt);
    connect(rail_, &Rail::searchRequested, this, &MainWindow::search);
    connect(rail_, &Rail::themeToggled, &theme_, &ThemeControl::toggle);
    connect(top_, &TopBar::selectionCleared, this, &MainWindow::selectionCleared);
    const auto show_theme = [this] { rail_->setDark(gui::theme().dark); };
    connect(&theme_, &ThemeControl::changed, this, show_theme);
    show_theme();
    restore();
}

void MainWindow::build() {
    rail_ = new Rail(views_, menu_);
    top_ = new TopBar;
    stack_ = new QStackedWidget;
    status_ = new StatusBar;
    auto* right = column({top_}, 0);
    notices_ = column({}, 8); // takes no room while it is empty
    right->addLayout(notices_);
    right->addWidget(stack_, 1);
    auto* upper = row({rail_}, 0);
    upper->addLayout(right, 1);
    auto* central = new QWidget;
    central->setObjectName("content");
    auto* layout = column({}, 0);
    layout->addLayout(upper, 1);
    layout->addWidget(status_);
    central->setLayout(layout);
    setCentralWidget(central);
    drop_hint_ = new DropHint(this);
    pick_hint_ = new PickHint(this);
}

QAction* MainWindow::addCommand(const QString& text, Icon icon, const QKeySequence& shortcut,
                                const QString& group, std::function<void()> run) {
    auto* action = new QAction(themedIcon(icon), text, this);
    action->setShortcut(shortcut);
    action->setProperty("group", group);
    connect(action, &QAction::triggered, this, std::move(run));
    addAction(action);
    if (menu_->actions().isEmpty() || menu_->actions().back()->property("group") != group)
        menu_->addSeparator();
    menu_->addAction(action);
    return action;
}

void MainWindow::addCommands() {
    const QString views = tr("Views"), window = tr("Window");
    for (int i = 0; i < int(views_.size()); ++i) {
        auto* action =
            new QAction(themedIcon(views_[size_t(i)].icon), views_[size_t(i)].name, this);
        action->setShortcut(views_[size_t(i)].shortcut);
        action->setProperty("group", views);
        connect(action, &QAction::triggered, this, [this, i] { showAt(i); });
        addAction(action); // the rail has them all, so the menu does not
    }
    addCommand(tr("Back"), Icon::none, QKeySequence("Alt+Left"), window, [this] { goBack(1); });
    addCommand(tr("Forward"), Icon::none, QKeySequence("Alt+Right"), window,
               [this] { goBack(-1); });
    addCommand(tr("Search"), Icon::search, QKeySequence("Ctrl+K"), window, [this] { search(); });
    addCommand(tr("Light or dark theme"), Icon::moon, QKeySequence("Ctrl+Shift+D"), window,
               [this] { theme_.toggle(); });
    addCommand(tr("Theme of the system"), Icon::sun, {}, window,
               [this] { theme_.setChoice(ThemeControl::Choice::system); });
    addCommand(tr("Full screen"), Icon::swap, QKeySequence("F11"), window,
               [this] { setWindowState(windowState() ^ Qt::WindowFullScreen); });
    addCommand(tr("Shortcuts"), Icon::keyboard, QKeySequence("F1"), window,
               [this] { showShortcuts(); });
    addCommand(tr("Quit"), Icon::close, QKeySequence("Ctrl+Q"), window, [this] { close(); });
}

void MainWindow::restore() {
    const QSettings settings;
    if (!restoreGeometry(settings.value("window/geometry").toByteArray())) {
        constexpr int frame = 40; // a title bar must be in reach, too
        const QSize room = screen()->availableSize() - QSize(0, frame);
        resize(QSize(1440, 900).boundedTo(room));
    }
    // Earlier versions kept the name: "Sweet spot".
    const QString kept = settings.value("window/view").toString().toLower().replace(' ', '-');
    showAt(std::max(0, indexOf(viewOfKey(kept).value_or(ViewId::welcome))));
}

int MainWindow::indexOf(ViewId id) const {
    for (size_t i = 0; i < views_.size(); ++i)
        if (views_[i].id == id) return int(i);
    return -1;
}

Page* MainWindow::pageAt(int index) {
    Page*& page = pages_[size_t(index)];
    if (!page) {
        page = views_[size_t(index)].make();
        stack_->addWidget(page);
        connect(page, &Page::viewRequested, this, &MainWindow::showView);
    }
    return page;
}

Page* MainWindow::page(ViewId id) {
    const int index = indexOf(id);
    return index < 0 ? nullptr : pageAt(index);
}

void MainWindow::showView(ViewId id) {
    const int index = indexOf(id);
    if (index >= 0) showAt(index);
}

void MainWindow::showAt(int index) {
    if (visited_.value(visit_, -1) != index) {
        visited_ = visited_.mid(0, visit_ + 1) << index;
        visit_ = int(visited_.size()) - 1;
    }
    bringUp(index);
}

void MainWindow::goBack(int by) {
    const int to = visit_ - by;
    if (to < 0 || to >= visited_.size()) return;
    visit_ = to;
    bringUp(visited_[to]);
}

void MainWindow::bringUp(int index) {
    Page* page = pageAt(index);
    current_ = index;
    stack_->setCurrentWidget(page);
    rail_->setCurrent(index);
    top_->present(views_[size_t(index)].name, page);
    // Its keys work at once, and no ring stands on what comes first in the order of Tab. Who goes
    // through the rail by keys goes on.
    if (!rail_->isAncestorOf(focusWidget())) page->setFocus(Qt::OtherFocusReason);
    emit viewShown(currentView());
}

void MainWindow::setBadge(ViewId view, const QString& badge) {
    rail_->setBadge(indexOf(view), badge);
}

void MainWindow::addNotice(QWidget* strip) {
    notices_->addWidget(new NoticeRoom(strip));
}

void MainWindow::showShortcuts() {
    auto* sheet = new ShortcutsSheet(this);
    sheet->setAttribute(Qt::WA_DeleteOnClose);
    sheet->open();
}

void MainWindow::search() {
    QList<SearchEntry> entries;
    for (QAction* action : actions())
        if (!action->text().isEmpty() && action->isEnabled())
            entries << SearchEntry{
                action->icon(), action->text().remove('&'), {}, [action] { action->trigger(); }};
    if (more_to_find_) entries << more_to_find_();
    auto* box = new SearchBox(std::move(entries), this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->open();
    box->field()->setFocus();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (runIn(*event->mimeData())) {
        pick_hint_->showFor(event->position().toPoint());
        return event->acceptProposedAction();
    }
    if (localFiles(*event->mimeData()).isEmpty()) return;
    event->acceptProposedAction();
    drop_hint_->setGeometry(rect());
    drop_hint_->raise();
    drop_hint_->show();
}

void MainWindow::dragMoveEvent(QDragMoveEvent* event) {
    if (runIn(*event->mimeData())) pick_hint_->showFor(event->position().toPoint());
}

void MainWindow::dragLeaveEvent(QDragLeaveEvent*) {
    drop_hint_->hide();
    pick_hint_->hide();
}

void MainWindow::dropEvent(QDropEvent* event) {
    drop_hint_->hide();
    pick_hint_->hide();
    if (const qint64 run = runIn(*event->mimeData())) {
        const PickHint::Side side = pick_hint_->sideAt(event->position().toPoint());
        if (side != PickHint::Side::none) emit runDropped(run, side == PickHint::Side::b);
        return;
    }
    const QStringList paths = localFiles(*event->mimeData());
    if (paths.isEmpty()) return;
    event->acceptProposedAction();
    emit filesDropped(paths);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    QSettings settings;
    settings.setValue("window/geometry", saveGeometry());
    settings.setValue("window/view", viewKey(currentView()));
    QMainWindow::closeEvent(event);
}

void rememberSplitter(QSplitter* splitter, const QString& name) {
    const QString key = "splitter/" + name;
    splitter->restoreState(QSettings().value(key).toByteArray());
    QObject::connect(splitter, &QSplitter::splitterMoved, splitter,
                     [splitter, key] { QSettings().setValue(key, splitter->saveState()); });
}

} // namespace sweetspot::gui
