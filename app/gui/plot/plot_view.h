#pragma once
#include "app/gui/plot/hover_card.h"
#include "app/gui/plot/plot_scene.h"
#include <QTimer>
#include <QWidget>
#include <functional>
#include <memory>
#include <optional>

class QCPItemLine;
class QMouseEvent;

namespace sweetspot::gui {

/// What is told of a point of a cloud, or of the runs whose crosses stand in one place.
struct PointReadout {
    QString title{};
    QList<HoverCard::Line> lines{};
    QString note{};
};

/// A plot on screen. Wheel zooms, dragging pans, dragging with Shift zooms into a box, a double
/// click shows all again; hovering, or left and right, reads out every series at the nearest x; a
/// click or Return takes the nearest point, and dragging from a point takes its run elsewhere. A
/// movable limit is dragged.
/// It never draws more than 20 times a second for new data.
class PlotView : public QWidget {
    Q_OBJECT
public:
    explicit PlotView(QWidget* parent = nullptr);
    ~PlotView() override;

    /// Shows other data. A range chosen by the user stays while axes mean the same.
    void setSpec(PlotSpec spec);
    const PlotSpec& spec() const { return scene_->spec(); }
    /// Adds a point to the series of this index without rebuilding the others.
    void append(int series, const PlotPoint& point);

    void setHidden(const QSet<QString>& names);
    const QSet<QString>& hidden() const { return scene_->hidden(); }
    void setSelected(const QSet<qint64>& ids); ///< rings around the points of these runs

    PlotRange range() const { return scene_->range(); }
    PlotRange fullRange() const { return scene_->fullRange(); }
    /// Looks at a part; nullopt follows the data again, or what a group of facets shares.
    void setRange(const std::optional<PlotRange>& range);
    /// What nullopt and a double click go back to; nullopt is all data of this plot.
    void setHomeRange(const std::optional<PlotRange>& range);

    /// Changes a limit of the spec, or the point that is marked, without drawing the points anew.
    void setLimit(int index, const PlotLimit& limit);
    void setMark(const PlotMark& mark);
    /// Hovering tells this of the nearest point, instead of all series at its x: of one run, or of
    /// several that have no place of their own.
    void setDescriber(std::function<PointReadout(const QList<qint64>& ids)> describe) {
        describe_ = std::move(describe);
    }

    /// Reads out at the x nearest to this one, in axis units.
    void hoverAt(double x);
    void hideHover();
    /// Back to all points, as the key Home and a double click do.
    void showAll();
    const HoverCard* hoverCard() const { return hover_; }
    QCustomPlot* canvas() { return canvas_; }
    QSize sizeHint() const override { return {360, 260}; }
    QSize minimumSizeHint() const override { return {200, 150}; }

signals:
    void rangeChosen(const PlotRange& range); ///< by wheel or drag
    void rangeReset();                        ///< by double click
    void pointClicked(qint64 id);
    void pointDragged(qint64 id); ///< a run is on its way out of the plot, under the mouse
    /// A movable limit of the spec is being dragged; `value` is in axis units.
    void limitMoved(int limit, double value);
    void replotted();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void focusInEvent(QFocusEvent*) override { update(); }
    void focusOutEvent(QFocusEvent*) override;

private:
    void connectCanvas();
    void queueReplot();
    void replot();
    void applyRange();
    void userMoved();
    void stepHover(int by);
    void dragLimit(QPointF place);
    std::optional<double> nearestX(double pixel) const;
    void click(const QMouseEvent& event);
    bool isOnBar(const PlotSeries& series, size_t index, QPointF place) const;
    QList<qint64> runsAt(QPointF place, double reach) const;
    void describeAt(QPointF place);
    bool dragsPoint(const QMouseEvent& event);
    void replotOverlay();

    QCustomPlot* canvas_;
    std::unique_ptr<PlotScene> scene_;
    QCPItemLine* guide_ = nullptr;
    HoverCard* hover_;
    std::function<PointReadout(const QList<qint64>& ids)> describe_; ///< of clouds
    QTimer replot_timer_;
    std::optional<PlotRange> chosen_, home_;
    std::optional<double> hover_x_;
    QPointF pressed_;
    int held_limit_ = -1; ///< what the mouse holds, -1 = none
    qint64 held_run_ = 0; ///< likewise, 0 = none
    bool styled_dark_ = false;
    bool overlay_queued_ = false;
};

} // namespace sweetspot::gui
