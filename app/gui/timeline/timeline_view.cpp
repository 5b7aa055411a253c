#include "app/gui/timeline/timeline_view.h"
#include "app/analysis/format.h"
#include "app/gui/plot/hover_card.h"
#include "app/gui/theme/colour.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/text.h"
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

// A painter of its own: a timeline has a million spans and a picture a thousand pixels, so each row
// is asked for what can be told apart at this zoom (SpanRow) and only that is drawn. Words are
// drawn where they fit.

namespace sweetspot::gui {

namespace {

constexpr double label_width = 132, right_margin = 8;
constexpr double overview_top = 4, overview_height = 22, axis_height = 24;
constexpr double row_height = 20, row_gap = 2, lane_gap = 12, memory_height = 112,
                 curve_height = 44, title_height = 26;
constexpr double least_visible_seconds = 100e-9;
constexpr double nanosecond = 1e-9;
constexpr int most_curves = 3;

/// Curves that are worth a stripe, in this order, where a trace has them.
constexpr std::array<std::string_view, 5> curves_of_interest{"sm clock", "power", "cpu clock",
                                                             "others' load", "stolen"};

double nice_step(double least) {
    const double power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0, 10.0})
        if (factor * power >= least) return factor * power;
    return 10 * power;
}

QString words(const std::string& text) {
    return QString::fromStdString(text);
}

QString duration(double seconds) {
    return words(format_value(seconds, "s"));
}

/// The same name has the same colour in every row and every trace.
int slot_of(const std::string& name) {
    std::size_t hash = 1469598103934665603u;
    for (const char c : name) hash = (hash ^ std::size_t(std::uint8_t(c))) * 1099511628211u;
    return int(hash % 6);
}

} // namespace

TimelineView::TimelineView(QWidget* parent) : QWidget(parent), card_(new HoverCard(this)) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Timeline"));
    setAccessibleDescription(
        tr("Plus and minus zoom, arrows move, 0 shows all, dragging selects a range."));
}

void TimelineView::setTimelines(std::vector<Shown> timelines) {
    timelines_ = std::move(timelines);
    marked_ = none;
    range_.reset();
    layOut();
    showAll();
}

void TimelineView::layOut() {
    stripes_.clear();
    double top = overview_top + overview_height + axis_height;
    const auto add = [&](Stripe stripe) {
        stripe.top = top;
        top += stripe.height + lane_gap;
        stripes_.push_back(stripe);
    };
    for (std::size_t i = 0; i < timelines_.size(); ++i) {
        const Timeline& timeline = *timelines_[i].timeline;
        if (timelines_.size() > 1)
            add({.kind = Stripe::title, .timeline = i, .height = title_height - lane_gap});
        for (std::size_t lane = 0; lane < timeline.lanes.size(); ++lane)
            add({.kind = Stripe::lane,
                 .timeline = i,
                 .index = lane,
                 .height = double(timeline.lanes[lane].rows.size()) * (row_height + row_gap)});
        if (timeline.memory.size() > 1)
            add({.kind = Stripe::memory, .timeline = i, .height = memory_height});
        int curves = 0;
        for (const auto name : curves_of_interest)
            for (std::size_t s = 0; s < timeline.curves.size() && curves < most_curves; ++s)
                if (timeline.trace.series[s].name == name && timeline.curves[s].size() > 1) {
                    add({.kind = Stripe::curve, .timeline = i, .index = s, .height = curve_height});
                    ++curves;
                }
    }
    height_ = top;
    updateGeometry();
    setMinimumHeight(int(height_));
}

QSize TimelineView::sizeHint() const {
    return {900, int(height_)};
}
QSize TimelineView::minimumSizeHint() const {
    return {360, int(height_)};
}

double TimelineView::whole() const {
    double end = 0;
    for (const Shown& one : timelines_) end = std::max(end, double(one.timeline->end) * nanosecond);
    return std::max(end, least_visible_seconds);
}
double TimelineView::plotWidth() const {
    return std::max(1.0, width() - label_width - right_margin);
}
double TimelineView::x(double seconds) const {
    return label_width + (seconds - seen_.begin) / (seen_.end - seen_.begin) * plotWidth();
}
double TimelineView::seconds(double at) const {
    return seen_.begin + (at - label_width) / plotWidth() * (seen_.end - seen_.begin);
}

