#pragma once
#include "app/gui/widgets/cell_grid.h"
#include <QStringList>
#include <functional>
#include <vector>

namespace sweetspot::gui {

/// A table of numbers to colour: rows x columns, row by row. NaN is "not known yet".
struct HeatGrid {
    QString row_name, column_name; ///< "batch", "sequence length (tokens)"
    QStringList rows, columns;     ///< heads
    std::vector<double> values;    ///< rows.size() * columns.size()
    double limit = 0;              ///< more than this will not fit; 0 is no limit
    double low = 0; ///< where the colours begin: 0, or the least of values that are near each other
    std::vector<QString> notes{};            ///< a tooltip for each cell; may be empty
    std::function<QString(double)> format{}; ///< one decimal below 100, else none, if not given
};

/// The heat-map table: a number in every cell; what will not fit is hatched in red with a cross,
/// what takes over 92 % of the limit has a corner mark. Arrow keys move the outlined cell.
class HeatMap : public CellGrid {
    Q_OBJECT
public:
    explicit HeatMap(QWidget* parent = nullptr);
    /// Keeps the current cell if the new grid has it.
    void setGrid(HeatGrid grid);
    const HeatGrid& grid() const { return grid_; }
    void setCurrent(QPoint cell) override;
    QRectF cellBox(int row, int column) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    /// The outlined cell is another one: under the mouse, or reached by arrow keys.
    void hovered(int row, int column);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    int rows() const override { return int(grid_.rows.size()); }
    int columns(int) const override { return int(grid_.columns.size()); }
    QPoint cellAt(QPointF place) const override;
    QString tip(int row, int column) const override;

private:
    double value(int row, int column) const;
    QString text(double value) const;
    double headWidth() const;
    void drawHeads(QPainter& painter) const;
    void drawCell(QPainter& painter, int row, int column) const;

    HeatGrid grid_;
};

} // namespace sweetspot::gui
