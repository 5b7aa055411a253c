#include "app/gui/models/sweep_table_model.h"
#include "app/experiment/spec.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/theme/theme.h"
#include <algorithm>

// All sweeps as a table whose notes and tags can be edited; what is typed goes to the store, and
// comes back from there.

namespace sweetspot::gui {
namespace {

struct Head {
    const char* title;
    CellKind kind;
    int width;
};
constexpr Head heads[] = {
    {"Name", CellKind::strong, 220},  {"Model", CellKind::text, 120},
    {"Started", CellKind::mono, 140}, {"Points", CellKind::number, 72},
    {"Done", CellKind::number, 72},   {"Failed", CellKind::number, 72},
    {"State", CellKind::chips, 100},  {"Tags", CellKind::chips, 170},
    {"Note", CellKind::text, 220},
};
static_assert(std::size(heads) == SweepTableModel::columns);

QStringList tagsOf(const SweepInfo& sweep) {
    QStringList tags;
    for (const auto& tag : sweep.tags) tags << QString::fromStdString(tag);
    return tags;
}

/// "a, b,,c" as it was meant.
QStringList splitTags(const QString& text) {
    QStringList tags;
    for (const QString& part : text.split(','))
        if (const QString tag = part.trimmed(); !tag.isEmpty() && !tags.contains(tag)) tags << tag;
    return tags;
}

bool sameSweeps(const std::vector<SweepInfo>& a, const std::vector<SweepInfo>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return x.id == y.id; });
}

} // namespace

void SweepTableModel::setSweeps(Sweeps sweeps) {
    if (!sameSweeps(*sweeps, *sweeps_)) {
        beginResetModel();
        sweeps_ = std::move(sweeps);
        takeModels();
        endResetModel();
        return;
    }
    const Sweeps before = std::exchange(sweeps_, std::move(sweeps));
    for (int row = 0; row < rowCount(); ++row) {
        const SweepInfo &was = (*before)[size_t(row)], &now = sweep(row);
        const auto tell = [&](Column first, Column last) {
            emit dataChanged(index(row, first), index(row, last));
        };
        if (was.pinned != now.pinned) tell(state, state);
        if (was.planned != now.planned || was.done != now.done || was.failed != now.failed)
            tell(points, failed);
        if (was.tags != now.tags) tell(tags, tags);
        if (was.note != now.note) tell(note, note);
    }
}

void SweepTableModel::takeModels() {
    models_.clear();
    for (const SweepInfo& sweep : *sweeps_) models_ << models(sweep);
}

QString SweepTableModel::models(const SweepInfo& sweep) const {
    try {
        const Spec spec = spec_from_json(sweep.spec_json, sweep.name);
        QStringList names{QString::fromStdString(spec.base.model)};
        for (const Axis& axis : spec.axes)
            if (axis.field == "model") {
                names.clear();
                for (const auto& value : axis.values) names << QString::fromStdString(value);
            }
        return names.join(", ");
    } catch (const Error&) {
        return {}; // of a version that had other fields
    }
}

int SweepTableModel::rowOf(std::int64_t sweep_id) const {
    for (int row = 0; row < rowCount(); ++row)
        if (sweep(row).id == sweep_id) return row;
    return -1;
}

void SweepTableModel::setActive(std::int64_t sweep_id) {
    if (sweep_id == active_) return;
    active_ = sweep_id;
    if (rowCount() > 0) emit dataChanged(index(0, state), index(rowCount() - 1, state));
}

void SweepTableModel::setReadOnly(bool read_only) {
    read_only_ = read_only;
}

QString SweepTableModel::searchText(int row) const {
    const SweepInfo& s = sweep(row);
    return QStringList{QString::fromStdString(s.name), QString::fromStdString(s.description),
                       tagsOf(s).join(' '), QString::fromStdString(s.note), models_[row]}
        .join('\n');
}

int SweepTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(sweeps_->size());
}

int SweepTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

