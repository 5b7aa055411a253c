#include "app/gui/models/quality_model.h"
#include "app/analysis/series.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/widgets/run_mime.h"
#include <QFileInfo>
#include <QMimeData>
#include <algorithm>
#include <cmath>
#include <numeric>

// The rows of the Quality page's table. Numbers of random weights are muted: they say nothing.

namespace sweetspot::gui {
namespace {

/// Columns of the table of runs that stand beside the metric.
std::vector<RunColumn> columnsBeside(std::span<const RunRecord> runs, const std::string& metric) {
    std::vector<const MetricInfo*> beside;
    for (const char* name : {"loss_nats", "kl_mean", "logit_difference_max", "top1_agreement",
                             "scored_tokens", "step_seconds", "peak_bytes"})
        if (name != metric) beside.push_back(find_metric(name));
    return metric_columns(runs, beside);
}

QString fileOf(const RunRecord& run) {
    return run.weights ? QFileInfo(QString::fromStdString(run.weights->path)).fileName()
                       : QString();
}

/// What has no number comes last either way.
bool isBefore(const QVariant& a, const QVariant& b, Qt::SortOrder order) {
    const bool ascending = order == Qt::AscendingOrder;
    if (a.typeId() == QMetaType::QString)
        return ascending ? a.toString() < b.toString() : b.toString() < a.toString();
    const double left = a.toDouble(), right = b.toDouble();
    if (std::isnan(left) || std::isnan(right)) return !std::isnan(left) && std::isnan(right);
    return ascending ? left < right : right < left;
}

} // namespace

QString signedNumber(double value, int digits) {
    return (value > 0 ? "+" : "") + tableNumber(value, digits);
}

QString wordOf(Verdict verdict) {
    return QString::fromStdString(std::string(to_text(verdict)));
}

Tone toneOf(Verdict verdict) {
    return verdict == Verdict::better  ? Tone::good
           : verdict == Verdict::worse ? Tone::bad
           : verdict == Verdict::same  ? Tone::neutral
                                       : Tone::info;
}

void QualityModel::setRows(std::vector<QualityRow> rows, const Runs& runs,
                           const std::string& metric) {
    beginResetModel();
    runs_ = runs;
    rows_ = std::move(rows);
    metric_ = metric;
    varying_ = varying_fields(*runs_);
    first_ = {run, value, change, share, verdict};
    if (std::ranges::any_of(rows_, [](const QualityRow& row) { return row.interval.has_value(); }))
        first_.insert(first_.begin() + 3, interval);
    beside_ = columnsBeside(*runs_, metric_);
    sortRows();
    endResetModel();
}

int QualityModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(rows_.size());
}

int QualityModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() || !runs_ ? 0 : int(first_.size() + beside_.size()) + 1;
}

QualityModel::Column QualityModel::kindOf(int column) const {
    if (column < int(first_.size())) return first_[size_t(column)];
    return column == columnCount() - 1 ? weights : beside;
}

QString QualityModel::words(const QualityRow& row, int column) const {
    switch (kindOf(column)) {
    case run: return QString("#%1 %2").arg(row.run->id).arg(runLabel(row.run->config, varying_));
    case value: return tableNumber(row.value, 5);
    case change: return row.is_reference ? tr("reference") : signedNumber(row.change);
    case interval:
        return row.interval ? tr("%1 to %2")
                                  .arg(signedNumber(row.interval->difference_low),
                                       signedNumber(row.interval->difference_high))
                            : QString();
    case share:
        return row.is_reference ? QString()
                                : signedNumber(100 * row.change / (row.value - row.change), 2);
    case verdict: return row.is_reference ? tr("reference") : wordOf(row.verdict);
    case beside: break;
    case weights: return {};
    }
    const auto number = cell_value(besideAt(column), *row.run);
    return number ? tableNumber(cell_text(besideAt(column), *number)) : QString();
}

