#include "app/gui/plot/plot_style.h"
#include "app/analysis/format.h"
#include "app/gui/plot/plot_spec.h"
#include <QPainter>
#include <cmath>
#include <qcustomplot.h>

namespace sweetspot::gui {
namespace {

template <class Base>
class Ticker : public Base {
protected:
    QString getTickLabel(double tick, const QLocale&, QChar, int) override {
        return axisNumber(tick);
    }
};

/// Ticks where there are points, as long as they are few; else at powers of two.
QVector<double> log2Ticks(const PlotSpec& spec) {
    std::vector<double> all;
    for (const PlotSeries& series : spec.series) {
        all.insert(all.end(), series.x.begin(), series.x.end());
        all.insert(all.end(), series.misfit_x.begin(), series.misfit_x.end());
    }
    std::erase_if(all, [](double x) { return !(x > 0); });
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    QVector<double> ticks;
    if (all.size() > 12) {
        const double from = std::floor(std::log2(all.front())),
                     to = std::ceil(std::log2(all.back()));
        const double step = std::max(1.0, std::ceil((to - from) / 10));
        for (double power = from; power <= to; power += step) ticks << std::exp2(power);
        return ticks;
    }
    for (const double x : all) // labels closer than this would touch
        if (ticks.isEmpty() || x > ticks.back() * 1.3) ticks << x;
    return ticks;
}

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
    if (!spec.categories.isEmpty() || spec.x_log2) {
        QSharedPointer<QCPAxisTickerText> ticker(new QCPAxisTickerText);
        for (int i = 0; i < spec.categories.size(); ++i) ticker->addTick(i, spec.categories[i]);
        if (spec.categories.isEmpty())
            for (const double x : log2Ticks(spec)) ticker->addTick(x, axisNumber(x));
        plot.xAxis->setTicker(ticker);
    } else {
        plot.xAxis->setTicker(QSharedPointer<QCPAxisTicker>(new Ticker<QCPAxisTicker>));
        plot.xAxis->ticker()->setTickCount(6);
    }
    if (spec.y_log) {
        QSharedPointer<QCPAxisTickerLog> ticker(new Ticker<QCPAxisTickerLog>);
        // Less than two decades would show one label or none at powers of ten.
        const QCPRange range = plot.yAxis->range();
        ticker->setLogBase(range.upper / range.lower < 100 ? 2 : 10);
        plot.yAxis->setTicker(ticker);
    } else {
        plot.yAxis->setTicker(QSharedPointer<QCPAxisTicker>(new Ticker<QCPAxisTicker>));
        plot.yAxis->ticker()->setTickCount(5);
    }
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
