#include "app/gui/pages/queue_line.h"
#include "app/gui/session/planner.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/text.h"

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
    const auto& queued = session_.queued();
    setVisible(!queued.empty());
    start_->setVisible(!session_.progress().active);
    if (chips_->count() == int(queued.size())) return;
    while (QLayoutItem* item = chips_->takeAt(0)) {
        item->widget()->deleteLater();
        delete item;
    }
    for (std::size_t i = 0; i < queued.size(); ++i) {
        auto* chip = new Chip(tr("%1, %2 points")
                                  .arg(QString::fromStdString(queued[i].spec.name))
                                  .arg(pointCount(queued[i].spec)));
        chip->setRemovable(true);
        connect(chip, &Chip::removed, &session_, [this, i] { session_.unqueue(i); });
        chips_->addWidget(chip);
    }
}

} // namespace sweetspot::gui
