#pragma once
#include "app/analysis/roofline.h"
#include "app/analysis/timeline.h"
#include <QAbstractTableModel>

namespace sweetspot::gui {

/// What takes the time of a range, as a table: name, share, time, calls, and how near to the roofs.
class SumsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { name, share, time, calls, compute, memory, bound, columns };
    using QAbstractTableModel::QAbstractTableModel;

    /// Ceilings that were not measured leave the bounds out.
    void setSums(std::vector<RangeSum> sums, const Ceilings& ceilings, bool gpu);
    const RangeSum& sum(int row) const { return rows_[std::size_t(row)].sum; }
    const Placement& placement(int row) const { return rows_[std::size_t(row)].placement; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    struct Row {
        RangeSum sum{};
        Placement placement{};
    };
    double value(const Row& row, Column column) const;

    std::vector<Row> rows_{};
    double total_ = 0; ///< seconds
    bool placed_ = false;
};

} // namespace sweetspot::gui
