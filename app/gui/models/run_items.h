#pragma once
#include <QStandardItemModel>

namespace sweetspot::gui {

/// Cells whose rows are runs. The first item of a row says which, and a row is dragged as its run,
/// to the places of A and B (frame/pick_hint.h).
class RunItems : public QStandardItemModel {
public:
    static constexpr int run_role = Qt::UserRole + 100; ///< beyond our table roles

    using QStandardItemModel::QStandardItemModel;
    qint64 runOf(int row) const;
    QMimeData* mimeData(const QModelIndexList& cells) const override;
};

} // namespace sweetspot::gui
