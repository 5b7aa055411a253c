#include "app/gui/models/run_table_model.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/experiment/metrics.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/text.h"
#include <algorithm>
#include <cmath>

namespace sweetspot::gui {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
/// Shares are of the largest in the column; a bar over 92 % would look like a limit that is near.
constexpr double longest_bar = 0.92;

QString capital(QString text) {
    if (!text.isEmpty()) text[0] = text[0].toUpper();
    return text;
}

QString textOf(std::string_view text) {
    return QString::fromUtf8(text.data(), qsizetype(text.size()));
}

bool sameRuns(const std::vector<RunRecord>& a, const std::vector<RunRecord>& b) {
    return !a.empty() && std::equal(a.begin(), a.end(), b.begin(), b.end(),
                                    [](const auto& x, const auto& y) { return x.id == y.id; });
}

bool isNumberField(const std::string& name) {
    const RunField* field = find_field(name);
    return field && field->is_number();
}

/// What a run without numbers is instead, e.g. "bad:out of memory".
QString statusFlag(const RunRecord& run) {
    switch (run.status) {
    case RunStatus::planned: return QObject::tr("neutral:queued");
    case RunStatus::running: return QObject::tr("accent:running");
    case RunStatus::impossible: return QObject::tr("neutral:impossible");
    case RunStatus::failed:
        return "bad:" + (run.failure ? QString::fromStdString(to_text(*run.failure)) : "failed")
                            .replace('_', ' ');
    case RunStatus::done: break;
    }
    return {};
}

} // namespace

void RunTableModel::setRuns(Runs runs) {
    if (!sameRuns(*runs, *runs_) || rows_.size() != runs->size()) {
        beginResetModel();
        runs_ = std::move(runs);
        slots_.clear();
        varying_ = varying_fields(*runs_);
        takeColumns();
        endResetModel();
        return;
    }
    runs_ = std::move(runs);
    int first = -1, last = -1;
    for (int i = 0; i < int(rows_.size()); ++i) {
        Row& row = rows_[size_t(i)];
        if (row.status == run(i).status) continue;
        if (takesNewMetric(run(i))) {
            beginResetModel();
            takeColumns();
            endResetModel();
            return;
        }
        row = rowFor(run(i));
        first = first < 0 ? i : first;
        last = i;
    }
    if (first < 0) return;
    if (scaleColumns()) {
        emit headerDataChanged(Qt::Horizontal, 0, columnCount() - 1);
        first = 0, last = rowCount() - 1; // bars and units changed in all rows
    }
    emit dataChanged(index(first, 0), index(last, columnCount() - 1));
}

bool RunTableModel::takesNewMetric(const RunRecord& run) const {
    for (const MetricInfo& metric : metric_catalogue)
        if (value_of(run, metric.name) &&
            std::find(metrics_.begin(), metrics_.end(), metric.name) == metrics_.end())
            return true;
    return !reasonOf(run).isEmpty() && columns_.back().what != What::reason;
}

void RunTableModel::takeColumns() {
    metrics_.clear();
    for (const MetricInfo& metric : metric_catalogue)
        if (std::any_of(runs_->begin(), runs_->end(), [&](const RunRecord& run) {
                return value_of(run, metric.name).has_value();
            }))
            metrics_.emplace_back(metric.name);
    columns_ = {{What::number, 0, "#"}};
    for (int i = 0; i < int(varying_.size()); ++i)
        columns_.push_back(
            {What::field, i,
             capital(QString::fromStdString(varying_[size_t(i)]).replace('_', ' '))});
    const bool timed = std::any_of(runs_->begin(), runs_->end(),
                                   [](const RunRecord& run) { return timedMetric(run); });
    bool spread_stands = !timed;
    std::vector<int> order; // the usual ones first
    for (const auto usual : usual_metrics)
        if (const auto at = std::find(metrics_.begin(), metrics_.end(), usual);
            at != metrics_.end())
            order.push_back(int(at - metrics_.begin()));
    for (int i = 0; i < int(metrics_.size()); ++i)
        if (find_metric(metrics_[size_t(i)])->usual == 0) order.push_back(i);
    for (const int i : order) {
        const MetricInfo& metric = *find_metric(metrics_[size_t(i)]);
        if (!spread_stands && metric.unit != "s") { // after the times
            columns_.push_back({What::spread, 0, tr("IQR"), tr("%, ±10")});
            spread_stands = true;
        }
        columns_.push_back({What::metric, i, capital(textOf(metric.title))});
    }
    if (!spread_stands) columns_.push_back({What::spread, 0, tr("IQR"), tr("%, ±10")});
    columns_.push_back({What::flags, 0, tr("Flags")});
    if (std::any_of(runs_->begin(), runs_->end(),
                    [](const RunRecord& run) { return !run.reason.empty(); }))
        columns_.push_back({What::reason, 0, tr("Reason")});
    rows_.clear();
    for (const RunRecord& run : *runs_) rows_.push_back(rowFor(run));
    scaleColumns();
}

