#pragma once
#include "app/store/store.h"
#include <QAbstractTableModel>
#include <QSortFilterProxyModel>
#include <memory>

namespace sweetspot::gui {

/// Sweeps as a table: name, date, points, results, tags, note, pinned. Tags and notes are edited in
/// place: the model says what was written, and its owner sees to it that it is kept.
class SweepTableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    using Sweeps = std::shared_ptr<const std::vector<SweepInfo>>;
    enum Column { name, model, created, points, done, failed, state, tags, note, columns };
    using QAbstractTableModel::QAbstractTableModel;

    /// Other sweeps; where they are the same ones, only cells that changed are told, so that an
    /// editor that is open stays.
    void setSweeps(Sweeps sweeps);
    const SweepInfo& sweep(int row) const { return (*sweeps_)[size_t(row)]; }
    int rowOf(std::int64_t sweep_id) const; ///< -1 = none
    /// The sweep in progress, 0 = none: marked.
    void setActive(std::int64_t sweep_id);
    /// All that a search looks at: name, description, tags, note and models.
    QString searchText(int row) const;
    void setReadOnly(bool read_only); ///< nothing can be edited

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

signals:
    void noteWritten(qint64 sweep_id, const QString& note);
    void tagsWritten(qint64 sweep_id, const QStringList& tags);

private:
    QVariant number(const SweepInfo& sweep, Column column, int role) const;
    QString words(int row, Column column) const;
    QString models(const SweepInfo& sweep) const;
    void takeModels();

    Sweeps sweeps_ = std::make_shared<std::vector<SweepInfo>>();
    QStringList models_; ///< by row
    std::int64_t active_ = 0;
    bool read_only_ = false;
};

/// The sweeps whose searchText() has all words.
class SweepProxy : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit SweepProxy(SweepTableModel* model, QObject* parent = nullptr);
    void setWords(const QString& words);

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

private:
    SweepTableModel* model_;
    QStringList words_;
};

} // namespace sweetspot::gui
