#include "app/analysis/format.h"
#include "app/gui/theme/colour.h"
#include "app/gui/theme/theme.h"
#include "app/gui/timeline/timeline_layout.h"
#include "app/gui/timeline/timeline_view.h"
#include "app/gui/widgets/text.h"
#include <QPainter>
#include <algorithm>
#include <cmath>

// A painter of its own: a timeline has a million spans and a picture a thousand pixels, so each row
// is asked for what can be told apart at this zoom (SpanRow) and only that is drawn. Words are
// drawn where they fit.

namespace sweetspot::gui {

namespace {

double nice_step(double least) {
    const double power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0, 10.0})
        if (factor * power >= least) return factor * power;
    return 10 * power;
}

/// The same name has the same colour in every row and every trace.
int slot_of(const std::string& name) {
    std::size_t hash = 1469598103934665603u;
    for (const char c : name) hash = (hash ^ std::size_t(std::uint8_t(c))) * 1099511628211u;
    return int(hash % 6);
}

} // namespace

QColor TimelineView::colourOf(const Timeline& timeline, const TimeSpan& span) const {
    const Trace& trace = timeline.trace;
    if (span.activity == none && span.region != none && !trace.regions[span.region].op)
        return theme().neutral;
    if (span.activity != none && !on_device(trace.activities[span.activity].kind))
        return trace.activities[span.activity].kind == ActivityKind::sync ? theme().warn
                                                                          : theme().neutral;
    if (span.region != none) // a kernel has its op's colour
        return seriesColour(slot_of(trace.names[trace.regions[span.region].name]));
    return seriesColour(slot_of(trace.names[span.name]));
}

void TimelineView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing, false);
    if (timelines_.empty()) return;
    paintOverview(painter);
    paintAxis(painter);
    for (const Stripe& stripe : stripes_) {
        painter.setPen(theme().grid);
        if (stripe.kind != Stripe::title)
            painter.drawLine(QPointF(0, stripe.top - lane_gap / 2),
                             QPointF(width(), stripe.top - lane_gap / 2));
        switch (stripe.kind) {
        case Stripe::title:
            painter.setFont(uiFont(13, QFont::DemiBold));
            painter.setPen(theme().text);
            painter.drawText(QRectF(0, stripe.top - 4, width(), title_height), Qt::AlignVCenter,
                             timelines_[stripe.timeline].title);
            break;
        case Stripe::lane: paintLane(painter, stripe); break;
        case Stripe::memory: paintMemory(painter, stripe); break;
        case Stripe::curve: paintCurve(painter, stripe); break;
        }
    }
    if (range_) {
        const double from = std::max(label_width, x(range_->begin)), to = x(range_->end);
        QColor fill = theme().accent_fill;
        fill.setAlpha(40);
        const QRectF box(from, overview_top + overview_height, std::max(1.0, to - from), height());
        painter.fillRect(box, fill);
        painter.setPen(theme().accent);
        painter.drawLine(box.topLeft(), box.bottomLeft());
        painter.drawLine(box.topRight(), box.bottomRight());
    }
    if (hasFocus()) {
        painter.setPen(QPen(theme().accent, 1));
        painter.drawRect(QRectF(0.5, 0.5, width() - 1, height() - 1));
    }
}

/// The whole pass, its outermost regions, and the window that is seen of it.
void TimelineView::paintOverview(QPainter& painter) const {
    const QRectF box(label_width, overview_top, plotWidth(), overview_height);
    painter.setFont(uiFont(12, QFont::DemiBold));
    painter.setPen(theme().text);
    painter.drawText(QRectF(0, box.top(), label_width, box.height()), Qt::AlignVCenter, tr("Step"));
    painter.fillRect(box, theme().inset);
    const Timeline& timeline = *timelines_.front().timeline;
    const double scale = box.width() / whole();
    if (!timeline.lanes.empty() && !timeline.lanes.front().rows.empty())
        timeline.lanes.front().rows.front().visit(
            0, timeline.end, Nanoseconds(whole() / nanosecond / box.width()),
            [&](const SpanRow::Shown& shown) {
                const TimeSpan& span = timeline.lanes.front().rows.front().spans()[shown.longest];
                QColor colour = colourOf(timeline, span);
                colour.setAlpha(110);
                painter.fillRect(
                    QRectF(box.left() + double(shown.begin) * nanosecond * scale, box.top(),
                           std::max(1.0, double(shown.end - shown.begin) * nanosecond * scale - 1),
                           box.height()),
                    colour);
            });
    QColor fill = theme().accent_fill;
    fill.setAlpha(60);
    const QRectF window(box.left() + seen_.begin * scale, box.top(),
                        std::max(3.0, (seen_.end - seen_.begin) * scale), box.height());
    painter.fillRect(window, fill);
    painter.setPen(QPen(theme().accent, 1));
    painter.drawRect(window.adjusted(0.5, 0.5, -0.5, -0.5));
}

