#pragma once
#include "app/analysis/columns.h"
#include "app/analysis/compare.h"
#include "app/gui/theme/theme.h"
#include <QAbstractTableModel>
#include <memory>

namespace sweetspot::gui {

/// A run with a loss, against the reference.
struct QualityRow {
    const RunRecord* run = nullptr;
    double value = 0, change = 0;         ///< of the metric, and against the reference
    std::optional<PairedLoss> interval{}; ///< of the change, where the tokens were read
    Verdict verdict = Verdict::same;
    QString why{}; ///< what the verdict needs, or why there is none
    bool is_reference = false;
};

/// "+0.021", "−0.4".
QString signedNumber(double value, int digits = 3);
QString wordOf(Verdict verdict);
Tone toneOf(Verdict verdict);

/// The quality of each run beside its memory and time. What a cell says is made when it is seen: of
/// ten thousand rows few are. Roles as in table_roles.h; a row is dragged as its run.
class QualityModel : public QAbstractTableModel {
    Q_OBJECT
public:
    using Runs = std::shared_ptr<const std::vector<RunRecord>>;
    using QAbstractTableModel::QAbstractTableModel;

    /// `rows` are of `runs`, by this metric; in the order that was sorted by last.
    void setRows(std::vector<QualityRow> rows, const Runs& runs, const std::string& metric);
    qint64 runOf(int row) const { return rows_[size_t(row)].run->id; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    void sort(int column, Qt::SortOrder order = Qt::AscendingOrder) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    QMimeData* mimeData(const QModelIndexList& cells) const override;

private:
    /// Those that stand before the columns of runs, these, and what stands behind them.
    enum Column { run, value, change, interval, share, verdict, beside, weights };
    Column kindOf(int column) const;
    const RunColumn& besideAt(int column) const { return beside_[size_t(column) - first_.size()]; }
    QString words(const QualityRow& row, int column) const;
    QVariant plain(const QualityRow& row, int column) const;
    void sortRows();

    Runs runs_; ///< that the rows are of
    std::vector<QualityRow> rows_;
    std::string metric_;
    std::vector<std::string> varying_;
    std::vector<Column> first_; ///< intervals among them only where there are some
    std::vector<RunColumn> beside_;
    int sorted_column_ = 0;
    Qt::SortOrder sort_order_ = Qt::AscendingOrder;
};

} // namespace sweetspot::gui
