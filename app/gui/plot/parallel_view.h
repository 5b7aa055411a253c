#pragma once
#include "app/analysis/parallel.h"
#include <QSet>
#include <QWidget>
#include <functional>
#include <optional>

class QMenu;

namespace sweetspot::gui {

/// Runs as lines across several axes, coloured along the last. Dragging along an axis keeps the
/// lines that cross it there, a double click shows all again; a click takes a line, pointing at one
/// names it, and so do the keys up and down.
class ParallelView : public QWidget {
    Q_OBJECT
public:
    explicit ParallelView(QWidget* parent = nullptr);

    /// What was kept stays kept on axes that are still there.
    void setPlot(ParallelPlot plot);
    const ParallelPlot& plot() const { return plot_; }
    void setSelected(const QSet<qint64>& ids);
    void setDescriber(std::function<QString(qint64)> describe) { describe_ = std::move(describe); }
    /// Keeps what lies between two places of an axis, 0 to 1; nothing keeps all.
    void keep(int axis, std::optional<std::pair<double, double>> range);
    QList<qint64> kept() const;               ///< lines that every range holds
    QPointF place(int axis, double at) const; ///< in the widget
    QSize sizeHint() const override { return {600, 240}; }
    QString values() const; ///< what every kept run has on each axis, as CSV
    /// As PNG, SVG, PDF or CSV, as the path ends. Answers what went wrong in a sentence, or
    /// nothing.
    QString exportTo(const QString& path);
    void addExports(QMenu& menu);
    void setExportName(const QString& name) { export_name_ = name; }

signals:
    void lineClicked(qint64 id);
    void exported(const QString& sentence, bool ok);

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    using Range = std::optional<std::pair<double, double>>;
    bool isKept(const ParallelLine& line) const;
    int axisAt(QPointF place) const; ///< -1 = none is near
    double heightOf(QPointF place) const;
    QString valueOf(const ParallelAxis& axis, double at) const;
    void point(const ParallelLine* line, QPoint at);
    void askAndExport(const QString& suffix);
    const ParallelLine* lineAt(QPointF place) const;
    void drawLine(QPainter& painter, const ParallelLine& line) const;
    void drawAxis(QPainter& painter, int axis) const;

    ParallelPlot plot_{};
    std::vector<Range> ranges_{}; ///< of each axis
    QSet<qint64> selected_{};
    std::function<QString(qint64)> describe_{};
    qint64 hovered_ = 0;
    int held_ = -1; ///< the axis that is dragged along
    QPointF pressed_{};
    QString export_name_{};
};

} // namespace sweetspot::gui
