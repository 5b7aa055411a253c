#include "app/gui/timeline/flame_view.h"
#include "app/analysis/format.h"
#include "app/gui/theme/colour.h"
#include "app/gui/theme/theme.h"
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

// A flame graph of what is seen of a timeline. A name has its colour wherever it stands, so that an
// op is found again from the other end.

namespace sweetspot::gui {

namespace {

constexpr double frame_height = 20, frame_gap = 1, margin = 2;
constexpr double least_width = 1, least_named = 28;

QString words(const std::string& text) {
    return QString::fromStdString(text);
}

} // namespace

FlameView::FlameView(QWidget* parent) : QWidget(parent) {
    setAccessibleName(tr("Flame graph"));
    setFocusPolicy(Qt::StrongFocus);
}

void FlameView::setFrames(std::vector<FlameFrame> frames) {
    const std::string path = frames_.empty() ? std::string() : path_of(frames_, opened_);
    frames_ = std::move(frames);
    opened_ = current_ = 0;
    for (std::size_t i = 1; i < frames_.size() && !path.empty(); ++i) // what was opened stays so
        if (path_of(frames_, i) == path) opened_ = current_ = i;
    updateGeometry();
    update();
}

void FlameView::setSearch(const QString& text) {
    search_ = text;
    update();
}

QSize FlameView::sizeHint() const {
    int depth = 0;
    for (const FlameFrame& frame : frames_) depth = std::max(depth, frame.depth);
    return {360, int(2 * margin + (depth + 1) * (frame_height + frame_gap))};
}

QRectF FlameView::rectOf(std::size_t frame) const {
    const FlameFrame& one = frames_[frame];
    const FlameFrame& whole = frames_[opened_];
    const double width = this->width() - 2 * margin;
    double left = margin + (one.begin - whole.begin) / whole.seconds * width;
    double right = left + one.seconds / whole.seconds * width;
    left = std::max(left, margin), right = std::min(right, margin + width);
    if (right - left < least_width) return {};
    return {left, margin + one.depth * (frame_height + frame_gap), right - left, frame_height};
}

void FlameView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setFont(uiFont(11));
    if (frames_.empty()) {
        painter.setPen(theme().text3);
        painter.drawText(rect(), Qt::AlignCenter, tr("Nothing ran in what is seen."));
        return;
    }
    for (std::size_t i = 0; i < frames_.size(); ++i) {
        const QRectF at = rectOf(i);
        if (at.isEmpty()) continue;
        const QString name = words(frames_[i].name);
        const bool bright = search_.isEmpty() || name.contains(search_, Qt::CaseInsensitive);
        const QColor colour =
            i == 0 ? theme().text3
                   : seriesColour(int(std::hash<std::string>()(frames_[i].name) % 6));
        painter.fillRect(at, withAlpha(colour, bright ? 0.35 : 0.1));
        if (i == current_ && hasFocus()) {
            painter.setPen(QPen(theme().text, 1.5));
            painter.drawRect(at.adjusted(0.75, 0.75, -0.75, -0.75));
        }
        if (at.width() < least_named) continue;
        painter.setPen(bright ? theme().text : theme().text3);
        const QRectF inner = at.adjusted(5, 0, -4, 0);
        painter.drawText(
            inner, Qt::AlignVCenter | Qt::AlignLeft,
            painter.fontMetrics().elidedText(
                i == 0 ? tr("all, %1").arg(words(format_value(frames_[0].seconds, "s"))) : name,
                Qt::ElideRight, int(inner.width())));
    }
}

std::size_t FlameView::frameAt(const QPointF& at) const {
    for (std::size_t i = 0; i < frames_.size(); ++i)
        if (rectOf(i).contains(at)) return i;
    return frames_.size();
}

void FlameView::open(std::size_t frame) {
    opened_ = current_ = frame;
    emit regionClicked(frame == 0 ? none : frames_[frame].region);
    update();
}

void FlameView::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    if (const std::size_t frame = frameAt(event->position()); frame < frames_.size()) open(frame);
}

/// To the frame around this one, the longest inside it, or the next in the same row of the same
/// frame.
void FlameView::move(int key) {
    const std::size_t count = frames_.size(), none_there = count;
    std::size_t found = none_there;
    if (key == Qt::Key_Up) found = frames_[current_].parent;
    for (std::size_t i = 1; i < count; ++i) {
        const bool inside = frames_[i].parent == current_;
        const bool beside = i != current_ && frames_[i].parent == frames_[current_].parent;
        if (key == Qt::Key_Down && inside && found == none_there) found = i;
        if (key == Qt::Key_Right && beside && i > current_ && found == none_there) found = i;
        if (key == Qt::Key_Left && beside && i < current_) found = i;
    }
    if (found == none_there || rectOf(found).isEmpty()) return;
    current_ = found;
    update();
}

void FlameView::keyPressEvent(QKeyEvent* event) {
    if (frames_.empty()) return QWidget::keyPressEvent(event);
    switch (event->key()) {
    case Qt::Key_Up:
    case Qt::Key_Down:
    case Qt::Key_Left:
    case Qt::Key_Right: return move(event->key());
    case Qt::Key_Return:
    case Qt::Key_Enter: return open(current_);
    case Qt::Key_Escape: return open(0);
    default: QWidget::keyPressEvent(event);
    }
}

bool FlameView::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const std::size_t at = frameAt(help->pos());
    if (at >= frames_.size()) {
        QToolTip::hideText();
        return true;
    }
    const FlameFrame& frame = frames_[at];
    const QString of_itself = words(format_value(frame.own_seconds, "s"));
    QToolTip::showText(help->globalPos(),
                       tr("%1\n%2, %3 % of what is seen; %4 of its own; %5 calls")
                           .arg(at == 0 ? tr("all") : words(path_of(frames_, at)),
                                words(format_value(frame.seconds, "s")),
                                words(format_number(100 * frame.seconds / frames_[0].seconds)),
                                of_itself)
                           .arg(frame.calls));
    return true;
}

} // namespace sweetspot::gui
