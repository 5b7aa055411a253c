#include "app/gui/models/run_text.h"
#include "app/analysis/format.h"
#include "app/analysis/statistics.h"
#include <QDateTime>

namespace sweetspot::gui {

QString valueLabel(const RunConfig& config, const std::string& name) {
    const RunField* field = find_field(name);
    if (!field) return {};
    const QString value = QString::fromStdString(field->get(config));
    const bool named = field->is_number() || field->kind == RunField::Kind::toggle;
    return named ? QString::fromStdString(name) + ' ' + value : value;
}

QString runLabel(const RunConfig& config, std::span<const std::string> fields) {
    QStringList parts;
    for (const auto& field : fields) parts << valueLabel(config, field);
    return parts.join(", ");
}

QString reasonOf(const RunRecord& run) {
    const QString reason = QString::fromStdString(run.reason);
    if (!run.failure) return reason;
    const QString kind = QString::fromStdString(to_text(*run.failure)).replace('_', ' ');
    return reason.isEmpty() ? kind : kind + ": " + reason;
}

const char* timedMetric(const RunRecord& run) {
    for (const char* metric : {"step_seconds", "decode_seconds", "prefill_seconds"})
        if (run.samples.contains(metric)) return metric;
    return nullptr;
}

bool isFlagged(const RunRecord& run) {
    return run.status == RunStatus::done && !flags_of(run).empty();
}

RunState runState(const RunRecord& run) {
    switch (run.status) {
    case RunStatus::planned: return RunState::queued;
    case RunStatus::running: return RunState::running;
    case RunStatus::failed: return RunState::failed;
    case RunStatus::impossible: return RunState::will_not_fit;
    case RunStatus::done: break;
    }
    return isFlagged(run) ? RunState::flagged : RunState::done;
}

QString tableNumber(double value, int digits) {
    QString text = QString::fromStdString(format_number(value, digits));
    const auto end = text.indexOf('.') < 0 ? text.size() : text.indexOf('.');
    const bool plain = !text.contains('e') && std::abs(value) >= 1000;
    for (auto at = end - 3; plain && at > (value < 0 ? 1 : 0); at -= 3) text.insert(at, ',');
    return text.replace('-', QChar(0x2212));
}

QString dateText(double unix_seconds) {
    if (unix_seconds <= 0) return {};
    return QDateTime::fromSecsSinceEpoch(qint64(unix_seconds)).toString("yyyy-MM-dd hh:mm");
}

} // namespace sweetspot::gui
