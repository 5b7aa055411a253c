#pragma once
#include <QStyledItemDelegate>

namespace sweetspot::gui {

class TableView;

/// Paints cells as their column's CellKind says.
class CellDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    explicit CellDelegate(TableView* table);
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

private:
    TableView* table_;
};

} // namespace sweetspot::gui
