#include "app/gui/plot/plot_view.h"
#include "app/analysis/format.h"
#include "app/gui/plot/hover_card.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QApplication>
#include <QKeyEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>
#include <qcustomplot.h>
#include <set>
#include <utility>

// What a person does with a plot: zoom, pan, read out, take a point, drag it or a limit. What it
// shows is the scene's; how often it is drawn, and by which range, is decided here.

namespace sweetspot::gui {
namespace {

constexpr int replot_interval_ms = 50;
constexpr double hover_reach = 40, click_reach = 12, grip_reach = 6; // pixels

QString nameOf(const PlotSeries& series) {
    return QString::fromStdString(series.name);
}

bool shows(const PlotSeries& series, const QSet<QString>& hidden) {
    return !series.x.empty() && !hidden.contains(nameOf(series));
}

/// The point nearest to x, by index.
size_t nearestIndex(const PlotSeries& series, double x) {
    const auto after = std::lower_bound(series.x.begin(), series.x.end(), x);
    if (after == series.x.begin()) return 0;
    if (after == series.x.end()) return series.x.size() - 1;
    const auto before = std::prev(after);
    return size_t((*after - x < x - *before ? after : before) - series.x.begin());
}

} // namespace

PlotView::PlotView(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    canvas_ = new QCustomPlot(this);
    canvas_->setFocusPolicy(Qt::NoFocus);
    canvas_->setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    canvas_->axisRect()->setRangeZoomFactor(0.87);
    scene_ = std::make_unique<PlotScene>(*canvas_);
    hover_ = new HoverCard(this);
    replot_timer_.setSingleShot(true);
    replot_timer_.setInterval(replot_interval_ms);
    connect(&replot_timer_, &QTimer::timeout, this, &PlotView::replot);
    connectCanvas();
    styled_dark_ = theme().dark;
    setSpec({});
}

PlotView::~PlotView() = default;

void PlotView::connectCanvas() {
    connect(canvas_, &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) {
        if (held_limit_ >= 0) return dragLimit(event->position());
        canvas_->setCursor(scene_->limitAt(event->position()) >= 0 ? Qt::SizeAllCursor
                                                                   : Qt::ArrowCursor);
        if (canvas_->selectionRect()->isActive()) return;
        if (dragsPoint(*event)) return;
        if (event->buttons() != Qt::NoButton) return userMoved();
        if (describe_) return describeAt(event->position());
        if (const auto x = nearestX(event->position().x()))
            hoverAt(*x);
        else
            hideHover();
    });
    connect(canvas_, &QCustomPlot::mousePress, this, [this](QMouseEvent* event) {
        pressed_ = event->position();
        setFocus(Qt::MouseFocusReason);
        hideHover();
        held_limit_ = scene_->limitAt(event->position());
        const bool box = held_limit_ < 0 && event->modifiers().testFlag(Qt::ShiftModifier);
        const bool takes = held_limit_ < 0 && !box && event->button() == Qt::LeftButton;
        held_run_ = takes ? runsAt(event->position(), grip_reach).value(0) : 0;
        canvas_->setInteraction(QCP::iRangeDrag, held_limit_ < 0 && !held_run_);
        canvas_->setSelectionRectMode(box ? QCP::srmZoom : QCP::srmNone);
        canvas_->selectionRect()->setPen(QPen(theme().accent, 1));
        canvas_->selectionRect()->setBrush(withAlpha(theme().accent, 0.12));
    });
    // The canvas zooms after this signal.
    connect(canvas_->selectionRect(), &QCPSelectionRect::accepted, this, &PlotView::userMoved,
            Qt::QueuedConnection);
    connect(canvas_, &QCustomPlot::mouseRelease, this, [this](QMouseEvent* event) {
        canvas_->setInteraction(QCP::iRangeDrag, true);
        held_run_ = 0;
        if (std::exchange(held_limit_, -1) >= 0) return;
        if ((event->position() - pressed_).manhattanLength() < 4) click(*event);
    });
    connect(canvas_, &QCustomPlot::mouseWheel, this, [this] {
        hideHover();
        // The wheel's own handler zooms after this signal.
        QMetaObject::invokeMethod(this, &PlotView::userMoved, Qt::QueuedConnection);
    });
    connect(canvas_, &QCustomPlot::mouseDoubleClick, this, &PlotView::showAll);
    connect(canvas_, &QCustomPlot::afterReplot, this, &PlotView::replotted);
}

