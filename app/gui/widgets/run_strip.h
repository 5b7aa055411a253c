#pragma once
#include <QList>
#include <QStringList>
#include <QWidget>

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
    QStringList tips{};    ///< what a cell is; may be empty
};

class RunStrip : public QWidget {
    Q_OBJECT
public:
    explicit RunStrip(QWidget* parent = nullptr);
    /// The cells of a row are shared out evenly to the groups, at least one group.
    void setRows(const QList<StripRow>& rows, const QStringList& groups);
    void setState(int row, int cell, RunState state);
    QRectF cellBox(int row, int cell) const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void activated(int row, int cell);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;
    void focusInEvent(QFocusEvent*) override { update(); }
    void focusOutEvent(QFocusEvent*) override { update(); }

private:
    QPoint cellAt(QPointF place) const; ///< (cell, row), or (-1, -1)
    int perGroup() const;
    double nameWidth() const;
    double gap() const { return 12; }

    QList<StripRow> rows_;
    QStringList groups_;
    QPoint current_{-1, -1};
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
