#include "app/gui/pages/queue_line.h"
#include "app/gui/session/planner.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/text.h"
#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <utility>

// The queue of sweeps as chips in its order. A chip that is dragged floats above the others until
// it is let go; where it then stands is its new place.

namespace sweetspot::gui {

QueueLine::QueueLine(Session& session) : session_(session) {
    chips_ = new FlowLayout(6, 4);
    auto* chips = new QWidget;
    chips->setLayout(chips_);
    start_ = button(tr("Start the next"), Icon::play);
    auto* line = row({caption(tr("Queue")), chips, start_});
    line->setStretch(1, 1);
    setLayout(line);
    connect(start_, &QPushButton::clicked, &session, &Session::startNext);
    for (auto told : {&Session::queueChanged, &Session::progressChanged})
        connect(&session, told, this, &QueueLine::present);
    present();
}

void QueueLine::present() {
    setVisible(!session_.queued().empty());
    start_->setVisible(!session_.progress().active);
    QStringList names;
    for (const SweepOrder& order : session_.queued())
        names << tr("%1, %2 points")
                     .arg(QString::fromStdString(order.spec.name))
                     .arg(pointCount(order.spec));
    if (names != shown_) makeChips(names);
}

void QueueLine::makeChips(const QStringList& names) {
    shown_ = names;
    held_ = -1;
    while (QLayoutItem* item = chips_->takeAt(0)) {
        item->widget()->deleteLater();
        delete item;
    }
    for (int i = 0; i < int(names.size()); ++i) {
        auto* chip = new Chip(names[i]);
        chip->setRemovable(true);
        chip->setToolTip(tr("Drag it to another place, or press Alt and an arrow; Delete takes it "
                            "away"));
        chip->installEventFilter(this);
        chips_->addWidget(chip);
        connect(chip, &Chip::removed, this, [this, i] { take(i); });
    }
}

Chip* QueueLine::chipAt(int place) const {
    return static_cast<Chip*>(chips_->itemAt(place)->widget());
}

void QueueLine::take(int place) {
    const SweepOrder order = session_.queued()[size_t(place)];
    session_.unqueue(size_t(place));
    emit taken(order, size_t(place));
}

void QueueLine::move(int from, int to) {
    session_.moveQueued(size_t(from), size_t(to));
    makeChips(std::exchange(shown_, {})); // also where two have the same name
    present();
    chipAt(to)->setFocus();
}

bool QueueLine::eventFilter(QObject* watched, QEvent* event) {
    auto& chip = static_cast<Chip&>(*watched);
    if (event->type() == QEvent::MouseButtonPress) {
        held_ = chips_->indexOf(&chip);
        dragged_ = false;
        pressed_ = static_cast<QMouseEvent*>(event)->globalPosition().toPoint();
        home_ = chip.pos();
    } else if (event->type() == QEvent::MouseMove) {
        return drag(chip, *static_cast<QMouseEvent*>(event));
    } else if (event->type() == QEvent::MouseButtonRelease) {
        return drop(chip);
    } else if (event->type() == QEvent::KeyPress) {
        const auto& key = *static_cast<QKeyEvent*>(event);
        const int by = key.key() == Qt::Key_Right ? 1 : key.key() == Qt::Key_Left ? -1 : 0;
        const int from = chips_->indexOf(&chip), to = from + by;
        if (by == 0 || key.modifiers() != Qt::AltModifier) return false;
        if (to >= 0 && to < chips_->count()) move(from, to);
        return true;
    }
    return false;
}

bool QueueLine::drag(Chip& chip, const QMouseEvent& event) {
    const QPoint way = event.globalPosition().toPoint() - pressed_;
    dragged_ = dragged_ || way.manhattanLength() >= QApplication::startDragDistance();
    if (held_ < 0 || !dragged_) return false;
    chip.raise();
    chip.move(home_ + way);
    return true;
}

/// Lets go of a chip: it stands behind all whose middle comes before its own.
bool QueueLine::drop(Chip& chip) {
    const int from = std::exchange(held_, -1);
    if (from < 0 || !dragged_) return false;
    const auto before = [](QPoint a, QPoint b) { // lines first
        return std::abs(a.y() - b.y()) > 11 ? a.y() < b.y() : a.x() < b.x();
    };
    int to = 0;
    for (int i = 0; i < chips_->count(); ++i)
        to += i != from && before(chipAt(i)->geometry().center(), chip.geometry().center());
    chip.setDown(false);
    move(from, to);
    return true;
}

} // namespace sweetspot::gui
