#include "app/gui/timeline/timeline_view.h"
#include "app/analysis/format.h"
#include "app/gui/plot/hover_card.h"
#include "app/gui/theme/colour.h"
#include "app/gui/theme/theme.h"
#include "app/gui/timeline/timeline_layout.h"
#include "app/gui/widgets/text.h"
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

// Where everything is, what the mouse and the keys do, and what is under the mouse. How it is
// drawn: timeline_paint.cpp.

namespace sweetspot::gui {

namespace {

constexpr double right_margin = 8, memory_height = 112, curve_height = 44;
constexpr double least_visible_seconds = 100e-9;
constexpr int most_curves = 3;

/// Curves that are worth a stripe, in this order, where a trace has them.
constexpr std::array<std::string_view, 5> curves_of_interest{"sm clock", "power", "cpu clock",
                                                             "others' load", "stolen"};

QString duration(double seconds) {
    return words(format_value(seconds, "s"));
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

} // namespace sweetspot::gui
