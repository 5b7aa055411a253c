#include "app/gui/plot/thumbnail.h"
#include "app/gui/widgets/text.h"
#include <QPainter>
#include <algorithm>
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
    const bool any = std::any_of(spec_.series.begin(), spec_.series.end(),
                                 [](const PlotSeries& series) { return !series.x.empty(); });
    if (!any) return;
    const PlotRange range = full_range(spec_);
    const QRectF room = QRectF(rect()).adjusted(8, 5, -8, -5);
    for (const PlotSeries& series : spec_.series) {
        QPolygonF line;
        for (size_t i = 0; i < series.x.size(); ++i)
            if (!std::isnan(series.y[i]))
                line << QPointF(room.left() + room.width() * place_on(spec_.x.scale, range.x_low,
                                                                      range.x_high, series.x[i]),
                                room.bottom() - room.height() * place_on(spec_.y.scale, range.y_low,
                                                                         range.y_high,
                                                                         series.y[i]));
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
