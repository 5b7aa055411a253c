#include "app/gui/pages/sweep_page.h"
#include "app/gui/models/run_text.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/message.h"
#include <QAction>
#include <QEvent>
#include <QMenu>
#include <QStackedLayout>
#include <utility>

// What pages about the runs of a sweep share: what stands there while there are none, when they
// look at the session, and how a run is picked as A, B or baseline.

namespace sweetspot::gui {

SweepPage::SweepPage(Session& session, const Nothing& nothing)
    : session_(session), missing_(nothing.missing), how_(nothing.how) {
    nothing_ = new EmptyState(nothing.icon, missing_, how_, nothing.action);
    stack_ = new QStackedLayout(this);
    stack_->addWidget(emptyPage(nothing_));
    connect(nothing_, &EmptyState::actionRequested, this,
            [this, view = nothing.leads_to] { emit viewRequested(view); });
    connect(&session, &Session::runsChanged, this, [this] {
        if (isVisible()) hear(); // else showEvent() asks
    });
    const auto outdatedBy = [this](auto* sender, auto... signals_of) {
        (connect(sender, signals_of, this,
                 [this] {
                     if (!isVisible()) outdate();
                 }),
         ...);
    };
    outdatedBy(&session, &Session::opened, &Session::runsChanged, &Session::sweepsChanged,
               &Session::progressChanged, &Session::sweepEnded, &Session::sweepLoaded,
               &Session::predicted, &Session::deletionsChanged, &Session::devicesChanged);
    outdatedBy(&session.selection(), &Selection::sweepChanged, &Selection::runsChanged,
               &Selection::runChanged, &Selection::pairChanged, &Selection::baselineChanged,
               &Selection::timeChanged);
    connect(&session, &Session::sweepsChanged, this, &SweepPage::findSweep);
    connect(&session.selection(), &Selection::runsChanged, this,
            [this](const QSet<qint64>& ids) { showSelection(ids); });
}

void SweepPage::setContent(QWidget* content) {
    stack_->addWidget(content);
}

void SweepPage::showEmpty(bool empty) {
    stack_->setCurrentIndex(empty ? 0 : 1);
    const QString why = empty ? whyNoneIsDone(*session_.runs()) : QString();
    if (why.isEmpty())
        nothing_->setText(missing_, how_);
    else
        nothing_->setText(tr("No run of this experiment is done"), why);
}

namespace {
struct Pick {
    const char* text;
    const char* keys;
    Icon icon;
    void (*take)(Selection& selection, qint64 run);
};
constexpr Pick picks[] = {
    {QT_TR_NOOP("Take #%1 as A"), "A", Icon::compare,
     [](Selection& s, qint64 run) {
         s.setPair({run, s.pair().b});
     }},
    {QT_TR_NOOP("Take #%1 as B"), "B", Icon::compare,
     [](Selection& s, qint64 run) {
         s.setPair({s.pair().a, run});
     }},
    {QT_TR_NOOP("Make #%1 the baseline"), "Ctrl+B", Icon::pin,
     [](Selection& s, qint64 run) { s.setBaseline(s.baseline() == run ? 0 : run); }},
};
} // namespace

void SweepPage::addPickActions() {
    for (const Pick& pick : picks) {
        auto* action = new QAction(tr(pick.text).arg(QString()).replace("#", tr("the run")), this);
        action->setShortcut(QKeySequence(pick.keys));
        action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
        action->setProperty("group", tr("Runs"));
        connect(action, &QAction::triggered, this, [this, &pick] {
            if (const qint64 run = session_.selection().run()) pick.take(session_.selection(), run);
        });
        addAction(action);
    }
}

void SweepPage::addPicks(QMenu& menu, qint64 run_id) {
    for (const Pick& pick : picks)
        connect(menu.addAction(themedIcon(pick.icon), tr(pick.text).arg(run_id)),
                &QAction::triggered, this,
                [this, &pick, run_id] { pick.take(session_.selection(), run_id); });
    QAction* compare = menu.addAction(themedIcon(Icon::compare), tr("Compare A with B"));
    const RunPair& pair = session_.selection().pair();
    compare->setEnabled(pair.a && pair.b);
    connect(compare, &QAction::triggered, this, [this] { emit viewRequested(ViewId::compare); });
}

bool SweepPage::isEmpty() const {
    return stack_->currentIndex() == 0;
}

void SweepPage::showEvent(QShowEvent* event) {
    Page::showEvent(event);
    if (!std::exchange(outdated_, false)) return;
    findSweep();
    takeRuns();
}

/// Some of what is shown was given the theme's colours when it was made.
void SweepPage::changeEvent(QEvent* event) {
    Page::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && !isVisible()) outdate();
}

void SweepPage::findSweep() {
    for (const SweepInfo& sweep : *session_.sweeps())
        if (sweep.id == session_.selection().sweep()) nameSweep(sweep);
}

void SweepPage::nameSweep(const SweepInfo& sweep) {
    setContext(QString::fromStdString(sweep.name));
}

} // namespace sweetspot::gui