void TimelineView::see(TimeRange range) {
    const double most = whole();
    const double length = std::clamp(range.end - range.begin, least_visible_seconds, most);
    const double begin = std::clamp(range.begin, 0.0, most - length);
    if (seen_ == TimeRange{begin, begin + length}) return;
    seen_ = {begin, begin + length};
    card_->hide();
    update();
    emit seenChanged(seen_);
}

void TimelineView::setRange(const std::optional<TimeRange>& range) {
    if (range == range_) return;
    range_ = range;
    update();
    emit rangeChanged(range_);
}

void TimelineView::setSearch(const QString& text) {
    search_ = text;
    update();
}

void TimelineView::setMarked(Index region) {
    marked_ = region;
    update();
}

void TimelineView::zoom(double factor, double at) {
    const double length = (seen_.end - seen_.begin) * factor;
    const double share = (at - seen_.begin) / (seen_.end - seen_.begin);
    see({at - share * length, at + (1 - share) * length});
}

void TimelineView::scrollBy(double seconds) {
    see({seen_.begin + seconds, seen_.end + seconds});
}

void TimelineView::showAll() {
    see({0, whole()});
    update();
}

void TimelineView::wheelEvent(QWheelEvent* event) {
    const double steps = event->angleDelta().y() / 120.0;
    if (event->modifiers() & Qt::ShiftModifier)
        scrollBy(-steps * 0.1 * (seen_.end - seen_.begin));
    else if (event->modifiers() & Qt::ControlModifier || timelines_.empty())
        return event->ignore(); // the page scrolls
    else
        zoom(std::pow(0.8, steps), seconds(event->position().x()));
    event->accept();
}

void TimelineView::mousePressEvent(QMouseEvent* event) {
    pressed_ = last_ = event->position();
    const bool overview = event->position().y() < overview_top + overview_height;
    drag_ = event->button() == Qt::MiddleButton || event->button() == Qt::RightButton ? Drag::pan
            : overview ? Drag::overview
                       : Drag::range;
    if (drag_ == Drag::overview) {
        const double at = (pressed_.x() - label_width) / plotWidth() * whole();
        const double length = seen_.end - seen_.begin;
        see({at - length / 2, at + length / 2});
    }
}

void TimelineView::mouseMoveEvent(QMouseEvent* event) {
    const QPointF at = event->position();
    const double seconds_a_pixel = (seen_.end - seen_.begin) / plotWidth();
    switch (drag_) {
    case Drag::nothing: hover(at); break;
    case Drag::pan: scrollBy((last_.x() - at.x()) * seconds_a_pixel); break;
    case Drag::overview: scrollBy((at.x() - last_.x()) / plotWidth() * whole()); break;
    case Drag::range:
        if (std::abs(at.x() - pressed_.x()) > 3) {
            const auto [from, to] = std::minmax({seconds(pressed_.x()), seconds(at.x())});
            setRange(TimeRange{std::max(0.0, from), std::min(whole(), to)});
        }
        break;
    }
    last_ = at;
}

void TimelineView::mouseReleaseEvent(QMouseEvent* event) {
    const bool clicked = std::abs(event->position().x() - pressed_.x()) <= 3;
    if (drag_ == Drag::range && clicked) {
        const Stripe* stripe = nullptr;
        const TimeSpan* span = spanAt(event->position(), &stripe);
        const bool of_first = stripe && stripe->timeline == 0;
        setMarked(span && of_first ? span->region : none);
        if (!span) setRange({});
        emit regionClicked(marked_);
    }
    drag_ = Drag::nothing;
}

void TimelineView::mouseDoubleClickEvent(QMouseEvent* event) {
    if (const TimeSpan* span = spanAt(event->position())) {
        const double begin = double(span->begin) * nanosecond, end = double(span->end) * nanosecond;
        see({begin - (end - begin) / 2, end + (end - begin) / 2});
    } else {
        showAll();
    }
}

void TimelineView::keyPressEvent(QKeyEvent* event) {
    const double length = seen_.end - seen_.begin, middle = seen_.begin + length / 2;
    switch (event->key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal:
    case Qt::Key_W: return zoom(0.7, middle);
    case Qt::Key_Minus:
    case Qt::Key_S: return zoom(1 / 0.7, middle);
    case Qt::Key_Left:
    case Qt::Key_A: return scrollBy(-length * 0.1);
    case Qt::Key_Right:
    case Qt::Key_D: return scrollBy(length * 0.1);
    case Qt::Key_0:
    case Qt::Key_Home: return showAll();
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (range_) see(*range_);
        return;
    case Qt::Key_Escape:
        if (range_) return setRange({});
        break;
    default: break;
    }
    QWidget::keyPressEvent(event);
}

