#pragma once
#include "app/analysis/columns.h"
#include "app/gui/models/run_filter.h"
#include "app/gui/theme/theme.h"
#include <QAbstractTableModel>
#include <QSortFilterProxyModel>
#include <limits>
#include <memory>

namespace sweetspot::gui {

/// The table of runs of app/analysis/columns.h for a view. It works out each run once; roles as in
/// table_roles.h.
class RunTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    using Runs = std::shared_ptr<const std::vector<RunRecord>>;
    using QAbstractTableModel::QAbstractTableModel;

    /// Other runs, or the same ones, some of which went on: then only what changed is told.
    void setRuns(Runs runs);
    const std::vector<RunRecord>& runs() const { return *runs_; }
    const RunRecord& run(int row) const { return (*runs_)[size_t(row)]; }
    int rowOf(std::int64_t run_id) const; ///< -1 = none
    const std::vector<std::string>& varying() const { return varying_; }
    const std::vector<std::string>& metrics() const { return metrics_; } ///< that some run has
    /// The slots that plots give to the runs, by row; shown as a swatch beside the number.
    void setSlots(std::vector<int> run_slots);
    /// The run that the others are held against, in a last column; 0 = none, no column.
    void setBaseline(std::int64_t run_id);
    std::int64_t baseline() const { return baseline_; }
    /// What a column is, by whatever words it is shown.
    const RunColumn& column(int index) const { return columns_[size_t(index)]; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    /// Rows can be dragged, each as its run.
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    QMimeData* mimeData(const QModelIndexList& rows) const override;

private:
    struct Row {
        RunStatus status = RunStatus::planned;
        std::vector<std::optional<double>> values{}; ///< by columns_, as cell_value() has them
        std::optional<Summary> spread{};             ///< of the timed metric
        bool noisy = false, random_quality = false;
        QStringList flags{};
    };

    /// What may be said of a run against the baseline.
    struct Against {
        Tone tone = Tone::neutral;
        QString words{}, why{};
        double ratio = 1; ///< of the time, else of the memory
    };
    Against against(const RunRecord& run) const;
    QVariant againstBaseline(int row, int role) const;
    void takeColumns();
    bool scaleColumns();
    Row rowFor(const RunRecord& run) const;
    bool takesNewColumn(const RunRecord& run) const;
    QVariant number(int index, int role) const;
    QVariant field(int row, int column, int role) const;
    QVariant metric(const Row& row, int column, int role) const;
    QVariant noise(const Row& row, int column, int role) const;
    QVariant text(const Row& row, int index, int column, int role) const;

    Runs runs_ = std::make_shared<std::vector<RunRecord>>();
    std::vector<std::string> varying_, metrics_;
    std::vector<RunColumn> columns_;
    std::vector<Row> rows_;
    std::vector<int> slots_;
    std::int64_t baseline_ = 0;
    mutable std::vector<std::optional<Against>> against_; ///< by row, worked out when it is seen
};

/// The runs that meet a filter, sorted by number; what has no number comes last either way.
class RunProxy : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit RunProxy(RunTableModel* model, QObject* parent = nullptr);
    void setTerms(const QList<RunTerm>& terms);
    const QList<RunTerm>& terms() const { return terms_; }

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;
    bool lessThan(const QModelIndex& a, const QModelIndex& b) const override;

private:
    RunTableModel* model_;
    QList<RunTerm> terms_;
};

} // namespace sweetspot::gui
