#pragma once
#include "app/analysis/plot.h"
#include "app/gui/theme/theme.h"
#include <QPointF>
#include <QSharedPointer>

class QPainter;
class QCPAxis;
class QCPAxisRect;
class QCPAxisTicker;
class QCPScatterStyle;
class QCustomPlot;

namespace sweetspot::gui {

/// The marker of a slot; a series keeps it in every view.
enum class Marker { disc, square, triangle, diamond, ring, triangle_down };
Marker slotMarker(int slot);
/// As drawn in plots: 7 px, for legends and read-outs.
void drawMarker(QPainter& painter, Marker marker, QPointF centre, const QColor& colour);
QCPScatterStyle scatterStyle(Marker marker, const QColor& colour, const Theme& theme);

/// House style of axes: horizontal grid lines only, no box, an x axis with ticks outward.
void styleAxes(QCPAxisRect& rect, const Theme& theme);
/// Tick labels of ours for what a spec shows on its axes.
void setTickers(QCustomPlot& plot, const PlotSpec& spec);

/// A number on an axis: "0.5", "2048", "120k"; the minus is U+2212.
QString axisNumber(double value);
/// A number in a read-out, with enough decimals for the largest of its column.
QString readoutNumber(double value, double largest);

constexpr int dense_points = 500; ///< more are drawn 1 px wide
constexpr int marked_points = 60; ///< more have no markers

} // namespace sweetspot::gui
