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
    if (phase == "quality") return QObject::tr("scoring");
    return phase == "trace" ? QObject::tr("tracing") : phase;
}

/// "step 7 of at least 10, noise 1.4 %, target 1 %"
QString measuredSoFar(const RunRecord& run) {
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
    line->addLayout(row({resume_, pause_, stop_}));
    body()->addLayout(line);
    body()->addWidget(bar_);
    setAccessibleName(tr("Progress"));

    connect(pause_, &QPushButton::clicked, this, [this] { emit pauseRequested(!paused_); });
    connect(resume_, &QPushButton::clicked, this, &LiveHeader::resumeRequested);
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

void LiveHeader::showProgress(const SweepProgress& progress, bool running) {
    active_ = running;
    paused_ = running && progress.paused;
    stopping_ = running && progress.stopping;
    pause_->setVisible(running);
    stop_->setVisible(running);
    if (!running) return;
    resume_->hide();
    const bool pausing = progress.pausing() && !stopping_;
    pause_->setText(paused_ ? tr("Go on") : tr("Pause"));
    pause_->setIcon(themedIcon(paused_ ? Icon::play : Icon::pause));
    setReason(pause_, stopping_ ? tr("The sweep is stopping.") : QString());
    stop_->setText(stopping_ ? tr("Stop now") : tr("Stop"));
    stop_->setToolTip(stopping_ ? tr("Ends the current run; it is measured again when you resume.")
                                : tr("Stops after the current run."));
    const double left = progress.left_seconds;
    const QString so_far = tr("%1 so far").arg(duration(std::max(0.0, progress.elapsed_seconds)));
    if (pausing)
        time_->set(tr("Pausing"), {}, so_far + tr(", after this round"));
    else if (paused_)
        time_->set(tr("Paused"), {}, so_far);
    else if (stopping_)
        time_->set(tr("Stopping"), {}, so_far + tr(", after this round"));
    else if (left < 0)
        time_->set(QString(QChar(0x2014)), tr("left"), so_far + tr(", known after the first run"));
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
