#include "app/gui/frame/rail.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QKeyEvent>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>

// The way between views, always in sight: grouped by what a person wants to do, with a badge where
// something is under way.

namespace sweetspot::gui {
namespace {

class RailButton : public QAbstractButton {
public:
    explicit RailButton(const View& view) : icon_(view.icon) {
        setText(view.name);
        setCheckable(true);
        setFixedHeight(34);
        setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        setFocusPolicy(Qt::TabFocus);
        setCursor(Qt::PointingHandCursor);
        setAttribute(Qt::WA_Hover);
        setAccessibleName(view.name);
        setToolTip(view.shortcut.toString(QKeySequence::NativeText));
    }
    void setBadge(const QString& badge) {
        badge_ = badge;
        setAccessibleDescription(badge);
        update();
    }
    QSize sizeHint() const override { return {160, 34}; }

protected:
    void nextCheckState() override { setChecked(true); }
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        if (isChecked() || underMouse())
            drawBox(painter, rect(), 6, isChecked() ? theme().accent_soft : theme().hover);
        drawIcon(painter, icon_, QRectF(10, 8, 18, 18),
                 isChecked() ? theme().accent : theme().text2);
        painter.setFont(uiFont(13, isChecked() ? QFont::DemiBold : QFont::Medium));
        painter.setPen(isChecked() ? theme().text : theme().text2);
        painter.drawText(QRectF(38, 0, width() - 38, height()), Qt::AlignVCenter, text());
        painter.setFont(numberFont(11));
        painter.setPen(theme().accent);
        painter.drawText(QRectF(0, 0, width() - 10, height()), Qt::AlignVCenter | Qt::AlignRight,
                         badge_);
        if (hasFocus()) drawFocusRing(painter, rect(), 6);
    }

private:
    Icon icon_;
    QString badge_;
};

/// A trade-off curve and the point on it.
class Logo : public QWidget {
public:
    Logo() { setFixedSize(26, 26); }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        drawBox(painter, rect(), 7, theme().accent_fill);
        QPainterPath curve({6.2, 5.2});
        curve.cubicTo(6.4, 15.5, 10.5, 19.4, 20.8, 19.8);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(withAlpha(theme().on_accent, 0.62), 1.7, Qt::SolidLine, Qt::RoundCap));
        painter.drawPath(curve);
        painter.setPen(QPen(theme().accent_fill, 1.4));
        painter.setBrush(theme().on_accent);
        painter.drawEllipse(QPointF(9, 15.9), 3.7, 3.7);
    }
};

QPushButton* searchButton() {
    QPushButton* search = button(QObject::tr("Search"), Icon::search);
    search->setProperty("kind", "search");
    search->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    search->setAccessibleName(QObject::tr("Search views and commands"));
    auto* inside = new QHBoxLayout(search);
    inside->setContentsMargins(0, 0, 10, 0);
    inside->addStretch(1);
    QLabel* key = caption("Ctrl K", 11);
    key->setAttribute(Qt::WA_TransparentForMouseEvents);
    inside->addWidget(key);
    return search;
}

} // namespace

Rail::Rail(const std::vector<View>& views, QMenu* menu) {
    setObjectName("rail");
    setFixedWidth(184);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(12, 13, 12, 10);
    layout->setSpacing(2);
    QPushButton* menu_button = iconButton(Icon::menu, tr("Menu"));
    menu_button->setMenu(menu);
    layout->addLayout(row({new Logo, heading("Sweetspot", 14), nullptr, menu_button}, 6));
    layout->addSpacing(12);
    QPushButton* search = searchButton();
    connect(search, &QPushButton::clicked, this, &Rail::searchRequested);
    layout->addWidget(search);
    layout->addSpacing(10);
    QString group;
    for (const View& view : views) {
        if (view.group != group) {
            group = view.group;
            QLabel* title = label(group, 11, QFont::DemiBold, Ink::text3);
            title->setContentsMargins(10, 10, 0, 4);
            layout->addWidget(title);
        }
        auto* item = new RailButton(view);
        item->installEventFilter(this);
        const int index = int(buttons_.size());
        connect(item, &QAbstractButton::clicked, this, [this, index] { emit viewChosen(index); });
        layout->addWidget(item);
        buttons_ << item;
    }
    layout->addStretch(1);
    theme_ = gui::button({}, Icon::moon, ButtonKind::ghost);
    connect(theme_, &QPushButton::clicked, this, &Rail::themeToggled);
    layout->addWidget(theme_);
}

void Rail::setCurrent(int view) {
    for (int i = 0; i < buttons_.size(); ++i) buttons_[i]->setChecked(i == view);
}

void Rail::setBadge(int view, const QString& badge) {
    if (view >= 0 && view < buttons_.size())
        static_cast<RailButton*>(buttons_[view])->setBadge(badge);
}

void Rail::setDark(bool dark) {
    theme_->setText(dark ? tr("Light theme") : tr("Dark theme"));
    theme_->setIcon(themedIcon(dark ? Icon::sun : Icon::moon));
}

bool Rail::eventFilter(QObject* watched, QEvent* event) {
    const qsizetype at = buttons_.indexOf(qobject_cast<QAbstractButton*>(watched));
    if (at < 0 || event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
    const int key = static_cast<QKeyEvent*>(event)->key();
    const int step = key == Qt::Key_Down ? 1 : key == Qt::Key_Up ? -1 : 0;
    if (key == Qt::Key_Return || key == Qt::Key_Enter) {
        buttons_[at]->click();
        return true;
    }
    if (!step) return QFrame::eventFilter(watched, event);
    QAbstractButton* next = buttons_[std::clamp<qsizetype>(at + step, 0, buttons_.size() - 1)];
    next->setFocus(Qt::TabFocusReason);
    next->click();
    return true;
}

} // namespace sweetspot::gui
