#include "app/gui/pages/training_curves.h"
#include "app/analysis/run_plots.h"
#include "app/gui/plot/legend.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include <QElapsedTimer>

namespace sweetspot::gui {
namespace {

/// A training is looked at so often at most, for no more than a twentieth of the time.
constexpr int refresh_ms = 500, refresh_share = 20;

enum Kind { losses, rates, memory };

} // namespace

TrainingCurves::TrainingCurves(Session& session, QObject* parent)
    : QObject(parent), session_(session) {
    for (const auto& [key, title] : {std::pair("loss", tr("Loss")),
                                     {"learning-rate", tr("Learning rate")},
                                     {"step-memory", tr("Memory by step")}}) {
        Pane pane{key, title, new Card(title), new PlotGroup};
        pane.card->head()->addWidget(pane.group->makeExportButton());
        if (panes_.isEmpty()) {
            pane.card->body()->addWidget(pane.group->legend());
            pane.group->legend()->show();
        } else {
            pane.group->follow(panes_.front().group->legend());
        }
        pane.card->body()->addWidget(pane.group, 1);
        panes_ << pane;
    }
    soon_.setSingleShot(true);
    connect(&soon_, &QTimer::timeout, this, &TrainingCurves::showNow);
}

void TrainingCurves::follow() {
    if (!session_.progress().active) return showNow();
    if (!soon_.isActive()) soon_.start(std::max<int>(refresh_ms, refresh_share * int(cost_ms_)));
}

void TrainingCurves::showNow() {
    QElapsedTimer timer;
    timer.start();
    const auto& runs = *session_.runs();
    const auto& earlier = *session_.earlierSteps();
    show(panes_[losses], loss_curves(runs, earlier));
    show(panes_[rates], step_curve(runs, "learning_rate", earlier));
    auto peaks = step_curve(runs, "step_peak_bytes", earlier);
    for (PlotSpec& spec : peaks.facets) addPredicted(spec);
    show(panes_[memory], std::move(peaks));
    cost_ms_ = timer.elapsed();
}

void TrainingCurves::show(const Pane& pane, sweetspot::Plot plot) {
    pane.card->setNote(QString::fromStdString(plot.note));
    pane.group->setSpecs(std::move(plot.facets));
}

/// Level lines over the steps so far: each is one number for the whole run.
void TrainingCurves::addPredicted(PlotSpec& spec) const {
    const auto& runs = *session_.runs();
    for (std::size_t i = 0, measured = spec.series.size(); i < measured; ++i) {
        const PlotSeries& series = spec.series[i];
        const auto run = std::ranges::find(runs, series.ids.front(), &RunRecord::id);
        const double peak = run == runs.end() ? 0 : session_.predictedPeak(*run);
        if (peak <= 0) continue;
        PlotSeries level{.name = series.name, .slot = series.slot, .predicted = true};
        level.x = {series.x.front(), series.x.back()};
        level.y.assign(2, peak / spec.y.factor);
        spec.series.push_back(std::move(level));
    }
}

} // namespace sweetspot::gui