QVariant SweepTableModel::data(const QModelIndex& at, int role) const {
    if (!at.isValid()) return {};
    const SweepInfo& s = sweep(at.row());
    const auto column = Column(at.column());
    switch (column) {
    case points:
    case done:
    case failed: return number(s, column, role);
    case state:
        if (role == chips_role && s.id == active_) return QStringList{tr("accent:running")};
        if (role == chips_role && s.pinned) return QStringList{tr("good:pinned")};
        if (role == sort_role) return double(s.pinned) + 2 * double(s.id == active_);
        if (role == export_role) return s.pinned ? tr("pinned") : QString();
        return {};
    case tags:
        if (role == chips_role) {
            QStringList chips;
            for (const QString& tag : tagsOf(s)) chips << "neutral:" + tag;
            return chips;
        }
        break;
    case created:
        if (role == sort_role) return s.created_unix_seconds;
        break;
    default: break;
    }
    if (role == Qt::ToolTipRole && column == name) return QString::fromStdString(s.description);
    if (role == Qt::ToolTipRole && (column == tags || column == note))
        return read_only_ ? QString() : tr("A double click or F2 writes here.");
    const bool is_text = role == Qt::DisplayRole || role == Qt::EditRole || role == sort_role;
    if (role == Qt::DisplayRole && column == tags) return {};
    return is_text ? words(at.row(), column) : QVariant();
}

QVariant SweepTableModel::number(const SweepInfo& s, Column column, int role) const {
    const int value = column == points ? s.planned : column == done ? s.done : s.failed;
    if (role == sort_role || role == export_role) return double(value);
    if (role == tone_role) return int(column == failed && value > 0 ? Tone::bad : Tone::neutral);
    if (role == Qt::ToolTipRole && column == points && s.impossible > 0)
        return tr("%1 of them are impossible").arg(s.impossible);
    if (role != Qt::DisplayRole) return {};
    return column == failed && value == 0 ? QString() : tableNumber(value, 16).section('.', 0, 0);
}

QString SweepTableModel::words(int row, Column column) const {
    const SweepInfo& s = sweep(row);
    switch (column) {
    case name: return QString::fromStdString(s.name);
    case model: return models_[row];
    case created: return dateText(s.created_unix_seconds);
    case tags: return tagsOf(s).join(", ");
    case note: return QString::fromStdString(s.note);
    default: return {};
    }
}

bool SweepTableModel::setData(const QModelIndex& at, const QVariant& value, int role) {
    if (!at.isValid() || role != Qt::EditRole || read_only_) return false;
    const SweepInfo& s = sweep(at.row());
    if (value.toString() == words(at.row(), Column(at.column()))) return true;
    if (at.column() == note) emit noteWritten(s.id, value.toString().trimmed());
    if (at.column() == tags) emit tagsWritten(s.id, splitTags(value.toString()));
    return at.column() == note || at.column() == tags;
}

Qt::ItemFlags SweepTableModel::flags(const QModelIndex& at) const {
    auto flags = QAbstractTableModel::flags(at);
    if (at.isValid() && !read_only_ && (at.column() == note || at.column() == tags))
        flags |= Qt::ItemIsEditable;
    return flags;
}

QVariant SweepTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section >= columns) return {};
    switch (role) {
    case Qt::DisplayRole: return tr(heads[section].title);
    case kind_role: return int(heads[section].kind);
    case width_role: return heads[section].width;
    default: return {};
    }
}

SweepProxy::SweepProxy(SweepTableModel* model, QObject* parent)
    : QSortFilterProxyModel(parent), model_(model) {
    setSourceModel(model);
    setSortCaseSensitivity(Qt::CaseInsensitive);
}

void SweepProxy::setWords(const QString& words) {
    words_ = words.split(' ', Qt::SkipEmptyParts);
    invalidateFilter();
}

bool SweepProxy::filterAcceptsRow(int row, const QModelIndex&) const {
    const QString text = model_->searchText(row);
    return std::all_of(words_.begin(), words_.end(), [&](const QString& word) {
        return text.contains(word, Qt::CaseInsensitive);
    });
}

} // namespace sweetspot::gui
