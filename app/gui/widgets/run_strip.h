#pragma once
#include "app/gui/widgets/cell_grid.h"
#include <QList>
#include <QStringList>
#include <functional>

class QPainter;

namespace sweetspot::gui {

enum class RunState { queued, running, done, flagged, failed, will_not_fit };
/// "queued", "running", "done", "done, flagged", "failed", "will not fit"
QString runStateName(RunState state);
/// Done is quiet, exceptions are loud.
void drawRunState(QPainter& painter, const QRectF& box, RunState state);

/// A cell for every run of a sweep: rows are variants, groups are lengths, cells are batches.
struct StripRow {
    QString name;
    QList<RunState> cells; ///< group after group; as many in every row
    QStringList labels{};  ///< a number or word that stands in it; may be empty
};

class RunStrip : public CellGrid {
    Q_OBJECT
public:
    explicit RunStrip(QWidget* parent = nullptr);
    /// The cells of a row are shared out evenly to the groups, at least one group.
    void setRows(const QList<StripRow>& rows, const QStringList& groups);
    void setState(int row, int cell, RunState state);
    /// What a cell is, as its tooltip tells; of none, the name of its row.
    void setDescriber(std::function<QString(int row, int cell)> describe) {
        describe_ = std::move(describe);
    }
    QRectF cellBox(int row, int cell) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    int rows() const override { return int(rows_.size()); }
    int columns(int row) const override { return int(rows_[row].cells.size()); }
    QPoint cellAt(QPointF place) const override;
    QString tip(int row, int cell) const override;

private:
    int perGroup() const;
    void drawCell(QPainter& painter, int row, int cell) const;
    double nameWidth() const;
    double gap() const { return 12; }

    QList<StripRow> rows_;
    QStringList groups_;
    std::function<QString(int row, int cell)> describe_;
    int widest_ = 0; ///< of the names, in pixels
};

/// The names of the states, each with its look.
class RunStateLegend : public QWidget {
    Q_OBJECT
public:
    explicit RunStateLegend(QWidget* parent = nullptr);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
};

} // namespace sweetspot::gui