RunTableModel::Row RunTableModel::rowFor(const RunRecord& run) const {
    Row row{.status = run.status};
    for (const auto& metric : metrics_)
        row.values.push_back(run.status == RunStatus::done ? value_of(run, metric).value_or(none)
                                                           : none);
    if (const char* timed = timedMetric(run); timed && run.status == RunStatus::done) {
        row.spread = summarize(run, timed);
    }
    const bool quality = value_of(run, "loss_nats") || value_of(run, "perplexity");
    row.random_quality = quality && run.weights && !run.weights->loaded;
    if (const QString flag = statusFlag(run); !flag.isEmpty()) row.flags << flag;
    if (run.reused) row.flags << tr("neutral:reused");
    if (run.status == RunStatus::done)
        for (const auto& flag : flags_of(run)) {
            row.flags << tr("warn:%1").arg(QString::fromStdString(flag));
            row.noisy = row.noisy || flag == "noisy";
        }
    if (row.random_quality) row.flags << tr("warn:random weights");
    if (run.texts.contains("caveat")) row.flags << tr("warn:not the model");
    return row;
}

bool RunTableModel::scaleColumns() {
    bool changed = false;
    for (Column& column : columns_) {
        if (column.what != What::metric) continue;
        double largest = 0;
        for (const Row& row : rows_)
            if (row.values[size_t(column.at)] > largest) largest = row.values[size_t(column.at)];
        const auto scaled = scaled_unit(largest, find_metric(metrics_[size_t(column.at)])->unit);
        changed = changed || largest != column.largest;
        column.largest = largest;
        column.unit = QString::fromStdString(scaled.label);
        column.factor = scaled.factor;
    }
    return changed;
}

void RunTableModel::setSlots(std::vector<int> run_slots) {
    if (run_slots == slots_) return;
    slots_ = std::move(run_slots);
    if (!rows_.empty()) emit dataChanged(index(0, 0), index(rowCount() - 1, 0));
}

int RunTableModel::rowOf(std::int64_t run_id) const {
    const auto found = std::find_if(runs_->begin(), runs_->end(),
                                    [&](const RunRecord& run) { return run.id == run_id; });
    return found == runs_->end() ? -1 : int(found - runs_->begin());
}

bool RunTableModel::isColumnUsual(int column) const {
    const Column& c = columns_[size_t(column)];
    return c.what != What::metric || find_metric(metrics_[size_t(c.at)])->usual > 0;
}

int RunTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(rows_.size());
}

int RunTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(columns_.size());
}

QVariant RunTableModel::data(const QModelIndex& at, int role) const {
    if (!at.isValid()) return {};
    const Row& row = rows_[size_t(at.row())];
    const Column& column = columns_[size_t(at.column())];
    switch (column.what) {
    case What::number: return number(row, at.row(), role);
    case What::field: return field(at.row(), column, role);
    case What::metric: return metric(row, column, role);
    case What::spread: return spread(row, role);
    case What::flags:
    case What::reason: return text(row, at.row(), column, role);
    }
    return {};
}

QVariant RunTableModel::number(const Row& row, int index, int role) const {
    switch (role) {
    case Qt::DisplayRole: return QString::number(index + 1);
    case sort_role:
    case export_role: return double(index + 1);
    case colour_role: return index < int(slots_.size()) ? slots_[size_t(index)] : 0;
    case Qt::ToolTipRole: return reasonOf(run(index));
    case tone_role: return int(row.noisy ? Tone::warn : Tone::neutral);
    default: return {};
    }
}

QVariant RunTableModel::field(int row, const Column& column, int role) const {
    const auto& name = varying_[size_t(column.at)];
    if (role != Qt::DisplayRole && role != sort_role && role != export_role) return {};
    const QString value = QString::fromStdString(get_field(run(row).config, name));
    if (role == sort_role && isNumberField(name)) return value.toDouble();
    return value;
}

