#include "app/gui/pages/sweep_sentence.h"
#include "app/analysis/effects.h"
#include "app/analysis/format.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/series.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/counted.h"
#include <QDateTime>
#include <QLocale>
#include <algorithm>
#include <cmath>

// What came out of a sweep, in a sentence and a thumbnail, for those who look for it among others.
// It claims no more than the verdicts allow.

namespace sweetspot::gui {
namespace {

constexpr double same_share = 0.02; // smaller changes of memory are not worth a word

bool isDone(const RunRecord& run) {
    return run.status == RunStatus::done;
}

/// "61 % less memory", or nothing.
QString memoryText(double ratio) {
    if (ratio < 1 - same_share)
        return QObject::tr("%1 % less memory").arg(std::round(100 * (1 - ratio)));
    if (ratio > 1 + same_share)
        return QObject::tr("%1 % more memory").arg(std::round(100 * (ratio - 1)));
    return {};
}

/// "flash instead of naive", or the other way round.
QString insteadText(const Effect& effect, bool turned) {
    return QObject::tr("%1 instead of %2")
        .arg(QString::fromStdString(turned ? effect.from : effect.to),
             QString::fromStdString(turned ? effect.to : effect.from));
}

/// Of predictions, which take no time.
SweepSentence ofMemory(const std::vector<Effect>& effects) {
    const auto strength = [](const Effect& effect) {
        return std::abs(std::log(effect.memory_ratio));
    };
    const Effect& best = *std::ranges::max_element(effects, {}, strength);
    const bool turned = best.memory_ratio > 1; // say what helps
    const QString text = memoryText(turned ? 1 / best.memory_ratio : best.memory_ratio);
    if (text.isEmpty())
        return {Icon::equal, Ink::text2,
                QObject::tr("no optimization changed the memory by more than 2 %")};
    return {Icon::target, Ink::good, insteadText(best, turned) + ": " + text};
}

/// Where no optimization is known to be faster or slower.
SweepSentence ofUndecided(const std::vector<Effect>& effects) {
    if (std::ranges::all_of(effects,
                            [](const Effect& e) { return time_verdict(e) == Verdict::same; }))
        return {Icon::equal, Ink::text2,
                QObject::tr("no optimization changed the time by more than 2 %")};
    return {Icon::info, Ink::text2,
            QObject::tr("undecided whether an optimization changed the time: more rounds, or a "
                        "quieter machine, would tell")};
}

/// As `compare` judges: only what it would call faster is called so here.
SweepSentence ofEffects(std::vector<Effect> effects) {
    if (std::ranges::none_of(effects, [](const Effect& e) { return e.timed_pairs > 0; }))
        return ofMemory(effects);
    const auto strength = [](const Effect& effect) {
        const Verdict verdict = time_verdict(effect);
        const bool told = verdict == Verdict::better || verdict == Verdict::worse;
        return told ? std::abs(effect.time_finding.log_ratio) : 0;
    };
    const Effect& best = *std::ranges::max_element(effects, {}, strength);
    if (strength(best) == 0) return ofUndecided(effects);
    const bool turned = time_verdict(best) == Verdict::worse; // say what helps
    const double times = std::exp(strength(best));
    QString text =
        insteadText(best, turned) +
        QObject::tr(": %1%2 faster").arg(times, 0, 'f', times < 9.95 ? 2 : 1).arg(QChar(0xD7));
    if (const QString memory = memoryText(turned ? 1 / best.memory_ratio : best.memory_ratio);
        !memory.isEmpty())
        text += ", " + memory;
    return {Icon::target, Ink::good, text};
}

/// The run with most of a metric; null if none has it.
const RunRecord* mostOf(const std::vector<RunRecord>& runs, const char* metric) {
    const RunRecord* best = nullptr;
    for (const RunRecord& run : runs)
        if (isDone(run) && value_of(run, metric) &&
            (!best || *value_of(run, metric) > *value_of(*best, metric)))
            best = &run;
    return best;
}

SweepSentence ofFastest(const std::vector<RunRecord>& runs) {
    const auto varying = varying_fields(runs);
    const auto place = [&](const RunRecord& run) {
        const QString words = runLabel(run.config, varying);
        return words.isEmpty() ? QString::fromStdString(run.config.model) : words;
    };
    if (const RunRecord* fastest = mostOf(runs, "tokens_per_second")) {
        const double rate = *value_of(*fastest, "tokens_per_second");
        QString text =
            QObject::tr("fastest: %1, %2")
                .arg(place(*fastest), QString::fromStdString(format_value(rate, "tokens/s")));
        const int others = undecided_against(*fastest, runs, "tokens_per_second");
        if (others > 0)
            text +=
                QObject::tr("; undecided against %1").arg(counted(others, QObject::tr("other")));
        return {others ? Icon::info : Icon::target, others ? Ink::text2 : Ink::good, text};
    }
    if (const RunRecord* largest = mostOf(runs, "peak_bytes"))
        return {Icon::memory, Ink::text2,
                QObject::tr("most memory: %1, %2")
                    .arg(place(*largest), QString::fromStdString(format_value(
                                              *value_of(*largest, "peak_bytes"), "bytes")))};
    return {Icon::clock, Ink::text3, QObject::tr("nothing was measured yet")};
}

SweepSentence ofNone(const std::vector<RunRecord>& runs) {
    for (const RunRecord& run : runs)
        if (run.status == RunStatus::failed)
            return {Icon::alert, Ink::bad, QObject::tr("none finished; %1").arg(reasonOf(run))};
    return {Icon::clock, Ink::text3, QObject::tr("nothing was measured yet")};
}

PlotSpec shapeOf(const std::vector<RunRecord>& runs) {
    const auto timed = [](const RunRecord& run) {
        return value_of(run, "step_seconds").has_value();
    };
    const bool any = std::any_of(runs.begin(), runs.end(), timed);
    const PlotChoice choice = default_choice(runs, any ? "step_seconds" : "peak_bytes");
    const auto specs = plot_specs(facets(runs, choice), plot_layout(runs, choice));
    return specs.empty() ? PlotSpec{} : specs.front();
}

} // namespace

Finding findingOf(const RecentSweeps::Entry& entry) {
    Finding finding{.runs = entry.runs};
    if (!entry.runs) return finding;
    const std::vector<RunRecord>& runs = *entry.runs;
    if (std::none_of(runs.begin(), runs.end(), isDone)) {
        finding.sentence = ofNone(runs);
        return finding;
    }
    const auto found = effects(runs);
    finding.sentence = found.empty() ? ofFastest(runs) : ofEffects(found);
    finding.shape = shapeOf(runs);
    return finding;
}

SweepSentence sentenceOf(const RecentSweeps::Entry& entry, const Finding& finding,
                         const SweepProgress& progress) {
    if (progress.active && progress.sweep_id == entry.info.id)
        return {Icon::live, Ink::accent,
                QObject::tr("running, %1 of %2 done").arg(progress.done).arg(progress.total)};
    SweepSentence sentence = finding.sentence;
    const bool done = entry.runs && std::any_of(entry.runs->begin(), entry.runs->end(), isDone);
    if (done && entry.info.failed)
        sentence.text +=
            QObject::tr("; %1 failed").arg(counted(entry.info.failed, QObject::tr("run")));
    return sentence;
}

QString whenText(double unix_seconds) {
    const auto when = QDateTime::fromSecsSinceEpoch(qint64(unix_seconds));
    const QDate today = QDate::currentDate();
    const QLocale words(QLocale::English);
    if (when.date() == today) return QObject::tr("today, %1").arg(when.toString("HH:mm"));
    if (when.date().daysTo(today) == 1)
        return QObject::tr("yesterday, %1").arg(when.toString("HH:mm"));
    return words.toString(when, when.date().year() == today.year() ? "d MMM" : "d MMM yyyy");
}

} // namespace sweetspot::gui
