#include "app/analysis/objective.h"
#include "app/analysis/run_plots.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/counted.h"
#include "app/gui/pages/recommendation_column.h"
#include "app/gui/pages/sweet_spot_page.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QMenu>
#include <QPushButton>
#include <algorithm>
#include <set>

// What the Sweet spot page looks at beyond the runs of the selected experiment: those of others,
// and points that nobody measured.

namespace sweetspot::gui {
namespace {

constexpr std::size_t most_guessed = 2000, most_planned = 8, most_experiments = 20;

/// What is guessed beside memory: the time on an axis, else the usual one.
std::string timeOf(const std::string& x, const std::string& y) {
    for (const std::string& metric : {y, x})
        if (const MetricInfo* info = find_metric(metric);
            info && info->unit == "s" && info->better == Better::lower)
            return metric;
    return "kilotoken_seconds";
}

} // namespace

void SweetSpotPage::makeMore() {
    also_ = button(tr("Also"), Icon::history, ButtonKind::ghost);
    also_->setToolTip(tr("Points of other experiments beside those of this one"));
    auto* menu = new QMenu(also_);
    also_->setMenu(menu);
    connect(menu, &QMenu::aboutToShow, this, [this, menu] { offerOthers(*menu); });
    what_if_button_ = button(tr("What if"), Icon::dice, ButtonKind::ghost);
    what_if_button_->setCheckable(true);
    what_if_button_->setToolTip(
        tr("Points of the grid that were not measured: their memory predicted, their time guessed "
           "from those that were, and which of them may change the front"));
    addTopWidget(also_);
    addTopWidget(what_if_button_);
    connect(&session_, &Session::sweepLoaded, this, [this](qint64 sweep, const Runs& runs) {
        const auto asked = others_.find(sweep);
        if (asked == others_.end() || asked->second) return;
        asked->second = runs;
        takeRuns();
    });
    connect(&session_.selection(), &Selection::sweepChanged, this, [this] { others_.clear(); });
    connect(what_if_button_, &QPushButton::toggled, this, &SweetSpotPage::guess);
    connect(&session_, &Session::pointsPredicted, this, &SweetSpotPage::takeGuesses);
    connect(column_, &RecommendationColumn::fillRequested, this, [this] {
        std::vector<RunConfig> points;
        for (const WhatIf& point : what_if_.points)
            if (point.matters && points.size() < most_planned) points.push_back(point.config);
        emit planRequested(points);
    });
}

void SweetSpotPage::offerOthers(QMenu& menu) {
    menu.clear();
    std::size_t shown = 0;
    for (const SweepInfo& sweep : *session_.sweeps()) {
        if (sweep.id == session_.selection().sweep() || sweep.done == 0) continue;
        if (++shown > most_experiments) break;
        QAction* action = menu.addAction(tr("%1, %2").arg(QString::fromStdString(sweep.name),
                                                          dateText(sweep.created_unix_seconds)));
        action->setCheckable(true);
        action->setChecked(others_.contains(sweep.id));
        connect(action, &QAction::toggled, this,
                [this, id = sweep.id](bool on) { setAlso(id, on); });
    }
    if (shown == 0) menu.addAction(tr("There is no other experiment"))->setEnabled(false);
}

void SweetSpotPage::setAlso(std::int64_t sweep, bool also) {
    if (!also) {
        others_.erase(sweep);
        return takeRuns();
    }
    if (others_.try_emplace(sweep).second) session_.loadSweep(sweep);
}

/// The selected experiment's runs, and each of the others' that is none of them.
void SweetSpotPage::gatherRuns() {
    runs_ = session_.runs();
    const bool any = std::any_of(others_.begin(), others_.end(),
                                 [](const auto& other) { return other.second != nullptr; });
    also_->setText(others_.empty()
                       ? tr("Also")
                       : tr("Also %1").arg(counted(qint64(others_.size()), tr("other"))));
    if (!any) return;
    auto all = std::make_shared<std::vector<RunRecord>>(*runs_);
    std::set<std::int64_t> known;
    for (const RunRecord& run : *all) known.insert(run.id);
    for (const auto& [_, others] : others_) {
        if (!others) continue;
        for (const RunRecord& run : *others)
            if (known.insert(run.id).second) all->push_back(run);
    }
    runs_ = all;
}

/// Nothing is predicted beside a sweep: the answer comes when it has ended.
void SweetSpotPage::guess() {
    what_if_ = {};
    guessing_ = what_if_button_->isChecked() && !runs_->empty();
    std::vector<RunConfig> points;
    if (guessing_) points = unmeasured(*runs_);
    const bool many = points.size() > most_guessed;
    if (many) points.resize(most_guessed);
    if (guessing_ && !points.empty()) return session_.predictPoints(points);
    takeGuesses(std::make_shared<const std::vector<RunRecord>>());
}

void SweetSpotPage::takeGuesses(const std::shared_ptr<const std::vector<RunRecord>>& predicted) {
    what_if_ = {};
    QStringList words;
    if (guessing_) {
        what_if_ = what_if(*runs_, *predicted, timeOf(chosen(x_), chosen(y_)));
        for (const std::string& text : sentences_of(what_if_)) words << sentence(text);
    }
    column_->setGuesses(words.join(' '), std::min(what_if_.mattering(), int(most_planned)));
    if (!isEmpty() && isVisible() && !plot_->views().isEmpty()) {
        draw();
        recommendNow();
    }
}

/// Where both are on the axes: rings with the bounds of the guess.
void SweetSpotPage::addGuesses(PlotSpec& spec) const {
    const bool memory_is_x = spec.x.name == "peak_bytes" && spec.y.name == what_if_.metric;
    if (what_if_.points.empty() || !memory_is_x) return;
    constexpr int ring = 3; // its slot
    PlotSeries guesses{
        .name = tr("not measured: guessed").toStdString(), .slot = -1, .marker = ring};
    std::vector<const WhatIf*> order;
    for (const WhatIf& point : what_if_.points) order.push_back(&point);
    std::sort(order.begin(), order.end(),
              [](const WhatIf* a, const WhatIf* b) { return a->peak_bytes < b->peak_bytes; });
    for (const WhatIf* point : order) {
        guesses.x.push_back(point->peak_bytes / spec.x.factor);
        guesses.y.push_back(point->time.value / spec.y.factor);
        guesses.lo.push_back(point->time.low / spec.y.factor);
        guesses.hi.push_back(point->time.high / spec.y.factor);
    }
    spec.series.push_back(std::move(guesses));
}

} // namespace sweetspot::gui
