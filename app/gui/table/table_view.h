#pragma once
#include "app/gui/table/table_roles.h"
#include <QTableView>

namespace sweetspot::gui {

/// A table in the house style over any model with our roles: rows of 30, hairlines, hover, a sort
/// arrow and units in the head. Sorting goes by sort_role.
class TableView : public QTableView {
    Q_OBJECT
public:
    explicit TableView(QWidget* parent = nullptr);

    /// Also takes the first widths from width_role. `stretch` is the column that takes what is
    /// left.
    void setModel(QAbstractItemModel* model) override;
    void setStretchColumn(int column);
    CellKind kindOf(int column) const;
    bool isFirstColumn(int column) const; ///< the leftmost on screen
    int hoveredRow() const { return hovered_row_; }
    /// Selected rows of the model, top to bottom.
    QList<int> selectedRows() const;

signals:
    /// The row under the mouse; -1 is none.
    void rowHovered(int row);
    void rowsSelected(const QList<int>& rows);

protected:
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void selectionChanged(const QItemSelection& on, const QItemSelection& off) override;
    void keyPressEvent(QKeyEvent* event) override; ///< copies the selected rows as CSV

private:
    void hover(int row);
    void stretch();

    int hovered_row_ = -1;
    int stretch_column_ = -1;
};

} // namespace sweetspot::gui