void PlotView::setSpec(PlotSpec spec) {
    const PlotSpec& old = scene_->spec();
    const auto same = [](const PlotAxis& a, const PlotAxis& b) {
        return a.name == b.name && a.title == b.title && a.scale == b.scale && a.unit == b.unit &&
               a.categories == b.categories;
    };
    const bool same_axes = same(old.x, spec.x) && same(old.y, spec.y);
    if (!same_axes) chosen_.reset();
    hideHover();
    setAccessibleName(
        tr("Plot of %1 by %2")
            .arg(QString::fromStdString(spec.y.title), QString::fromStdString(spec.x.title)));
    scene_->build(std::move(spec), theme());
    guide_ = new QCPItemLine(canvas_); // building took the old one away
    guide_->setLayer("overlay");
    guide_->setPen(QPen(theme().border_strong, 1));
    guide_->setVisible(false);
    guide_->setSelectable(false);
    applyRange();
    queueReplot();
}

void PlotView::append(int series, const PlotPoint& point) {
    scene_->append(series, point);
    applyRange();
    queueReplot();
}

void PlotView::setHidden(const QSet<QString>& names) {
    scene_->hide(names);
    hideHover();
    queueReplot();
}

void PlotView::setSelected(const QSet<qint64>& ids) {
    scene_->select(ids);
    queueReplot();
}

void PlotView::setRange(const std::optional<PlotRange>& range) {
    chosen_ = range;
    applyRange();
    hideHover();
    queueReplot();
}

void PlotView::showAll() {
    setRange(std::nullopt);
    emit rangeReset();
}

void PlotView::setHomeRange(const std::optional<PlotRange>& range) {
    if (range == home_) return;
    home_ = range;
    applyRange();
    queueReplot();
}

void PlotView::applyRange() {
    scene_->setRange(chosen_ ? *chosen_ : home_ ? *home_ : scene_->fullRange());
}

void PlotView::userMoved() {
    const PlotRange now = scene_->range();
    if (chosen_ == now) return;
    chosen_ = now;
    emit rangeChosen(now);
}

void PlotView::dragLimit(QPointF place) {
    const bool level = spec().limits[size_t(held_limit_)].side == PlotSide::y;
    const double value =
        level ? canvas_->yAxis->pixelToCoord(place.y()) : canvas_->xAxis->pixelToCoord(place.x());
    PlotLimit limit = spec().limits[size_t(held_limit_)];
    limit.value = value;
    setLimit(held_limit_, limit);
    emit limitMoved(held_limit_, value);
}

void PlotView::setLimit(int index, const PlotLimit& limit) {
    scene_->setLimit(index, limit);
    replotOverlay();
}

void PlotView::setMark(const PlotMark& mark) {
    if (mark == spec().mark) return;
    scene_->mark(mark);
    replotOverlay();
}

/// Its own buffer: the data are not drawn again. Once for all that is moved together, as limits and
/// the mark are when a budget is dragged.
void PlotView::replotOverlay() {
    if (!isVisible() || std::exchange(overlay_queued_, true)) return;
    QMetaObject::invokeMethod(
        this,
        [this] {
            overlay_queued_ = false;
            canvas_->layer("overlay")->replot();
        },
        Qt::QueuedConnection);
}

void PlotView::queueReplot() {
    if (isVisible() && !replot_timer_.isActive()) replot_timer_.start();
}

void PlotView::replot() {
    canvas_->replot(QCustomPlot::rpQueuedReplot);
}

std::optional<double> PlotView::nearestX(double pixel) const {
    const double at = canvas_->xAxis->pixelToCoord(pixel);
    std::optional<double> best;
    double least = hover_reach;
    for (const PlotSeries& series : scene_->spec().series) {
        if (!shows(series, scene_->hidden())) continue;
        const double x = series.x[nearestIndex(series, at)];
        const double distance = std::abs(canvas_->xAxis->coordToPixel(x) - pixel);
        if (distance < least) least = distance, best = x;
    }
    return best;
}

