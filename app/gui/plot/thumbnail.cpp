#include "app/gui/plot/thumbnail.h"
#include "app/gui/widgets/text.h"
#include <QPainter>
#include <cmath>

namespace sweetspot::gui {

Thumbnail::Thumbnail(const PlotSpec& spec) : spec_(spec) {
    setFixedSize(112, 60);
}

void Thumbnail::setSpec(const PlotSpec& spec) {
    spec_ = spec;
    update();
}

void Thumbnail::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawBox(painter, rect(), 6, theme().inset);
    double x0 = INFINITY, x1 = -INFINITY, y0 = spec_.y_from_zero ? 0 : INFINITY, y1 = -INFINITY;
    const auto across = [this](double x) { return spec_.x_log2 ? std::log2(x) : x; };
    for (const PlotSeries& series : spec_.series)
        for (size_t i = 0; i < series.x.size(); ++i) {
            if (std::isnan(series.y[i])) continue;
            x0 = std::min(x0, across(series.x[i])), x1 = std::max(x1, across(series.x[i]));
            y0 = std::min(y0, series.y[i]), y1 = std::max(y1, series.y[i]);
        }
    if (!(x1 >= x0)) return;
    const QRectF room = QRectF(rect()).adjusted(10, 9, -10, -9);
    const double wide = x1 > x0 ? x1 - x0 : 1, high = y1 > y0 ? y1 - y0 : 1;
    for (const PlotSeries& series : spec_.series) {
        QPolygonF line;
        for (size_t i = 0; i < series.x.size(); ++i)
            if (!std::isnan(series.y[i]))
                line << QPointF(room.left() + (across(series.x[i]) - x0) / wide * room.width(),
                                room.bottom() - (series.y[i] - y0) / high * room.height());
        const QColor colour = seriesColour(series.slot);
        painter.setPen(QPen(colour, 1.6, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        if (spec_.kind == PlotKind::lines && line.size() > 1) {
            painter.setBrush(Qt::NoBrush);
            painter.drawPolyline(line);
            continue;
        }
        painter.setPen(Qt::NoPen);
        painter.setBrush(colour);
        for (const QPointF& point : line) painter.drawEllipse(point, 2, 2);
    }
}

} // namespace sweetspot::gui
