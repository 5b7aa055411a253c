#include "app/gui/plot/plot_style.h"
#include "app/analysis/format.h"
#include <QPainter>
#include <cmath>
#include <qcustomplot.h>

// The look of plots: markers, axes and their fonts. Ticks come from app/analysis, through a ticker
// that asks at every zoom.

namespace sweetspot::gui {
namespace {

/// The ticks that app/analysis says, for whatever part of the axis is shown.
class Ticker : public QCPAxisTicker {
public:
    Ticker(const QCPAxis& axis, PlotAxis shown, std::vector<double> values)
        : axis_(axis), shown_(std::move(shown)), values_(std::move(values)) {}

    void generate(const QCPRange& range, const QLocale&, QChar, int, QVector<double>& ticks,
                  QVector<double>* sub_ticks, QVector<QString>* labels) override {
        const bool vertical = axis_.orientation() == Qt::Vertical;
        const QRect rect = axis_.axisRect()->rect();
        ticks.clear();
        if (sub_ticks) sub_ticks->clear();
        if (labels) labels->clear();
        for (const PlotTick& tick :
             ticks_of(shown_, vertical ? PlotSide::y : PlotSide::x, range.lower, range.upper,
                      values_, vertical ? rect.height() : rect.width())) {
            ticks << tick.value;
            if (labels) *labels << QString::fromStdString(tick.label);
        }
    }

private:
    const QCPAxis& axis_;
    PlotAxis shown_;
    std::vector<double> values_;
};

} // namespace

Marker slotMarker(int slot) {
    static constexpr Marker markers[series_slots] = {Marker::triangle, Marker::disc,
                                                     Marker::diamond,  Marker::ring,
                                                     Marker::square,   Marker::triangle_down};
    return markers[((slot % series_slots) + series_slots) % series_slots];
}

void drawMarker(QPainter& painter, Marker marker, QPointF c, const QColor& colour) {
    const bool ring = marker == Marker::ring;
    painter.setPen(ring ? QPen(colour, 1.6) : QPen(Qt::NoPen));
    painter.setBrush(ring ? QBrush(Qt::NoBrush) : QBrush(colour));
    switch (marker) {
    case Marker::disc:
    case Marker::ring: painter.drawEllipse(c, 3.5, 3.5); break;
    case Marker::square: painter.drawRect(QRectF(c.x() - 3.2, c.y() - 3.2, 6.4, 6.4)); break;
    case Marker::triangle:
        painter.drawPolygon(
            QPolygonF({{c.x(), c.y() - 4}, {c.x() + 4, c.y() + 3.4}, {c.x() - 4, c.y() + 3.4}}));
        break;
    case Marker::triangle_down:
        painter.drawPolygon(
            QPolygonF({{c.x(), c.y() + 4}, {c.x() + 4, c.y() - 3.4}, {c.x() - 4, c.y() - 3.4}}));
        break;
    case Marker::diamond:
        painter.drawPolygon(QPolygonF({{c.x(), c.y() - 4.6},
                                       {c.x() + 4.6, c.y()},
                                       {c.x(), c.y() + 4.6},
                                       {c.x() - 4.6, c.y()}}));
        break;
    }
}

QCPScatterStyle scatterStyle(Marker marker, const QColor& colour, const Theme& theme) {
    struct Look {
        QCPScatterStyle::ScatterShape shape;
        double size;
    };
    static constexpr Look looks[] = {
        {QCPScatterStyle::ssCircle, 7},   {QCPScatterStyle::ssSquare, 6},
        {QCPScatterStyle::ssTriangle, 8}, {QCPScatterStyle::ssDiamond, 8},
        {QCPScatterStyle::ssCircle, 6.5}, {QCPScatterStyle::ssTriangleInverted, 8}};
    const Look& look = looks[int(marker)];
    const bool ring = marker == Marker::ring;
    return {look.shape, ring ? QPen(colour, 1.6) : QPen(theme.surface, 1),
            ring ? QBrush(theme.surface) : QBrush(colour), look.size};
}

void styleAxes(QCPAxisRect& rect, const Theme& theme) {
    rect.setBackground(Qt::NoBrush);
    for (QCPAxis* axis : rect.axes()) {
        const bool vertical = axis->orientation() == Qt::Vertical;
        // Transparent, as SVG draws ticks of no length and no pen as dots.
        const QPen line(vertical ? QColor(Qt::transparent) : theme.axis, 1);
        axis->setBasePen(line);
        axis->setTickPen(line);
        axis->setSubTicks(false);
        axis->setTickLengthIn(0);
        axis->setTickLengthOut(vertical ? 0 : 4);
        axis->setTickLabelFont(uiFont(11));
        axis->setTickLabelColor(theme.text3);
        axis->setLabelFont(uiFont(11, QFont::Medium));
        axis->setLabelColor(theme.text3);
        axis->setTickLabelPadding(vertical ? 8 : 4);
        axis->setLabelPadding(4);
        axis->grid()->setPen(QPen(theme.grid, 1));
        axis->grid()->setZeroLinePen(QPen(theme.axis, 1));
        axis->grid()->setSubGridVisible(false);
        axis->grid()->setVisible(vertical);
        axis->setSelectableParts(QCPAxis::spNone);
    }
}

void setTickers(QCustomPlot& plot, const PlotSpec& spec) {
    plot.xAxis->setTicker(QSharedPointer<QCPAxisTicker>(
        new Ticker(*plot.xAxis, spec.x, values_of_x(std::span(&spec, 1)))));
    plot.yAxis->setTicker(QSharedPointer<QCPAxisTicker>(new Ticker(*plot.yAxis, spec.y, {})));
}

QString axisNumber(double value) {
    return QString::fromStdString(format_tick(value));
}

QString readoutNumber(double value, double largest) {
    const double digits = largest > 0 ? std::floor(std::log10(largest)) : 0;
    const int decimals = int(std::clamp(3 - digits, 0.0, 6.0));
    return QString::number(value, 'f', decimals).replace('-', QChar(0x2212));
}

} // namespace sweetspot::gui