void TimelineView::paintAxis(QPainter& painter) const {
    const double top = overview_top + overview_height, least_pixels = 96;
    const double step = nice_step((seen_.end - seen_.begin) * least_pixels / plotWidth());
    const ScaledUnit unit = scaled_unit(seen_.end, "s");
    painter.setFont(numberFont(11));
    for (double at = std::ceil(seen_.begin / step) * step; at <= seen_.end; at += step) {
        painter.setPen(theme().grid);
        painter.drawLine(QPointF(x(at), top + axis_height - 4), QPointF(x(at), height()));
        painter.setPen(theme().text3);
        painter.drawText(QRectF(x(at) - 60, top, 120, axis_height - 4), Qt::AlignCenter,
                         words(format_tick(std::round(at / step) * step / unit.factor)) + " " +
                             words(unit.label));
    }
}

void TimelineView::paintLabel(QPainter& painter, const Stripe& stripe, const QString& name,
                              const QString& note) const {
    const QRectF box(0, stripe.top, label_width - 10, 18);
    painter.setFont(uiFont(12, QFont::DemiBold));
    painter.setPen(theme().text);
    painter.drawText(box, Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(name, Qt::ElideRight, int(box.width())));
    if (stripe.height < 34) return;
    painter.setFont(uiFont(11));
    painter.setPen(theme().text3);
    painter.drawText(box.translated(0, 16), Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(note, Qt::ElideRight, int(box.width())));
}

void TimelineView::paintLane(QPainter& painter, const Stripe& stripe) const {
    const Timeline& timeline = *timelines_[stripe.timeline].timeline;
    const Trace& trace = timeline.trace;
    const Lane& lane = timeline.lanes[stripe.index];
    paintLabel(painter, stripe, words(lane.name), words(lane.note));
    const auto begin = Nanoseconds(seen_.begin / nanosecond),
               end = Nanoseconds(seen_.end / nanosecond);
    const auto pixel = Nanoseconds(double(end - begin) / plotWidth());
    const QFont font = uiFont(11, QFont::Medium);
    painter.setFont(font);
    const QFontMetricsF metrics(font);
    const auto matches = [&](const TimeSpan& span) {
        return words(trace.names[span.name]).contains(search_, Qt::CaseInsensitive) ||
               (span.region != none &&
                words(trace.path(span.region)).contains(search_, Qt::CaseInsensitive));
    };
    for (std::size_t row = 0; row < lane.rows.size(); ++row) {
        const double top = stripe.top + double(row) * (row_height + row_gap);
        lane.rows[row].visit(begin, end, pixel, [&](const SpanRow::Shown& shown) {
            const TimeSpan& span = lane.rows[row].spans()[shown.longest];
            const double left = std::max(label_width, x(double(shown.begin) * nanosecond)),
                         right =
                             std::min(label_width + plotWidth(), x(double(shown.end) * nanosecond));
            const double wide = std::max(1.0, right - left - (right - left > 4 ? 1 : 0));
            QColor colour = colourOf(timeline, span);
            // What is drawn as one is as strong as it is busy.
            if (shown.count > 1)
                colour.setAlphaF(
                    0.25 +
                    0.75 * std::min(1.0, double(shown.busy) /
                                             std::max<double>(1, double(shown.end - shown.begin))));
            if (!search_.isEmpty() && !matches(span)) colour.setAlphaF(0.15);
            const QRectF box(left, top, wide, row_height);
            painter.fillRect(box, colour);
            if (shown.count > 1) return;
            if (stripe.timeline == 0 && marked_ != none && span.region == marked_) {
                painter.setPen(QPen(theme().text, 2));
                painter.drawRect(box.adjusted(1, 1, -1, -1));
            }
            if (wide < 18) return;
            const QString name = words(trace.names[span.name]);
            if (metrics.horizontalAdvance(name) + 10 > wide) return;
            painter.setPen(inkOn(colour));
            painter.drawText(box.adjusted(6, 0, 0, 0), Qt::AlignVCenter, name);
        });
    }
}