void PlotView::hoverAt(double x) {
    const PlotSpec& spec = scene_->spec();
    struct Read {
        double value;
        const PlotSeries* series;
        size_t index;
    };
    QList<Read> reads;
    double largest = 0;
    // Of two points a pixel apart nobody can tell which is meant: both are at this x.
    const double pixel = canvas_->xAxis->coordToPixel(x);
    for (const PlotSeries& series : spec.series) {
        if (!shows(series, scene_->hidden())) continue;
        const size_t index = nearestIndex(series, x);
        const double off = std::abs(canvas_->xAxis->coordToPixel(series.x[index]) - pixel);
        if (off > 1 || std::isnan(series.y[index])) continue;
        reads << Read{series.y[index], &series, index};
        largest = std::max(largest, std::abs(series.y[index]));
    }
    if (reads.isEmpty()) return hideHover();
    std::stable_sort(reads.begin(), reads.end(),
                     [](const Read& a, const Read& b) { return a.value > b.value; });
    QList<HoverCard::Line> lines;
    for (const Read& read : reads)
        lines << HoverCard::Line{
            read.series->predicted ? tr("%1, predicted").arg(nameOf(*read.series))
                                   : nameOf(*read.series),
            // What is written on it: a bar of a waterfall ends where others began, too.
            read.series->labels.empty() ? readoutNumber(read.value, largest)
                                        : QString::fromStdString(read.series->labels[read.index]),
            seriesColour(read.series->slot), slotMarker(shape_of(*read.series))};
    QString at =
        QString::fromStdString(spec.x.categories.empty() ? with_unit(format_tick(x), spec.x.unit)
                                                         : spec.x.categories.at(size_t(qRound(x))));
    if (!spec.y.unit.empty()) at += ", " + QString::fromStdString(spec.y.unit);
    hover_->tell(at, lines);
    setAccessibleDescription(hover_->title() + ": " + lines.front().name + ' ' +
                             lines.front().value);

    const QRect plot = canvas_->axisRect()->rect();
    const bool left = pixel - plot.left() > plot.right() - pixel;
    const int place = qRound(left ? pixel - hover_->width() - 10 : pixel + 10);
    hover_->move(std::clamp(place, 0, std::max(0, width() - hover_->width())), plot.top() + 4);
    guide_->start->setCoords(x, canvas_->yAxis->range().lower);
    guide_->end->setCoords(x, canvas_->yAxis->range().upper);
    guide_->setVisible(true);
    hover_x_ = x;
    replotOverlay();
}

void PlotView::hideHover() {
    hover_->hide();
    hover_x_.reset();
    if (!guide_ || !guide_->visible()) return;
    guide_->setVisible(false);
    replotOverlay();
}

void PlotView::stepHover(int by) {
    std::vector<double> all;
    const PlotRange range = scene_->range();
    for (const PlotSeries& series : scene_->spec().series)
        if (shows(series, scene_->hidden()))
            std::copy_if(series.x.begin(), series.x.end(), std::back_inserter(all),
                         [&](double x) { return x >= range.x_low && x <= range.x_high; });
    if (all.empty()) return;
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    if (!hover_x_) return hoverAt(by > 0 ? all.front() : all.back());
    const auto at = std::lower_bound(all.begin(), all.end(), *hover_x_) - all.begin();
    hoverAt(all[size_t(std::clamp<qsizetype>(at + by, 0, qsizetype(all.size()) - 1))]);
}

void PlotView::click(const QMouseEvent& event) {
    if (const auto runs = runsAt(event.position(), click_reach); !runs.isEmpty())
        emit pointClicked(runs.front());
}

bool PlotView::isOnBar(const PlotSeries& series, size_t index, QPointF place) const {
    const double x = canvas_->xAxis->pixelToCoord(place.x()),
                 y = canvas_->yAxis->pixelToCoord(place.y()), end = series.y[index];
    return std::abs(x - series.x[index]) <= 0.5 && y >= std::min(0.0, end) &&
           y <= std::max(0.0, end);
}

