#include "app/gui/models/run_text.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/experiment/metrics.h"
#include <QDateTime>
#include <QMap>
#include <algorithm>
#include <functional>

// What is said of a run wherever the window shows it: its name by the fields that vary, why it has
// no numbers, and its numbers as tables write them.

namespace sweetspot::gui {

QString valueLabel(const RunConfig& config, const std::string& name) {
    return QString::fromStdString(series_name(config, {.colour = {name}}));
}

QString runLabel(const RunConfig& config, std::span<const std::string> fields) {
    QStringList parts;
    for (const auto& field : fields) parts << valueLabel(config, field);
    return parts.join(", ");
}

QString reasonOf(const RunRecord& run) {
    return QString::fromStdString(failure_text(run));
}

QString whyNoneIsDone(std::span<const RunRecord> runs) {
    constexpr qsizetype most_reasons = 3;
    QMap<QString, int> counts;
    for (const RunRecord& run : runs) {
        if (run.status == RunStatus::done) return {};
        if (const QString reason = reasonOf(run); !reason.isEmpty())
            ++counts[run.status == RunStatus::impossible ? QObject::tr("impossible: %1").arg(reason)
                                                         : reason];
    }
    QStringList reasons = counts.keys();
    std::ranges::stable_sort(reasons, std::greater{},
                             [&](const QString& each) { return counts[each]; });
    const qsizetype more = reasons.size() - most_reasons;
    QStringList said;
    for (const QString& each : reasons.mid(0, most_reasons))
        said << QString("%1 %2").arg(counts[each]).arg(each);
    if (more > 0) said << QObject::tr("and %1 other reasons").arg(more);
    return said.join("; ");
}

bool wasStopped(const RunRecord& run) {
    return run.failure == Failure::interrupted;
}

QString savedModel(const RunRecord& run) {
    const auto found = run.texts.find("saved");
    return run.status == RunStatus::done && found != run.texts.end()
               ? QString::fromStdString(found->second)
               : QString();
}

bool isFlagged(const RunRecord& run) {
    return run.status == RunStatus::done && !flags_of(run).empty();
}

RunState runState(const RunRecord& run) {
    switch (run.status) {
    case RunStatus::planned: return RunState::queued;
    case RunStatus::running: return RunState::running;
    case RunStatus::failed: return wasStopped(run) ? RunState::queued : RunState::failed;
    case RunStatus::impossible: return RunState::will_not_fit;
    case RunStatus::done: break;
    }
    return isFlagged(run) ? RunState::flagged : RunState::done;
}

QString metricTitle(std::string_view name) {
    if (const MetricInfo* metric = find_metric(name))
        return QString::fromUtf8(metric->title.data(), qsizetype(metric->title.size()));
    return QString::fromUtf8(name.data(), qsizetype(name.size())).replace('_', ' ');
}

QString tableNumber(double value, int digits) {
    return tableNumber(format_number(value, digits));
}

QString tableNumber(const std::string& number) {
    QString text = QString::fromStdString(number);
    const auto end = text.indexOf('.') < 0 ? text.size() : text.indexOf('.');
    const bool plain = !text.contains('e') && text.size() > 0 && text.front() != '>';
    for (auto at = end - 3; plain && at > (text.front() == '-' ? 1 : 0); at -= 3)
        text.insert(at, ',');
    return text.replace('-', QChar(0x2212));
}

QString dateText(double unix_seconds) {
    if (unix_seconds <= 0) return {};
    return QDateTime::fromSecsSinceEpoch(qint64(unix_seconds)).toString("yyyy-MM-dd hh:mm");
}

} // namespace sweetspot::gui