/// Purposes stacked; each pixel shows its fullest moment, so that no peak is lost.
void TimelineView::paintMemory(QPainter& painter, const Stripe& stripe) const {
    const Timeline& timeline = *timelines_[stripe.timeline].timeline;
    std::int64_t most = 1;
    for (const MemoryStep& step : timeline.memory) most = std::max(most, step.total());
    paintLabel(painter, stripe, tr("Memory by purpose"),
               tr("peak %1").arg(words(format_value(double(most), "bytes"))));
    const double scale = (stripe.height - 4) / double(most);
    auto step = std::upper_bound(
        timeline.memory.begin(), timeline.memory.end(), Nanoseconds(seen_.begin / nanosecond),
        [](Nanoseconds time, const MemoryStep& one) { return time < one.time; });
    if (step != timeline.memory.begin()) --step;
    MemoryStep now = *step;
    for (double left = label_width; left < label_width + plotWidth(); ++left) {
        const auto until = Nanoseconds(seconds(left + 1) / nanosecond);
        MemoryStep fullest = now;
        for (; step != timeline.memory.end() && step->time <= until; ++step) {
            now = *step;
            if (now.total() > fullest.total()) fullest = now;
        }
        double bottom = stripe.top + stripe.height;
        for (std::size_t p = 0; p < purpose_count; ++p) {
            const double high = double(std::max<std::int64_t>(0, fullest.bytes[p])) * scale;
            if (high <= 0) continue;
            painter.fillRect(QRectF(left, bottom - high, 1, high), theme().purpose[int(p)]);
            bottom -= high;
        }
    }
    painter.setPen(theme().text3);
    painter.setFont(numberFont(11));
    const double peak = x(double(memory_peak(timeline)) * nanosecond);
    if (peak >= label_width && peak <= label_width + plotWidth()) {
        // On a ground of its own: purposes have strong colours.
        const double wide = QFontMetricsF(painter.font()).horizontalAdvance(tr("peak")) + 8;
        const bool before = peak + wide > label_width + plotWidth();
        const QRectF word(before ? peak - wide : peak, stripe.top, wide, 15);
        painter.setPen(theme().text);
        painter.drawLine(QPointF(peak, stripe.top), QPointF(peak, stripe.top + stripe.height));
        painter.fillRect(word, theme().surface);
        painter.drawText(word, Qt::AlignCenter, tr("peak"));
    }
}

void TimelineView::paintCurve(QPainter& painter, const Stripe& stripe) const {
    const Timeline& timeline = *timelines_[stripe.timeline].timeline;
    const auto& readings = timeline.curves[stripe.index];
    const auto& [name, unit] = timeline.trace.series[stripe.index];
    double low = 0, high = 0;
    for (const Reading& one : readings) high = std::max(high, one.value);
    paintLabel(painter, stripe, words(name), tr("up to %1").arg(words(format_value(high, unit))));
    if (high <= low) high = low + 1;
    QPolygonF line;
    for (const Reading& one : readings)
        line << QPointF(
            std::clamp(x(double(one.time) * nanosecond), label_width, label_width + plotWidth()),
            stripe.top + stripe.height - 3 -
                (one.value - low) / (high - low) * (stripe.height - 6));
    painter.setRenderHint(QPainter::Antialiasing, true);
    painter.setPen(
        QPen(name == "others' load" || name == "stolen" ? theme().warn : theme().info, 1.5));
    painter.drawPolyline(line);
    painter.setRenderHint(QPainter::Antialiasing, false);
}

} // namespace sweetspot::gui