QVariant RunTableModel::metric(const Row& row, const Column& column, int role) const {
    const double value = row.values[size_t(column.at)];
    const bool quality = shows_quality(metrics_[size_t(column.at)]);
    if (std::isnan(value)) return role == Qt::DisplayRole ? QVariant(QString()) : QVariant();
    switch (role) {
    case Qt::DisplayRole: return tableNumber(value / column.factor, quality ? 4 : 3);
    case sort_role: return value;
    case export_role: return value / column.factor;
    case share_role: return column.largest > 0 ? longest_bar * value / column.largest : 0.0;
    case muted_role: return quality && row.random_quality;
    case Qt::ToolTipRole:
        if (quality && row.random_quality)
            return tr("Of random weights: it says nothing about the model.");
        return QString::fromStdString(
            format_value(value, find_metric(metrics_[size_t(column.at)])->unit));
    default: return {};
    }
}

QVariant RunTableModel::spread(const Row& row, int role) const {
    if (!row.spread || row.spread->median == 0)
        return role == Qt::DisplayRole ? QVariant(QString()) : QVariant();
    const Summary& s = *row.spread;
    const double iqr = (s.p75 - s.p25) / s.median;
    switch (role) {
    case Qt::DisplayRole: return tableNumber(100 * iqr, 2);
    case sort_role: return iqr;
    case export_role: return 100 * iqr;
    case tone_role: return int(row.noisy ? Tone::warn : Tone::neutral);
    case spread_role: {
        QVariantList five;
        for (const double v : {s.low, s.p25, s.median, s.p75, s.high})
            five << 100 * (v / s.median - 1);
        return five;
    }
    case Qt::ToolTipRole:
        return tr("%1 samples, %2 to %3, 95 %% interval of the median %4 to %5")
            .arg(s.count)
            .arg(QString::fromStdString(format_value(s.low, "s")),
                 QString::fromStdString(format_value(s.high, "s")),
                 QString::fromStdString(format_value(s.interval_low, "s")),
                 QString::fromStdString(format_value(s.interval_high, "s")))
            .replace("%%", "%");
    default: return {};
    }
}

QVariant RunTableModel::text(const Row& row, int index, const Column& column, int role) const {
    const bool flags = column.what == What::flags;
    if (role == Qt::ToolTipRole) {
        const auto& texts = run(index).texts;
        const auto caveat = texts.find("caveat");
        return caveat == texts.end() ? reasonOf(run(index))
                                     : QString::fromStdString(caveat->second);
    }
    if (role == chips_role && flags) return row.flags;
    if (role == tone_role && run(index).failure) return int(Tone::bad);
    if (role == sort_role && flags) return row.flags.join(' ');
    if (role == Qt::DisplayRole || role == sort_role)
        return flags ? QString() : QString::fromStdString(run(index).reason);
    return {};
}

QVariant RunTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section >= columnCount()) return {};
    const Column& column = columns_[size_t(section)];
    const bool wide_bar =
        column.what == What::metric && metrics_[size_t(column.at)] == "peak_bytes";
    const bool number = column.what == What::field && isNumberField(varying_[size_t(column.at)]);
    if (role == Qt::DisplayRole) return column.title;
    if (role == unit_role) return column.unit;
    if (role == kind_role) switch (column.what) {
        case What::number: return int(CellKind::swatch);
        case What::field: return int(number ? CellKind::number : CellKind::strong);
        case What::metric: return int(wide_bar ? CellKind::share : CellKind::number);
        case What::spread: return int(CellKind::spread);
        case What::flags: return int(CellKind::chips);
        case What::reason: return int(CellKind::text);
        }
    const int head_width =
        role == width_role ? textWidth(uiFont(11, QFont::DemiBold), column.title + column.unit) + 40
                           : 0;
    if (role == width_role) switch (column.what) {
        case What::number: return 64;
        case What::field: return std::max(72, head_width);
        case What::metric: return wide_bar ? 144 : head_width;
        case What::spread: return 120;
        case What::flags: return 140;
        case What::reason: return 280;
        }
    if (role == Qt::ToolTipRole && column.what == What::metric)
        return textOf(find_metric(metrics_[size_t(column.at)])->meaning);
    return {};
}

RunProxy::RunProxy(RunTableModel* model, QObject* parent)
    : QSortFilterProxyModel(parent), model_(model) {
    setSourceModel(model);
    setSortRole(sort_role);
}

void RunProxy::setTerms(const QList<RunTerm>& terms) {
    terms_ = terms;
    invalidateFilter();
}

bool RunProxy::filterAcceptsRow(int row, const QModelIndex&) const {
    return meets(model_->run(row), terms_);
}

bool RunProxy::lessThan(const QModelIndex& a, const QModelIndex& b) const {
    const QVariant left = a.data(sort_role), right = b.data(sort_role);
    if (left.isValid() != right.isValid())
        return left.isValid() == (sortOrder() == Qt::AscendingOrder);
    return QSortFilterProxyModel::lessThan(a, b);
}

} // namespace sweetspot::gui
