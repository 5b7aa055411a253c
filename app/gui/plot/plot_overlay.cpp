#include "app/gui/plot/plot_scene.h"
#include "app/gui/theme/colour.h"
#include <algorithm>
#include <cmath>
#include <qcustomplot.h>

// What lies over the points of a PlotScene and follows its range: limits with what they veil, the
// marked point, and arrows where intervals leave the view. All but the arrows are on the layer
// "overlay", which is drawn without the points.

namespace sweetspot::gui {
namespace {

constexpr double limit_reach = 5; // pixels from a line that can be taken

}

void PlotScene::addLimit(const PlotLimit& limit) {
    DrawnLimit drawn{new QCPItemStraightLine(&plot_), new QCPItemText(&plot_), nullptr};
    if (limit.veil != PlotLimit::Veil::none) drawn.veil = new QCPItemRect(&plot_);
    drawn.name->setFont(uiFont(11, QFont::Medium));
    drawn.name->setPadding(QMargins(4, 0, 4, 2));
    drawn.name->setClipToAxisRect(false);
    for (QCPAbstractItem* item :
         std::initializer_list<QCPAbstractItem*>{drawn.veil, drawn.line, drawn.name}) {
        if (!item) continue;
        item->setSelectable(false);
        item->setLayer("overlay"); // it is moved without drawing the points again
    }
    drawn.name->position->setTypeX(limit.side == PlotSide::y ? QCPItemPosition::ptAxisRectRatio
                                                             : QCPItemPosition::ptPlotCoords);
    limits_.push_back(drawn);
    placeLimits();
}

void PlotScene::placeVeil(const PlotLimit& limit, const DrawnLimit& drawn) {
    if (!drawn.veil) return;
    const QCPRange x = plot_.xAxis->range(), y = plot_.yAxis->range();
    const bool level = limit.side == PlotSide::y, above = limit.veil == PlotLimit::Veil::above;
    const QCPRange own = level ? y : x;
    const double edge = std::clamp(limit.value, own.lower, own.upper);
    const double from = above ? edge : own.lower, to = above ? own.upper : edge;
    drawn.veil->topLeft->setCoords(level ? x.lower : from, level ? to : y.upper);
    drawn.veil->bottomRight->setCoords(level ? x.upper : to, level ? from : y.lower);
}

void PlotScene::mark(const PlotMark& mark) {
    spec_.mark = mark;
    if (!mark_name_) {
        mark_inner_ = new QCPItemEllipse(&plot_);
        mark_outer_ = new QCPItemEllipse(&plot_);
        mark_name_ = new QCPItemText(&plot_);
        mark_name_->setFont(uiFont(12, QFont::DemiBold));
        mark_name_->setTextAlignment(Qt::AlignLeft);
        mark_name_->setPadding(QMargins(3, 1, 3, 1));
        for (QCPAbstractItem* item :
             std::initializer_list<QCPAbstractItem*>{mark_inner_, mark_outer_, mark_name_}) {
            item->setLayer("overlay");
            item->setSelectable(false);
        }
        styleMark();
    }
    placeMark();
}

void PlotScene::styleMark() {
    mark_inner_->setPen(QPen(theme_.accent, 2.2));
    mark_outer_->setPen(QPen(theme_.accent, 1.4));
    mark_name_->setColor(theme_.accent);
    mark_name_->setBrush(withAlpha(theme_.surface, 0.8)); // what lies below it stays below
}

void PlotScene::placeMark() {
    if (!mark_name_) return;
    std::optional<QPointF> at;
    for (const PlotSeries& series : spec_.series)
        for (size_t i = 0; spec_.mark.id && !at && i < series.ids.size(); ++i)
            if (series.ids[i] == spec_.mark.id) at = QPointF(series.x[i], series.y[i]);
    const bool seen =
        at && plot_.xAxis->range().contains(at->x()) && plot_.yAxis->range().contains(at->y());
    for (QCPAbstractItem* item :
         std::initializer_list<QCPAbstractItem*>{mark_inner_, mark_outer_, mark_name_})
        item->setVisible(seen);
    if (!seen) return;
    const QPointF pixel(plot_.xAxis->coordToPixel(at->x()), plot_.yAxis->coordToPixel(at->y()));
    for (const auto& [item, radius] : {std::pair(mark_inner_, 6.5), std::pair(mark_outer_, 11.0)})
        for (const auto& [corner, sign] :
             {std::pair(item->topLeft, -1), std::pair(item->bottomRight, 1)}) {
            corner->setType(QCPItemPosition::ptAbsolute);
            corner->setCoords(pixel.x() + sign * radius, pixel.y() + sign * radius);
        }
    mark_name_->setText(QString::fromStdString(spec_.mark.name));
    mark_name_->position->setType(QCPItemPosition::ptAbsolute);
    mark_name_->setPositionAlignment(Qt::AlignLeft | Qt::AlignTop);
    mark_name_->position->setCoords(placeOfName(pixel));
}

/// Around a marked point, where its name covers fewest others; on the side with more room, near and
/// below it, if that is all the same.
QPointF PlotScene::placeOfName(QPointF pixel) const {
    constexpr int room = 4;                 // pixels around it
    constexpr size_t most_looked_at = 2000; // of a denser cloud some are covered anyway
    const QRectF box = plot_.axisRect()->rect();
    const QMargins padding = mark_name_->padding();
    const QSizeF size =
        QFontMetricsF(mark_name_->font())
            .boundingRect(QRectF(0, 0, 1000, 1000), Qt::AlignLeft, mark_name_->text())
            .size() +
        QSizeF(padding.left() + padding.right(), padding.top() + padding.bottom());
    QList<QPointF> points;
    size_t count = 0;
    for (const PlotSeries& series : spec_.series) count += series.x.size();
    for (const PlotSeries& series : spec_.series) {
        if (count > most_looked_at || hidden_names_.contains(series.name)) continue;
        for (size_t i = 0; i < series.x.size(); ++i)
            points << QPointF(plot_.xAxis->coordToPixel(series.x[i]),
                              plot_.yAxis->coordToPixel(series.y[i]));
    }
    const auto covered = [&](const QRectF& place) {
        const QRectF wide = place.adjusted(-room, -room, room, room);
        const auto hit = std::count_if(points.begin(), points.end(),
                                       [&](QPointF at) { return wide.contains(at); });
        return hit + (box.contains(place) ? 0 : points.size() + 1);
    };
    const bool left = pixel.x() > box.center().x(), up = pixel.y() > box.bottom() - 60;
    QPointF best;
    qsizetype least = -1;
    const auto try_at = [&](double dx, double dy, bool to_left, bool upward) {
        const QPointF corner(to_left ? pixel.x() - dx - size.width() : pixel.x() + dx,
                             upward ? pixel.y() - dy - size.height() : pixel.y() + dy);
        const qsizetype hidden = covered({corner, size});
        if (least >= 0 && hidden >= least) return;
        least = hidden;
        best = corner;
    };
    for (const int dx : {14, 48, 90, 140}) // pixels, the nearest first
        for (const int dy : {8, 24, 48, 80})
            for (const bool to_left : {left, !left})
                for (const bool upward : {up, !up}) try_at(dx, dy, to_left, upward);
    return best;
}

// An interval that leaves the view ends in an arrow.
void PlotScene::placeCut() {
    if (!cut_above_) return;
    QVector<double> above, below;
    const QCPRange y = plot_.yAxis->range();
    for (const PlotSeries& series : spec_.series) {
        if (hidden_names_.contains(series.name) || spec_.kind == PlotKind::floating) continue;
        for (size_t i = 0; i < series.hi.size(); ++i) {
            if (!y.contains(series.y[i])) continue;
            if (series.hi[i] > y.upper) above << series.x[i];
            if (series.lo[i] < y.lower) below << series.x[i];
        }
    }
    const bool logarithmic = plot_.yAxis->scaleType() == QCPAxis::stLogarithmic;
    const auto inside = [&](double share) {
        return logarithmic ? y.lower * std::pow(y.upper / y.lower, share)
                           : y.lower + share * y.size();
    };
    cut_above_->setData(above, QVector<double>(above.size(), inside(0.98)));
    cut_below_->setData(below, QVector<double>(below.size(), inside(0.02)));
}

// The name stands on its line, of an upright one at its foot, where no crosses are; a limit above
// the view is named at the top with an arrow, one beside it is not.
void PlotScene::placeLimits() {
    const bool crosses =
        std::any_of(spec_.series.begin(), spec_.series.end(), [](const PlotSeries& series) {
            return !series.misfit_x.empty() || !series.impossible_x.empty();
        });
    for (size_t i = 0; i < limits_.size(); ++i) {
        const PlotLimit& limit = spec_.limits[i];
        const bool level = limit.side == PlotSide::y;
        limits_[i].line->point1->setCoords(level ? 1 : limit.value, level ? limit.value : 1);
        limits_[i].line->point2->setCoords(level ? 2 : limit.value, level ? limit.value : 2);
        placeVeil(limit, limits_[i]);
        const QCPRange range = (level ? plot_.yAxis : plot_.xAxis)->range();
        QCPItemText* name = limits_[i].name;
        const bool above = level && limit.value > range.upper;
        const double top = (crosses ? 0.13 : 0) + 0.02 * double(i); // below where they stand
        // Below its line where above it is the title.
        const bool under = above || (level && place_on(spec_.y.scale, range.lower, range.upper,
                                                       limit.value) > 0.88);
        const QString words = QString::fromStdString(limit.name);
        name->setVisible(above || range.contains(limit.value));
        name->setText(above ? QChar(0x2191) + QString(" ") + words : words);
        // On the side with more room.
        const bool right =
            !level && place_on(spec_.x.scale, range.lower, range.upper, limit.value) > 0.5;
        name->setPositionAlignment((right ? Qt::AlignRight : Qt::AlignLeft) |
                                   (under ? Qt::AlignTop : Qt::AlignBottom));
        name->position->setTypeY(above || !level ? QCPItemPosition::ptAxisRectRatio
                                                 : QCPItemPosition::ptPlotCoords);
        name->position->setCoords(level ? 0 : limit.value, !level  ? 1 - 0.02 * double(i)
                                                           : above ? top
                                                                   : limit.value);
    }
}

int PlotScene::limitAt(QPointF place) const {
    for (size_t i = 0; i < spec_.limits.size(); ++i) {
        const PlotLimit& limit = spec_.limits[i];
        const bool level = limit.side == PlotSide::y;
        const double at = (level ? plot_.yAxis : plot_.xAxis)->coordToPixel(limit.value);
        if (limit.movable && std::abs((level ? place.y() : place.x()) - at) <= limit_reach)
            return int(i);
    }
    return -1;
}

void PlotScene::setLimit(int index, const PlotLimit& limit) {
    spec_.limits[size_t(index)] = limit;
    placeLimits();
}

} // namespace sweetspot::gui
