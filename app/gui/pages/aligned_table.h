#pragma once
#include "app/analysis/waterfall.h"
#include "app/gui/widgets/card.h"

class QLineEdit;
class QSortFilterProxyModel;
class QStandardItemModel;

namespace sweetspot::gui {

class PillGroup;
class TableView;

/// The stretches of two models side by side, by their place in the model: which differ, which only
/// one has, and what each adds to the difference.
class AlignedTable : public Card {
    Q_OBJECT
public:
    AlignedTable();
    /// Runs with details.
    void present(const RunRecord& a, const RunRecord& b);
    void clear();
    PillGroup* which() { return which_; } ///< changed, only A, only B, all
    TableView* table() { return table_; }
    QLineEdit* filter() { return filter_; }

signals:
    void exported(const QString& sentence);

private:
    void filterRows();

    QLineEdit* filter_;
    PillGroup* which_;
    QStandardItemModel* model_;
    QSortFilterProxyModel* proxy_;
    TableView* table_;
};

} // namespace sweetspot::gui
