#pragma once
#include <QWidget>

namespace sweetspot::gui {

/// Cells in rows, one of which is current: arrow keys move it, a click or Return takes it, a
/// tooltip tells of it. What a cell looks like is the derived widget's.
class CellGrid : public QWidget {
    Q_OBJECT
public:
    explicit CellGrid(QWidget* parent = nullptr);
    /// Column first: QPoint(column, row); (-1, -1) is none.
    QPoint current() const { return current_; }
    virtual void setCurrent(QPoint cell);
    virtual QRectF cellBox(int row, int column) const = 0;

signals:
    /// Clicked, or Return was pressed on it.
    void activated(int row, int column);

protected:
    virtual int rows() const = 0;
    virtual int columns(int row) const = 0; ///< rows may differ
    virtual QPoint cellAt(QPointF place) const = 0;
    /// Nothing, no tooltip.
    virtual QString tip(int row, int column) const = 0;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;
    void focusInEvent(QFocusEvent*) override { update(); }
    void focusOutEvent(QFocusEvent*) override { update(); }

private:
    QPoint current_{-1, -1};
};

} // namespace sweetspot::gui
