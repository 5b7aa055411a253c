#include "app/gui/timeline/roofline_view.h"
#include "app/analysis/format.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/theme/colour.h"
#include "app/gui/theme/theme.h"
#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

// A roofline of what is seen of a timeline. Below the slope memory bounds, below the flat compute.

namespace sweetspot::gui {

namespace {

QString words(const std::string& text) {
    return QString::fromStdString(text);
}

} // namespace

RooflineView::RooflineView(const SumsModel& sums, QWidget* parent) : QWidget(parent), sums_(sums) {
    setAccessibleName(tr("Roofline"));
    connect(&sums, &QAbstractItemModel::modelReset, this, [this] {
        takeLimits();
        update();
    });
}

void RooflineView::setCeilings(const Ceilings& ceilings) {
    ceilings_ = ceilings;
    takeLimits();
    update();
}

void RooflineView::setMarked(int row) {
    marked_ = row;
    update();
}

QRectF RooflineView::plot() const {
    return QRectF(rect()).adjusted(58, 10, -12, -36);
}

/// Whole powers of ten around all discs and the corner of the highest roof.
void RooflineView::takeLimits() {
    double left = 1, right = 10, low = 1e9, high = 1e10;
    const auto take = [&](double intensity, double flops) {
        if (intensity <= 0 || flops <= 0) return;
        left = std::min(left, intensity), right = std::max(right, intensity);
        low = std::min(low, flops), high = std::max(high, flops);
    };
    for (int row = 0; row < sums_.rowCount(); ++row)
        take(sums_.placement(row).intensity, sums_.sum(row).cost.flops / sums_.sum(row).seconds);
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
        if (const double roof = ceilings_.compute(dtype); roof > 0 && ceilings_.bandwidth() > 0)
            take(2 * roof / ceilings_.bandwidth(), roof * 1.2);
    const auto power = [](double value, auto round) {
        return std::pow(10, round(std::log10(value)));
    };
    const auto down = [](double v) { return std::floor(v); };
    const auto up = [](double v) { return std::ceil(v); };
    left_ = power(left, down), right_ = power(right, up);
    low_ = power(low, down), high_ = power(high, up);
}

double RooflineView::x(double intensity) const {
    return plot().left() + std::log(intensity / left_) / std::log(right_ / left_) * plot().width();
}
double RooflineView::y(double flops) const {
    return plot().bottom() - std::log(flops / low_) / std::log(high_ / low_) * plot().height();
}

std::vector<RooflineView::Disc> RooflineView::discs() const {
    std::vector<Disc> found;
    for (int row = 0; row < sums_.rowCount(); ++row) {
        const RangeSum& sum = sums_.sum(row);
        const double share = sums_.data(sums_.index(row, SumsModel::share), share_role).toDouble();
        if (sum.cost.flops <= 0 || sum.cost.bytes <= 0) continue;
        found.push_back({{x(sum.cost.flops / sum.cost.bytes), y(sum.cost.flops / sum.seconds)},
                         4 + 10 * std::sqrt(std::clamp(share, 0.0, 1.0)),
                         row});
    }
    return found;
}

void RooflineView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setFont(uiFont(12));
    painter.setPen(theme().text3);
    const auto all = discs();
    if (all.empty()) {
        painter.drawText(rect().adjusted(16, 0, -16, 0), Qt::AlignCenter | Qt::TextWordWrap,
                         tr("No op with known work is seen: choose Op above."));
        return;
    }
    painter.setFont(numberFont(11));
    for (double at = left_; at <= right_ * 1.01; at *= 10) {
        painter.setPen(theme().grid);
        painter.drawLine(QPointF(x(at), plot().top()), QPointF(x(at), plot().bottom()));
        painter.setPen(theme().text3);
        painter.drawText(QRectF(x(at) - 40, plot().bottom() + 2, 80, 14), Qt::AlignCenter,
                         words(format_tick(at)));
    }
    for (double at = low_; at <= high_ * 1.01; at *= 10) {
        painter.setPen(theme().grid);
        painter.drawLine(QPointF(plot().left(), y(at)), QPointF(plot().right(), y(at)));
        painter.setPen(theme().text3);
        painter.drawText(QRectF(0, y(at) - 8, 54, 16), Qt::AlignRight | Qt::AlignVCenter,
                         words(format_tick(at * 1e-9)));
    }
    painter.setFont(uiFont(11));
    painter.drawText(QRectF(plot().left(), plot().bottom() + 17, plot().width(), 16),
                     Qt::AlignCenter, tr("FLOPs a byte, estimated; up: GFLOP/s"));

