#pragma once
#include "app/analysis/plot.h"
#include "app/gui/theme/theme.h"
#include <QObject>
#include <QSet>

class QCustomPlot;
class QCPBars;
class QCPBarsGroup;
class QCPErrorBars;
class QCPGraph;
class QCPItemEllipse;
class QCPItemLine;
class QCPItemRect;
class QCPItemText;
class QCPItemStraightLine;
class QCPTextElement;

namespace sweetspot::gui {

/// One more point of a series, for a plot that grows.
struct PlotPoint {
    double x = 0, y = 0;
    double lo = y, hi = y;
    qint64 id = 0;
};

/// Draws a PlotSpec on a QCustomPlot, on screen or for a file, in any theme.
class PlotScene {
public:
    /// `plot` is not owned and must outlive the scene.
    explicit PlotScene(QCustomPlot& plot);

    /// Replaces what is drawn. Series are sorted by x; the range is left as it is.
    void build(PlotSpec spec, const Theme& theme);
    /// Changes colours and fonts only.
    void style(const Theme& theme);
    /// Adds a point where its x belongs, and keeps everything else.
    void append(int series, const PlotPoint& point);
    /// Hides series by name.
    void hide(const QSet<QString>& names);
    /// Rings around the points of these runs.
    void select(const QSet<qint64>& ids);

    const PlotSpec& spec() const { return spec_; }
    const QSet<QString>& hidden() const { return hidden_; }
    /// The range that shows every visible point, and the limits near them.
    PlotRange fullRange() const { return full_range(spec_, hidden_names_); }
    PlotRange range() const;
    void setRange(const PlotRange& range);
    /// The movable limit within a few pixels of a place, -1 = none.
    int limitAt(QPointF place) const;
    void setLimit(int index, const PlotLimit& limit);
    /// Rings and names the point of another run. Like a limit it is drawn on the layer "overlay",
    /// which has a buffer of its own: the points are not drawn again.
    void mark(const PlotMark& mark);

private:
    struct Drawn {
        QCPGraph *line = nullptr, *low = nullptr, *high = nullptr, *crosses = nullptr,
                 *impossible = nullptr, *to_cross = nullptr;
        QCPErrorBars* whiskers = nullptr;
        std::vector<QCPItemText*> labels{};
        std::vector<QCPGraph*> shaded{}; ///< a graph for each step of the ramp
        QCPBars *base = nullptr, *bars = nullptr;
    };
    struct DrawnLimit {
        QCPItemStraightLine* line;
        QCPItemText* name;
        QCPItemRect* veil; ///< null without one
    };

    void add(const PlotSeries& series);
    void fill(size_t index);
    void fillCrosses(size_t index);
    void styleSeries(size_t index, const Theme& theme);
    void addLimit(const PlotLimit& limit);
    void placeLimits();
    void placeVeil(const PlotLimit& limit, const DrawnLimit& drawn);
    void styleMark();
    void placeMark();
    QPointF placeOfName(QPointF pixel) const;
    void placeCut();
    void styleShades(const Drawn& drawn, const PlotSeries& series, const Theme& theme);

    QCustomPlot& plot_;
    PlotSpec spec_;
    Theme theme_;
    QSet<QString> hidden_;
    std::set<std::string> hidden_names_; ///< the same
    QSet<qint64> selected_ids_;
    std::vector<Drawn> drawn_;
    std::vector<DrawnLimit> limits_;
    QCPBarsGroup* bars_group_ = nullptr;
    QCPGraph* rings_ = nullptr;
    QCPGraph *cut_above_ = nullptr, *cut_below_ = nullptr; ///< where intervals leave the view
    QCPItemEllipse *mark_inner_ = nullptr, *mark_outer_ = nullptr;
    QCPItemText* mark_name_ = nullptr;
    QCPTextElement* y_title_;
    QObject listener_; ///< ends the connection to the plot with the scene
};

} // namespace sweetspot::gui
