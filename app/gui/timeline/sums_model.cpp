#include "app/gui/timeline/sums_model.h"
#include "app/analysis/format.h"
#include "app/gui/table/table_roles.h"

// The table below a timeline: what the time of the visible range went into.

namespace sweetspot::gui {

namespace {

QString words(const std::string& text) {
    return QString::fromStdString(text);
}

struct Head {
    QString name, unit;
    CellKind kind;
    int width;
};

Head headOf(int column) {
    switch (column) {
    case SumsModel::name: return {SumsModel::tr("Name"), {}, CellKind::strong, 180};
    case SumsModel::share: return {SumsModel::tr("Share of time"), "%", CellKind::share, 124};
    case SumsModel::time: return {SumsModel::tr("Time"), "ms", CellKind::number, 80};
    case SumsModel::calls: return {SumsModel::tr("Calls"), {}, CellKind::number, 60};
    case SumsModel::compute: return {SumsModel::tr("Computes"), "GFLOP/s", CellKind::number, 128};
    case SumsModel::memory: return {SumsModel::tr("Moves"), "GB/s", CellKind::number, 92};
    default: return {SumsModel::tr("Bound by"), {}, CellKind::text, 84};
    }
}

} // namespace

void SumsModel::setSums(std::vector<RangeSum> sums, const Ceilings& ceilings, bool gpu) {
    beginResetModel();
    rows_.clear();
    total_ = 0;
    placed_ = !ceilings.all.empty();
    for (RangeSum& sum : sums) {
        total_ += sum.seconds;
        const Stretch stretch{.seconds = sum.seconds,
                              .busy = sum.seconds,
                              .flops = sum.cost.flops,
                              .bytes = sum.cost.bytes,
                              .launches = sum.calls};
        const Placement placement =
            place(stretch, ceilings.compute(sum.dtype), ceilings.bandwidth(),
                  gpu ? gpu_launch_seconds : cpu_launch_seconds);
        rows_.push_back({std::move(sum), placement});
    }
    endResetModel();
}

int SumsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(rows_.size());
}
int SumsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : columns;
}

double SumsModel::value(const Row& row, Column column) const {
    const RangeSum& sum = row.sum;
    switch (column) {
    case share: return total_ > 0 ? 100 * sum.seconds / total_ : 0;
    case time: return sum.seconds * 1e3;
    case calls: return double(sum.calls);
    case compute: return sum.cost.flops / sum.seconds * 1e-9;
    case memory: return sum.cost.bytes / sum.seconds * 1e-9;
    default: return 0;
    }
}

QVariant SumsModel::data(const QModelIndex& index, int role) const {
    const Row& row = rows_[std::size_t(index.row())];
    const auto column = Column(index.column());
    const bool known = column == bound                         ? placed_ && row.sum.cost.bytes > 0
                       : column == compute || column == memory ? value(row, column) > 0
                                                               : true;
    switch (role) {
    case Qt::DisplayRole:
        if (!known) return {};
        if (column == name) return words(row.sum.name);
        if (column == bound)
            return words(std::string(names_of(Bound{})[std::size_t(row.placement.bound)]));
        if (column == calls) return QString::number(row.sum.calls);
        return words(format_number(value(row, column)));
    case Qt::ToolTipRole: return column == name ? words(row.sum.name) : QVariant();
    case sort_role:
        if (column == name) return words(row.sum.name);
        if (column == bound) return int(row.placement.bound);
        return value(row, column);
    case export_role: return column == name || column == bound ? QVariant() : value(row, column);
    case share_role: return value(row, share) / 100;
    default: return {};
    }
}

QVariant SumsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    const Head head = headOf(section);
    switch (role) {
    case Qt::DisplayRole: return head.name;
    case unit_role: return head.unit;
    case kind_role: return int(head.kind);
    case width_role: return head.width;
    default: return {};
    }
}

} // namespace sweetspot::gui
