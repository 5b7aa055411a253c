#include "app/gui/pages/sweep_page.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/message.h"
#include <QStackedLayout>

namespace sweetspot::gui {

SweepPage::SweepPage(Session& session, const Nothing& nothing) : session_(session) {
    auto* empty = new EmptyState(nothing.icon, nothing.missing, nothing.how, nothing.action);
    stack_ = new QStackedLayout(this);
    stack_->addWidget(emptyPage(empty));
    connect(empty, &EmptyState::actionRequested, this,
            [this, view = nothing.leads_to] { emit viewRequested(view); });
    connect(&session, &Session::runsChanged, this, [this] {
        if (isVisible()) hear(); // else showEvent() asks
    });
    connect(&session, &Session::sweepsChanged, this, &SweepPage::findSweep);
    connect(&session.selection(), &Selection::runsChanged, this,
            [this](const QSet<qint64>& ids) { showSelection(ids); });
}

void SweepPage::setContent(QWidget* content) {
    stack_->addWidget(content);
}

void SweepPage::showEmpty(bool empty) {
    stack_->setCurrentIndex(empty ? 0 : 1);
}

bool SweepPage::isEmpty() const {
    return stack_->currentIndex() == 0;
}

void SweepPage::showEvent(QShowEvent* event) {
    Page::showEvent(event);
    findSweep();
    takeRuns();
}

void SweepPage::findSweep() {
    for (const SweepInfo& sweep : *session_.sweeps())
        if (sweep.id == session_.selection().sweep()) nameSweep(sweep);
}

void SweepPage::nameSweep(const SweepInfo& sweep) {
    setContext(QString::fromStdString(sweep.name));
}

} // namespace sweetspot::gui