void TimelineView::leaveEvent(QEvent*) {
    card_->hide();
}

const TimeSpan* TimelineView::spanAt(QPointF at, const Stripe** found,
                                     std::size_t* row_found) const {
    const double pixel = (seen_.end - seen_.begin) / plotWidth() / nanosecond;
    for (const Stripe& stripe : stripes_) {
        if (stripe.kind != Stripe::lane || at.y() < stripe.top ||
            at.y() >= stripe.top + stripe.height || at.x() < label_width)
            continue;
        const Lane& lane = timelines_[stripe.timeline].timeline->lanes[stripe.index];
        const auto row = std::size_t((at.y() - stripe.top) / (row_height + row_gap));
        if (row >= lane.rows.size()) return nullptr;
        const SpanRow& spans = lane.rows[row];
        const auto index =
            spans.at(Nanoseconds(seconds(at.x()) / nanosecond), Nanoseconds(2 * pixel));
        if (found) *found = &stripe;
        if (row_found) *row_found = row;
        return index < spans.spans().size() ? &spans.spans()[index] : nullptr;
    }
    return nullptr;
}

/// The numbers of what is under the mouse, and where in the model it belongs.
void TimelineView::hover(QPointF at) {
    const Stripe* stripe = nullptr;
    const TimeSpan* span = spanAt(at, &stripe);
    QString title;
    QList<HoverCard::Line> lines;
    const auto add = [&](const QString& name, const QString& value) {
        lines.append({name, value, theme().text3, {}});
    };
    if (span) {
        const Trace& trace = timelines_[stripe->timeline].timeline->trace;
        title = words(trace.names[span->name]).left(80);
        if (span->region != none) add(words(trace.path(span->region)).right(60), {});
        const double seconds = double(span->end - span->begin) * nanosecond;
        add(tr("time"), duration(seconds));
        add(tr("begins at"), duration(double(span->begin) * nanosecond));
        if (span->activity != none) {
            const Activity& activity = trace.activities[span->activity];
            if (activity.bytes)
                add(tr("moves"), words(format_value(double(activity.bytes), "bytes")) + ", " +
                                     words(format_value(double(activity.bytes) / seconds, "B/s")));
            if (activity.shape != none) {
                const KernelShape& shape = trace.shapes[activity.shape];
                add(tr("grid, block"),
                    QString("%1, %2")
                        .arg(std::int64_t(shape.grid[0]) * shape.grid[1] * shape.grid[2])
                        .arg(shape.block[0] * shape.block[1] * shape.block[2]));
            }
        } else if (span->region != none && trace.regions[span->region].op) {
            const Cost& cost = trace.regions[span->region].cost;
            add(tr("computes"), words(format_value(cost.flops / seconds, "FLOP/s")));
            add(tr("moves, estimated"), words(format_value(cost.bytes / seconds, "B/s")));
        }
    } else {
        for (const Stripe& one : stripes_) {
            if (one.kind != Stripe::memory || at.y() < one.top || at.y() >= one.top + one.height ||
                at.x() < label_width)
                continue;
            const auto time = Nanoseconds(seconds(at.x()) / nanosecond);
            title = tr("In memory at %1").arg(duration(double(time) * nanosecond));
            int count = 0;
            for (const LiveMemory& live :
                 live_memory(timelines_[one.timeline].timeline->trace, time)) {
                if (++count > 8) break;
                lines.append({words(live.path).right(40) +
                                  (live.count > 1 ? tr(" × %1").arg(live.count) : QString()),
                              words(format_value(double(live.bytes), "bytes")),
                              theme().purpose[int(live.purpose)],
                              {}});
            }
        }
    }
    if (title.isEmpty()) return card_->hide();
    card_->tell(title, lines);
    const double left = std::min(at.x() + 14, double(width() - card_->width() - 4));
    const double below = at.y() + 18;
    card_->move(int(std::max(0.0, left)),
                int(below + card_->height() < height() ? below : at.y() - card_->height() - 8));
    card_->raise();
}

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
        painter.drawLine(QPointF(peak, stripe.top), QPointF(peak, stripe.top + stripe.height));
        painter.drawText(QRectF(peak + 4, stripe.top, 120, 14), Qt::AlignVCenter, tr("peak"));
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
