#include "app/gui/models/log_model.h"
#include "app/analysis/format.h"
#include "app/analysis/statistics.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/table_roles.h"
#include <QDateTime>

// What happened in a sweep, line by line, and which line becomes of a run's end.

namespace sweetspot::gui {

void LogModel::clear() {
    beginResetModel();
    lines_.clear();
    counts_ = {};
    endResetModel();
}

void LogModel::append(const QList<LogLine>& lines) {
    if (lines.isEmpty()) return;
    const int first = rowCount();
    beginInsertRows({}, first, first + int(lines.size()) - 1);
    for (const LogLine& line : lines) {
        lines_.push_back(line);
        ++counts_[size_t(line.tone)];
    }
    endInsertRows();
    if (const int extra = rowCount() - most_lines; extra > 0) {
        beginRemoveRows({}, 0, extra - 1);
        lines_.erase(lines_.begin(), lines_.begin() + extra);
        endRemoveRows();
    }
}

int LogModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(lines_.size());
}

int LogModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : 3;
}

QVariant LogModel::data(const QModelIndex& at, int role) const {
    if (!at.isValid()) return {};
    const LogLine& l = line(at.row());
    if (role == tone_role && at.column() > 0) return int(at.column() == 1 ? l.tone : Tone::neutral);
    if (role == sort_role) return l.unix_seconds;
    if (role == Qt::ToolTipRole) return l.sentence;
    if (role != Qt::DisplayRole) return {};
    switch (at.column()) {
    case 0:
        return QDateTime::fromMSecsSinceEpoch(qint64(l.unix_seconds * 1000)).toString("hh:mm:ss");
    case 1: return l.what;
    default: return l.sentence;
    }
}

QVariant LogModel::headerData(int section, Qt::Orientation orientation, int role) const {
    constexpr int widths[] = {84, 84, 400};
    constexpr CellKind kinds[] = {CellKind::mono, CellKind::text, CellKind::text};
    static const QString titles[] = {tr("Time"), tr("What"), tr("About")};
    if (orientation != Qt::Horizontal || section > 2) return {};
    switch (role) {
    case Qt::DisplayRole: return titles[section];
    case kind_role: return int(kinds[section]);
    case width_role: return widths[section];
    default: return {};
    }
}

LogLine logLineOf(const RunRecord& run, RunState state, const std::vector<std::string>& varying) {
    const QString about = QString("#%1 %2").arg(run.id).arg(runLabel(run.config, varying));
    // A run whose program died has no end of its own.
    const double at = std::max(run.started_unix_seconds, run.ended_unix_seconds);
    LogLine line{at, QObject::tr("finished"), Tone::neutral, about, run.id};
    const auto took = run.ended_unix_seconds - run.started_unix_seconds;
    if (wasStopped(run)) {
        line.what = QObject::tr("stopped");
        if (run.config.task == Task::train) line.sentence += ": " + reasonOf(run); // at which step
        return line;
    }
    switch (state) {
    case RunState::running:
        line.unix_seconds = run.started_unix_seconds;
        line.what = QObject::tr("started");
        return line;
    case RunState::failed:
        line.what = QObject::tr("failed");
        line.tone = Tone::bad;
        line.sentence += ": " + reasonOf(run);
        return line;
    case RunState::flagged:
        line.what = QObject::tr("flagged");
        line.tone = Tone::warn;
        line.sentence +=
            QObject::tr(": noisier than its target of %1 %").arg(100 * run.config.noise);
        return line;
    default:
        if (const auto time = value_of(run, "step_seconds"))
            line.sentence +=
                QObject::tr(": %1 a step").arg(QString::fromStdString(format_value(*time, "s")));
        if (took > 0)
            line.sentence +=
                QObject::tr(", in %1").arg(QString::fromStdString(format_duration(took)));
        return line;
    }
}

} // namespace sweetspot::gui
