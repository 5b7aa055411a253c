#include "app/gui/pages/live_header.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/statistics.h"
#include "app/gui/models/run_text.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include <QDateTime>

// How far a sweep is in one glance: points, time left, the run in progress and its phase, and the
// buttons that pause and stop it.

namespace sweetspot::gui {
namespace {

constexpr int most_chips = 5;

QString duration(double seconds) {
    return QString::fromStdString(format_duration(seconds));
}

QString clockTime(double unix_seconds) {
    return QDateTime::fromSecsSinceEpoch(qint64(unix_seconds)).toString("hh:mm");
}

QString phaseWord(const QString& phase) {
    if (phase == "load") return QObject::tr("loading");
    if (phase == "warmup") return QObject::tr("warming up");
    if (phase == "measure") return QObject::tr("measuring");
    if (phase == "train") return QObject::tr("training");
    if (phase == "paused") return QObject::tr("paused");
    if (phase == "quality") return QObject::tr("scoring");
    return phase == "trace" ? QObject::tr("tracing") : phase;
}

/// "step 40 of 150, loss 2.31, learning rate 0.003, 62 ms a step, 16.5 k tokens/s"
QString trainedSoFar(const RunRecord& run) {
    const auto last = [&](const char* metric) -> std::optional<Measured> {
        const auto found = run.samples.find(metric);
        if (found == run.samples.end() || found->second.empty()) return {};
        return found->second.back();
    };
    const auto loss = last("train_loss");
    if (!loss) return {};
    QStringList words{
        QObject::tr("step %1 of %2").arg(loss->index + 1).arg(run.config.steps),
        QObject::tr("loss %1").arg(QString::fromStdString(format_number(loss->value, 4)))};
    const auto add = [&](const QString& text, double value, const char* unit) {
        words << text.arg(QString::fromStdString(format_value(value, unit)));
    };
    if (const auto held_out = last("validation_loss"))
        add(QObject::tr("held out %1"), held_out->value, "");
    if (const auto norm = last("gradient_norm"))
        add(QObject::tr("gradient norm %1"), norm->value, "");
    if (const auto rate = last("learning_rate"))
        add(QObject::tr("learning rate %1"), rate->value, "");
    const auto seconds = last("step_seconds"), tokens = last("step_tokens");
    if (seconds && seconds->value > 0) {
        add(QObject::tr("%1 a step"), seconds->value, "s");
        if (tokens) add("%1", tokens->value / seconds->value, "tokens/s");
    }
    return words.join(", ");
}

/// "step 7 of at least 10, noise 1.4 %, target 1 %"
QString measuredSoFar(const RunRecord& run) {
    if (run.config.task == Task::train) return trainedSoFar(run);
    const char* metric = timed_metric(run);
    const auto samples = metric ? samples_of(run, metric) : std::vector<double>{};
    if (samples.empty()) return {};
    QString text =
        QObject::tr("step %1 of at least %2").arg(samples.size()).arg(run.config.repeats);
    if (samples.size() > 1)
        text += QObject::tr(", noise %1 %, target %2 %")
                    .arg(tableNumber(100 * relative_noise(summarize(samples)), 2),
                         QString::number(100 * run.config.noise));
    return text;
}

} // namespace

LiveHeader::LiveHeader() {
    points_ = new Figure({}, {}, {}, 26);
    time_ = new Figure({}, {}, {}, 26);
    point_ = heading({});
    phase_ = label({}, 12, QFont::DemiBold, Ink::accent);
    detail_ = new ElidedLabel({}, 12, QFont::Normal, Ink::text2);
    pause_ = button(tr("Pause"), Icon::pause);
    stop_ = button(tr("Stop"), Icon::stop, ButtonKind::danger);
    resume_ = button({}, Icon::play);
    resume_->hide();
    trained_ = button(tr("Measure what it trained"), Icon::cpu);
    trained_->setToolTip(tr("Takes the weights that were saved as the model of an experiment"));
    trained_->hide();
    bar_ = new SegmentedProgress;
    for (Figure* figure : {points_, time_})
        figure->setSizePolicy(QSizePolicy::Minimum, QSizePolicy::Fixed);

    chips_ = row({point_}, 4);
    chips_->addStretch(1);
    auto* phase = row({phase_}, 6);
    phase->addWidget(detail_, 1);
    auto* now = column({}, 4);
    now->addLayout(chips_);
    now->addLayout(phase);
    auto* line = row({points_, rule(Qt::Vertical), time_, rule(Qt::Vertical)}, 24);
    line->addLayout(now, 1);
    line->addLayout(row({trained_, resume_, pause_, stop_}));
    body()->addLayout(line);
    body()->addWidget(bar_);
    setAccessibleName(tr("Progress"));

    connect(pause_, &QPushButton::clicked, this, [this] { emit pauseRequested(!paused_); });
    connect(resume_, &QPushButton::clicked, this, &LiveHeader::resumeRequested);
    connect(trained_, &QPushButton::clicked, this, &LiveHeader::trainedRequested);
    connect(stop_, &QPushButton::clicked, this,
            [this] { emit(stopping_ ? stopNowRequested() : stopRequested()); });
}

void LiveHeader::showCounts(const RunCounts& counts, int impossible) {
    QStringList words;
    if (counts.flagged) words << tr("%1 flagged").arg(counts.flagged);
    if (counts.failed) words << tr("%1 failed").arg(counts.failed);
    if (impossible) words << tr("%1 impossible").arg(impossible);
    const int ended = counts.done + counts.flagged + counts.failed;
    if (words.isEmpty()) words << (ended ? tr("none flagged, none failed") : tr("none yet"));
    points_->set(
        QString::number(ended),
        tr("of %n points", nullptr, counts.total).replace("%n", QString::number(counts.total)),
        words.join(", "));
    points_->setTone(counts.failed ? Tone::bad : Tone::neutral);
    bar_->setCounts(counts);
}

void LiveHeader::showProgress(const SweepProgress& progress, bool running,
                              const RunRecord* current) {
    active_ = running;
    paused_ = running && progress.paused;
    stopping_ = running && progress.stopping;
    pause_->setVisible(running);
    stop_->setVisible(running);
    if (!running) return;
    resume_->hide();
    trained_->hide();
    const bool pausing = progress.pausing() && !stopping_;
    pause_->setText(paused_ ? tr("Go on") : tr("Pause"));
    pause_->setIcon(themedIcon(paused_ ? Icon::play : Icon::pause));
    setReason(pause_, stopping_ ? tr("The sweep is stopping.") : QString());
    stop_->setText(stopping_ ? tr("Stop now") : tr("Stop"));
    const bool trains = current && current->config.task == Task::train;
    const bool keeps = trains && !current->config.checkpoint.empty();
    stop_->setToolTip(
        keeps && stopping_ ? tr("Ends it at once; resumed, it goes on from its last checkpoint.")
        : keeps            ? tr("Stops after this step, with a checkpoint to go on from.")
        : stopping_        ? tr("Ends the current run; it is measured again when you resume.")
        : trains ? tr("Stops after this training, which has no folder for checkpoints to stop at.")
                 : tr("Stops after the current run."));
    const QString end = keeps    ? tr(", after this step")
                        : trains ? tr(", after this training")
                                 : tr(", after this round");
    const double left = progress.left_seconds;
    const QString so_far = tr("%1 so far").arg(duration(std::max(0.0, progress.elapsed_seconds)));
    if (pausing)
        time_->set(tr("Pausing"), {}, so_far + (trains ? tr(", after this step") : end));
    else if (paused_)
        time_->set(tr("Paused"), {}, so_far);
    else if (stopping_)
        time_->set(tr("Stopping"), {}, so_far + end);
    else if (left < 0)
        time_->set(QString(QChar(0x2014)), tr("left"),
                   so_far + (trains ? tr(", known after the first step")
                                    : tr(", known after the first run")));
    else
        time_->set(
            duration(left < 9.95 ? std::ceil(left) : left), tr("left"),
            so_far +
                tr(", done about %1")
                    .arg(QDateTime::currentDateTime().addSecs(qint64(left)).toString("hh:mm")));
    if (progress.current < 0)
        showPoint(paused_     ? tr("Paused between points")
                  : stopping_ ? tr("Stopping")
                              : tr("Next point"),
                  {}, {}, Ink::accent);
    else {
        phase_->setText(phaseWord(progress.phase));
        phase_->show();
        point_->setText(tr("Point %1").arg(progress.current + 1));
    }
}

void LiveHeader::showPast(const Past& past) {
    if (active_) return;
    if (past.ended > 0)
        time_->set(
            duration(std::max(0.0, past.ended - past.began)), {},
            tr("%1, %2 to %3")
                .arg(dateText(past.began).left(10), clockTime(past.began), clockTime(past.ended)));
    else
        time_->set(QString(QChar(0x2014)), {},
                   past.elsewhere ? tr("since %1").arg(clockTime(past.began))
                                  : tr("never started"));
    const bool retry = past.left == 0 && past.failed > 0;
    resume_->setVisible(!past.elsewhere && (past.left > 0 || retry));
    resume_->setText(retry ? tr("Retry failed") : past.ended > 0 ? tr("Resume") : tr("Start"));
    resume_->setToolTip(tr("What was measured already is not measured again"));
    setReason(resume_, past.locked);
    trained_->setVisible(past.trained && !past.elsewhere);
    if (past.elsewhere)
        showPoint(tr("Running in another program"), {},
                  tr("what it measures appears here within a second"), Ink::text3);
    else if (past.left > 0)
        showPoint(past.ended > 0 ? tr("Stopped, %1 left").arg(past.left)
                                 : tr("Not started, %1 to run").arg(past.left),
                  {}, tr("what was measured is kept"), Ink::text3);
    else if (retry)
        showPoint(tr("Ended, %1 failed").arg(past.failed), {}, tr("what was measured is kept"),
                  Ink::text3);
    else
        showPoint(tr("Done"), {}, tr("nothing is left to run"), Ink::text3);
}

void LiveHeader::showPoint(const QString& title, const QString& phase, const QString& detail,
                           Ink ink) {
    point_->setText(title);
    phase_->setText(phase);
    phase_->setVisible(!phase.isEmpty());
    setInk(phase_, ink);
    detail_->setText(detail);
    for (Chip* chip : std::exchange(chip_list_, {})) chip->deleteLater();
    chips_of_ = 0;
}

void LiveHeader::showCurrent(const RunRecord* run, int index,
                             const std::vector<std::string>& varying) {
    if (!run) return;
    if (run->id != chips_of_) {
        showPoint(tr("Point %1").arg(index + 1), phase_->text(), {}, Ink::accent);
        chips_of_ = run->id;
        for (size_t i = 0; i < varying.size() && i < size_t(most_chips); ++i) {
            auto* chip = new Chip(valueLabel(run->config, varying[i]));
            chip->setShrinkable();
            chips_->insertWidget(1 + int(i), chip);
            chip_list_ << chip;
        }
    }
    detail_->setText(measuredSoFar(*run));
}

} // namespace sweetspot::gui
