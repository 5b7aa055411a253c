#include "app/gui/models/run_table_model.h"
#include "app/analysis/compare.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/experiment/metrics.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/run_mime.h"
#include "app/gui/widgets/text.h"
#include <QMimeData>
#include <algorithm>
#include <cmath>

// The rows and columns of app/analysis/columns.h as a Qt model: which of them changed while a sweep
// runs, how wide they are and which drawing a cell gets. Words and digits are not decided here.

namespace sweetspot::gui {
namespace {

/// Shares are of the largest in the column; a bar over 92 % would look like a limit that is near.
constexpr double longest_bar = 0.92;

constexpr const char* baseline_column = "baseline";

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

/// "bad:out of memory": a tone and words, as chips are given.
QString chipOf(const RunMark& mark) {
    constexpr const char* tones[] = {"neutral", "accent", "warn", "bad"};
    return QString("%1:%2").arg(tones[int(mark.tone)], QString::fromStdString(mark.text));
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
        if (takesNewColumn(run(i))) {
            beginResetModel();
            takeColumns();
            endResetModel();
            return;
        }
        row = rowFor(run(i));
        against_[size_t(i)].reset();
        if (run(i).id == baseline_) against_.assign(runs_->size(), std::nullopt);
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

bool RunTableModel::takesNewColumn(const RunRecord& run) const {
    for (const RunColumn& column : run_columns(std::span(&run, 1))) {
        const bool known = std::any_of(columns_.begin(), columns_.end(),
                                       [&](const RunColumn& c) { return c.name == column.name; });
        if (!known) return true;
    }
    return false;
}

void RunTableModel::takeColumns() {
    columns_ = run_columns(*runs_);
    metrics_.clear();
    for (const MetricInfo& metric : metric_catalogue)
        for (const RunColumn& column : columns_)
            if (column.name == metric.name) metrics_.emplace_back(metric.name);
    if (baseline_ != 0 && rowOf(baseline_) >= 0)
        columns_.push_back({.what = RunColumn::What::reason,
                            .name = baseline_column,
                            .title = "against #" + std::to_string(baseline_),
                            .number = false});
    against_.assign(runs_->size(), std::nullopt);
    rows_.clear();
    for (const RunRecord& run : *runs_) rows_.push_back(rowFor(run));
    scaleColumns();
}

RunTableModel::Row RunTableModel::rowFor(const RunRecord& run) const {
    Row row{.status = run.status};
    if (const char* timed = timed_metric(run); timed && run.status == RunStatus::done)
        row.spread = summarize(run, timed);
    for (const RunColumn& column : columns_) // noise is made of the spread, which takes its time
        if (column.what != RunColumn::What::noise)
            row.values.push_back(cell_value(column, run));
        else
            row.values.push_back(row.spread && row.spread->count > 1
                                     ? std::optional(relative_noise(*row.spread))
                                     : std::nullopt);
    row.random_quality = has_random_weights(run);
    for (const RunMark& mark : marks_of(run)) {
        row.flags << chipOf(mark);
        row.noisy = row.noisy || mark.text == "noisy";
    }
    return row;
}

bool RunTableModel::scaleColumns() {
    bool changed = false;
    for (size_t i = 0; i < columns_.size(); ++i) {
        double largest = 0;
        for (const Row& row : rows_) largest = std::max(largest, row.values[i].value_or(0));
        if (columns_[i].what == RunColumn::What::metric)
            changed = scale_column(columns_[i], largest) || changed;
    }
    return changed;
}

void RunTableModel::setBaseline(std::int64_t run_id) {
    if (run_id == baseline_) return;
    beginResetModel();
    baseline_ = run_id;
    takeColumns();
    endResetModel();
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

int RunTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(rows_.size());
}

int RunTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(columns_.size());
}

QVariant RunTableModel::data(const QModelIndex& at, int role) const {
    if (!at.isValid()) return {};
    const Row& row = rows_[size_t(at.row())];
    using What = RunColumn::What;
    if (columns_[size_t(at.column())].name == baseline_column)
        return againstBaseline(at.row(), role);
    switch (columns_[size_t(at.column())].what) {
    case What::run: return number(at.row(), role);
    case What::field: return field(at.row(), at.column(), role);
    case What::metric: return metric(row, at.column(), role);
    case What::noise: return noise(row, at.column(), role);
    case What::flags:
    case What::reason: return text(row, at.row(), at.column(), role);
    }
    return {};
}

/// By the time if both have one, else by the memory.
RunTableModel::Against RunTableModel::against(const RunRecord& run) const {
    const RunRecord& base = this->run(rowOf(baseline_));
    if (&run == &base) return {Tone::accent, tr("baseline"), {}, 1};
    if (run.status != RunStatus::done || base.status != RunStatus::done) return {};
    const Comparison comparison = compare(base, run);
    const auto of = [&](const char* name) {
        return std::find_if(comparison.metrics.begin(), comparison.metrics.end(),
                            [&](const auto& m) { return name && m.metric == name; });
    };
    auto found = of(timed_metric(base));
    const bool timed = found != comparison.metrics.end();
    if (!timed) found = of("peak_bytes");
    if (found == comparison.metrics.end()) return {};
    Against result{.why = QString::fromStdString(found->needs), .ratio = found->ratio};
    const double times = found->ratio < 1 ? 1 / found->ratio : found->ratio;
    const QString how_much = QString(" %1%2").arg(times, 0, 'f', 2).arg(QChar(0xD7));
    switch (found->verdict) {
    case Verdict::better:
        result.tone = Tone::good;
        result.words = (timed ? tr("faster") : tr("less memory")) + how_much;
        break;
    case Verdict::worse:
        result.tone = Tone::bad;
        result.words = (timed ? tr("slower") : tr("more memory")) + how_much;
        break;
    case Verdict::same: result.words = tr("same"); break;
    case Verdict::undecided:
    case Verdict::not_comparable:
        result.tone = Tone::info;
        result.words = QString::fromStdString(std::string(to_text(found->verdict)));
        break;
    }
    if (timed && found->ratio_low < found->ratio_high)
        result.why = tr("time %1 to %2 of the baseline's, 95 % interval")
                         .arg(found->ratio_low, 0, 'f', 3)
                         .arg(found->ratio_high, 0, 'f', 3) +
                     (result.why.isEmpty() ? QString() : "\n" + result.why);
    return result;
}

QVariant RunTableModel::againstBaseline(int row, int role) const {
    if (role != Qt::DisplayRole && role != sort_role && role != tone_role &&
        role != Qt::ToolTipRole)
        return {};
    auto& known = against_[size_t(row)];
    if (!known) known = against(run(row));
    if (role == Qt::DisplayRole) return known->words;
    if (known->words.isEmpty()) return {};
    if (role == sort_role) return known->ratio;
    if (role == tone_role) return int(known->tone);
    return known->why;
}

QVariant RunTableModel::number(int index, int role) const {
    switch (role) {
    case Qt::DisplayRole: return QString::number(run(index).id);
    case sort_role:
    case export_role: return double(run(index).id);
    case colour_role: return index < int(slots_.size()) ? slots_[size_t(index)] : 0;
    case Qt::ToolTipRole: return reasonOf(run(index));
    default: return {};
    }
}

QVariant RunTableModel::field(int row, int column, int role) const {
    if (role != Qt::DisplayRole && role != sort_role && role != export_role) return {};
    const RunColumn& shown = columns_[size_t(column)];
    const auto& value = rows_[size_t(row)].values[size_t(column)];
    if (role == sort_role && shown.number) return value ? QVariant(*value) : QVariant();
    return QString::fromStdString(cell_text(shown, run(row)));
}

QVariant RunTableModel::metric(const Row& row, int column, int role) const {
    const RunColumn& shown = columns_[size_t(column)];
    const auto& value = row.values[size_t(column)];
    const bool quality = shows_quality(shown.name);
    if (!value) return role == Qt::DisplayRole ? QVariant(QString()) : QVariant();
    switch (role) {
    case Qt::DisplayRole: return tableNumber(cell_text(shown, *value));
    case sort_role: return *value;
    case export_role: return *value / shown.factor;
    case share_role: return shown.largest > 0 ? longest_bar * *value / shown.largest : 0.0;
    case muted_role: return quality && row.random_quality;
    case Qt::ToolTipRole:
        if (quality && row.random_quality)
            return tr("Of random weights: it says nothing about the model.");
        return QString::fromStdString(format_value(*value, find_metric(shown.name)->unit));
    default: return {};
    }
}

QVariant RunTableModel::noise(const Row& row, int column, int role) const {
    const RunColumn& shown = columns_[size_t(column)];
    const auto& value = row.values[size_t(column)];
    if (!value || !row.spread || row.spread->median == 0)
        return role == Qt::DisplayRole ? QVariant(QString()) : QVariant();
    const Summary& s = *row.spread;
    switch (role) {
    case Qt::DisplayRole: return QString::fromStdString(cell_text(shown, *value));
    case sort_role: return *value;
    case export_role: return *value / shown.factor;
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

QVariant RunTableModel::text(const Row& row, int index, int column, int role) const {
    const bool flags = columns_[size_t(column)].what == RunColumn::What::flags;
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
    using What = RunColumn::What;
    const RunColumn& column = columns_[size_t(section)];
    const QString title = capital(QString::fromStdString(column.title));
    const QString unit = QString::fromStdString(column.unit);
    const bool wide_bar = column.name == "peak_bytes";
    if (role == Qt::DisplayRole) return title;
    if (role == unit_role) return unit;
    if (column.name == baseline_column) {
        if (role == kind_role) return int(CellKind::status);
        if (role == width_role) return 170;
        if (role == Qt::ToolTipRole) return tr("What may be said of each run against the baseline");
    }
    if (role == kind_role) switch (column.what) {
        case What::run: return int(CellKind::swatch);
        case What::field: return int(column.number ? CellKind::number : CellKind::strong);
        case What::metric: return int(wide_bar ? CellKind::share : CellKind::number);
        case What::noise: return int(CellKind::spread);
        case What::flags: return int(CellKind::chips);
        case What::reason: return int(CellKind::text);
        }
    const int head_width =
        role == width_role ? textWidth(uiFont(11, QFont::DemiBold), title + unit) + 40 : 0;
    if (role == width_role) switch (column.what) {
        case What::run: return 64;
        case What::field: return std::max(72, head_width);
        case What::metric: return wide_bar ? 144 : head_width;
        case What::noise: return 120;
        case What::flags: return 140;
        case What::reason: return 280;
        }
    if (role == Qt::ToolTipRole && column.what == What::metric)
        return textOf(find_metric(column.name)->meaning);
    if (role == Qt::ToolTipRole && column.what == What::noise)
        return tr("How uncertain the median is; the drawing shows the samples within ±10 %");
    return {};
}

Qt::ItemFlags RunTableModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags usual = QAbstractTableModel::flags(index);
    return index.isValid() ? usual | Qt::ItemIsDragEnabled : usual;
}

QMimeData* RunTableModel::mimeData(const QModelIndexList& rows) const {
    return rows.isEmpty() ? nullptr : mimeOfRun(run(rows.front().row()).id);
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