QVariant QualityModel::plain(const QualityRow& row, int column) const {
    switch (kindOf(column)) {
    case run: return double(row.run->id);
    case value: return row.value;
    case change: return row.change;
    case interval: return row.interval ? row.interval->difference_high : NAN;
    case share: return row.change / (row.value - row.change);
    case verdict: return int(row.verdict);
    case beside: break;
    case weights: return fileOf(*row.run);
    }
    return cell_value(besideAt(column), *row.run).value_or(NAN);
}

QVariant QualityModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const QualityRow& row = rows_[size_t(index.row())];
    const Column kind = kindOf(index.column());
    switch (role) {
    case Qt::DisplayRole: return words(row, index.column());
    case Qt::ToolTipRole: return kind == weights ? fileOf(*row.run) : row.why;
    case sort_role: return plain(row, index.column());
    case muted_role: return has_random_weights(*row.run);
    case tone_role:
        if (kind != change && kind != share && kind != verdict) return {};
        return int(row.is_reference ? Tone::neutral : toneOf(row.verdict));
    case chips_role:
        if (kind != weights) return {};
        return QStringList{has_random_weights(*row.run)          ? tr("warn:random")
                           : row.run->config.task == Task::train ? tr("good:trained")
                                                                 : tr("good:from file")};
    default: return {};
    }
}

QVariant QualityModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
    struct Head {
        QString title;
        CellKind kind;
        int width;
        QString unit{};
    };
    const auto head = [&]() -> Head {
        switch (kindOf(section)) {
        case run: return {tr("Run"), CellKind::strong, 220};
        case value: return {metricTitle(metric_), CellKind::number, 92};
        case change: return {tr("Change"), CellKind::delta, 92};
        case interval: return {tr("95 % interval"), CellKind::number, 140};
        case share: return {tr("Change"), CellKind::delta, 84, "%"};
        case verdict: return {tr("Verdict"), CellKind::status, 130};
        case weights: return {tr("Weights"), CellKind::chips, 110};
        case beside: break;
        }
        const RunColumn& column = besideAt(section);
        return {QString::fromStdString(column.title), CellKind::number, 112,
                QString::fromStdString(column.unit)};
    }();
    switch (role) {
    case Qt::DisplayRole: return head.title.left(1).toUpper() + head.title.mid(1);
    case kind_role: return int(head.kind);
    case width_role: return head.width;
    case unit_role: return head.unit;
    default: return {};
    }
}

/// What is sorted by is worked out once for each row, not at each comparison.
void QualityModel::sortRows() {
    if (sorted_column_ < 0 || sorted_column_ >= columnCount()) return;
    std::vector<QVariant> keys;
    for (const QualityRow& row : rows_) keys.push_back(plain(row, sorted_column_));
    std::vector<size_t> order(rows_.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return isBefore(keys[a], keys[b], sort_order_); });
    std::vector<QualityRow> sorted;
    for (const size_t at : order) sorted.push_back(std::move(rows_[at]));
    rows_ = std::move(sorted);
}

void QualityModel::sort(int column, Qt::SortOrder order) {
    sorted_column_ = column;
    sort_order_ = order;
    if (rows_.empty()) return;
    emit layoutAboutToBeChanged({}, QAbstractItemModel::VerticalSortHint);
    const QModelIndexList before = persistentIndexList();
    std::vector<const RunRecord*> runs;
    for (const QModelIndex& at : before) runs.push_back(rows_[size_t(at.row())].run);
    sortRows();
    QModelIndexList after;
    for (qsizetype i = 0; i < before.size(); ++i) {
        const auto moved = std::find_if(rows_.begin(), rows_.end(), [&](const QualityRow& row) {
            return row.run == runs[size_t(i)];
        });
        after << index(int(moved - rows_.begin()), before[i].column());
    }
    changePersistentIndexList(before, after);
    emit layoutChanged({}, QAbstractItemModel::VerticalSortHint);
}

Qt::ItemFlags QualityModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags usual = QAbstractTableModel::flags(index);
    return index.isValid() ? usual | Qt::ItemIsDragEnabled : usual;
}

QMimeData* QualityModel::mimeData(const QModelIndexList& cells) const {
    return cells.isEmpty() ? nullptr : mimeOfRun(runOf(cells.front().row()));
}

} // namespace sweetspot::gui