    const double bandwidth = ceilings_.bandwidth();
    painter.setClipRect(plot());
    painter.setPen(QPen(theme().text2, 1.5));
    double highest = 0;
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
        const double roof = ceilings_.compute(dtype);
        if (roof <= 0) continue;
        highest = std::max(highest, roof);
        const double corner = bandwidth > 0 ? roof / bandwidth : left_;
        painter.drawLine(QPointF(x(corner), y(roof)), QPointF(plot().right(), y(roof)));
    }
    if (bandwidth > 0) {
        const double end = highest > 0 ? highest / bandwidth : right_;
        painter.drawLine(QPointF(x(left_), y(left_ * bandwidth)),
                         QPointF(x(end), y(end * bandwidth)));
        painter.drawText(QPointF(x(left_) + 8, y(left_ * bandwidth) - 10),
                         words(format_value(bandwidth, "B/s")));
    }
    painter.setClipping(false);
    for (const Disc& disc : all) {
        painter.setPen(disc.row == marked_ ? QPen(theme().text, 2) : QPen(theme().surface, 1));
        painter.setBrush(withAlpha(seriesColour(disc.row % 6), 0.85));
        painter.drawEllipse(disc.centre, disc.radius, disc.radius);
        if (disc.row != marked_) continue;
        painter.setPen(theme().text);
        painter.drawText(disc.centre + QPointF(disc.radius + 4, 4),
                         words(sums_.sum(disc.row).name).right(36));
    }
    labelRoofs(painter);
}

/// Below their lines, the highest first, none on another, and over the discs.
void RooflineView::labelRoofs(QPainter& painter) const {
    constexpr double height = 14;
    std::vector<std::pair<double, DType>> roofs;
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
        if (const double roof = ceilings_.compute(dtype); roof > 0) roofs.emplace_back(roof, dtype);
    std::sort(roofs.begin(), roofs.end(), std::greater());
    painter.setPen(theme().text2);
    double free = plot().top();
    for (const auto& [roof, dtype] : roofs) {
        const double top = std::max(free, y(roof) + 2);
        painter.drawText(QRectF(plot().right() - 200, top, 196, height),
                         Qt::AlignRight | Qt::AlignVCenter,
                         words(std::string(names_of(dtype)[std::size_t(dtype)])) + " " +
                             words(format_value(roof, "FLOP/s")));
        free = top + height;
    }
}

bool RooflineView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    for (const Disc& disc : discs()) {
        const QPointF away = disc.centre - help->pos();
        if (std::hypot(away.x(), away.y()) > disc.radius + 2) continue;
        const RangeSum& sum = sums_.sum(disc.row);
        const Placement& place = sums_.placement(disc.row);
        QToolTip::showText(help->globalPos(),
                           tr("%1\n%2, %3\n%4 of the compute roof, %5 of the memory roof")
                               .arg(words(sum.name), words(format_value(sum.seconds, "s")),
                                    words(format_value(sum.cost.flops / sum.seconds, "FLOP/s")),
                                    words(format_number(100 * place.compute_share)) + " %",
                                    words(format_number(100 * place.memory_share)) + " %"));
        return true;
    }
    QToolTip::hideText();
    return true;
}

} // namespace sweetspot::gui