/// The run of the point, or those of the crosses, that are nearest to a place; crosses of points
/// that have no x stand on each other.
QList<qint64> PlotView::runsAt(QPointF place, double reach) const {
    const PlotSpec& spec = scene_->spec();
    std::set<std::string> hidden;
    for (const QString& name : scene_->hidden()) hidden.insert(name.toStdString());
    QList<qint64> nearest;
    QPointF nearest_at;
    const auto look = [&](double x, double y, qint64 id) {
        const QPointF at(canvas_->xAxis->coordToPixel(x), canvas_->yAxis->coordToPixel(y));
        const double distance = QLineF(at, place).length();
        if (!nearest.isEmpty() && at == nearest_at) nearest << id;
        if (!(distance < reach)) return;
        reach = distance;
        nearest = {id};
        nearest_at = at;
    };
    for (const PlotSeries& series : spec.series) {
        if (scene_->hidden().contains(nameOf(series))) continue;
        if (series.ids.size() == series.x.size())
            for (size_t i = 0; i < series.x.size(); ++i) {
                if (spec.kind == PlotKind::bars && isOnBar(series, i, place))
                    return {series.ids[i]};
                look(series.x[i], series.y[i], series.ids[i]);
            }
        if (series.misfit_ids.empty() && series.impossible_ids.empty()) continue;
        const double height = cross_height(spec, hidden);
        for (const bool was_run : {true, false}) {
            const auto& ids = was_run ? series.misfit_ids : series.impossible_ids;
            const double beside = cross_place(spec, NAN, was_run, hidden);
            for (size_t i = 0; i < ids.size(); ++i) {
                const double x = (was_run ? series.misfit_x : series.impossible_x)[i];
                look(std::isnan(x) ? beside : x, height, ids[i]);
            }
        }
    }
    return nearest;
}

/// Whether the mouse takes the run of a point with it.
bool PlotView::dragsPoint(const QMouseEvent& event) {
    if (!held_run_) return false;
    if ((event.position() - pressed_).manhattanLength() < QApplication::startDragDistance())
        return true;
    canvas_->setInteraction(QCP::iRangeDrag, true); // no release is heard of what leaves
    emit pointDragged(std::exchange(held_run_, 0));
    return true;
}

// In a cloud of points nobody reads off an x: the one point under the mouse is told in full.
void PlotView::describeAt(QPointF place) {
    const auto runs = runsAt(place, click_reach);
    if (runs.isEmpty()) return hideHover();
    const PointReadout read = describe_(runs);
    hover_->tell(read.title, read.lines, read.note);
    setAccessibleDescription(read.note.isEmpty() ? read.title : read.title + ": " + read.note);
    const bool left = place.x() > width() / 2.0;
    hover_->move(int(left ? place.x() - hover_->width() - 14 : place.x() + 14),
                 int(std::clamp(place.y() - hover_->height() / 2.0, 0.0,
                                std::max(0.0, height() - double(hover_->height())))));
}

void PlotView::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Left: stepHover(-1); break;
    case Qt::Key_Right: stepHover(1); break;
    case Qt::Key_Escape:
        if (!hover_x_) return QWidget::keyPressEvent(event);
        hideHover();
        break;
    case Qt::Key_Home: showAll(); break;
    case Qt::Key_Plus:
    case Qt::Key_Minus: {
        const double factor = event->key() == Qt::Key_Plus ? 0.8 : 1.25;
        canvas_->xAxis->scaleRange(factor);
        canvas_->yAxis->scaleRange(factor);
        userMoved();
        queueReplot();
        break;
    }
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (hover_x_)
            for (const PlotSeries& series : scene_->spec().series) {
                if (!shows(series, scene_->hidden()) || series.ids.empty()) continue;
                const size_t index = nearestIndex(series, *hover_x_);
                if (series.x[index] == *hover_x_) return emit pointClicked(series.ids[index]);
            }
        break;
    default: QWidget::keyPressEvent(event);
    }
}

void PlotView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    if (hasFocus()) drawFocusRing(painter, rect(), 6);
}

void PlotView::resizeEvent(QResizeEvent*) {
    canvas_->setGeometry(rect().adjusted(2, 2, -2, -2));
    hideHover();
}

void PlotView::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() != QEvent::PaletteChange || theme().dark == styled_dark_) return;
    styled_dark_ = theme().dark;
    scene_->style(theme());
    guide_->setPen(QPen(theme().border_strong, 1));
    queueReplot();
}

void PlotView::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    replot();
}

void PlotView::leaveEvent(QEvent*) {
    hideHover();
}

void PlotView::focusOutEvent(QFocusEvent*) {
    hideHover();
    update();
}

} // namespace sweetspot::gui
