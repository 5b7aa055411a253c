#pragma once
#include "app/analysis/timeline.h"
#include "app/gui/session/session.h"
#include <QWidget>

namespace sweetspot::gui {

class HoverCard;

/// Timelines above each other on one time axis: an overview of the whole pass with the part that is
/// seen, regions, streams or threads, memory by purpose, and curves such as clocks.
///
/// The wheel zooms where the mouse is, with Shift it scrolls; dragging selects a range, dragging
/// with the middle button or on the overview moves. Keys: + and - or W and S zoom, arrows or A and
/// D move, Return zooms to the range, 0 shows all, Escape clears the range.
class TimelineView : public QWidget {
    Q_OBJECT
public:
    explicit TimelineView(QWidget* parent = nullptr);

    struct Shown {
        QString title{}; ///< said where there is more than one
        std::shared_ptr<const Timeline> timeline{};
    };
    void setTimelines(std::vector<Shown> timelines);

    TimeRange seen() const { return seen_; } ///< seconds
    void see(TimeRange range);
    const std::optional<TimeRange>& range() const { return range_; }
    void setRange(const std::optional<TimeRange>& range);
    /// What is drawn strongly; empty: nothing. All whose name or path has it, upper case like
    /// lower.
    void setSearch(const QString& text);
    /// The region whose spans have a frame, of the first timeline; none for nothing.
    void setMarked(Index region);
    Index marked() const { return marked_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void seenChanged(sweetspot::gui::TimeRange seen);
    void rangeChanged(const std::optional<sweetspot::gui::TimeRange>& range);
    void regionClicked(unsigned region); ///< of the first timeline; none: beside all

protected:
    void paintEvent(QPaintEvent*) override;
    void wheelEvent(QWheelEvent*) override;
    void mousePressEvent(QMouseEvent*) override;
    void mouseMoveEvent(QMouseEvent*) override;
    void mouseReleaseEvent(QMouseEvent*) override;
    void mouseDoubleClickEvent(QMouseEvent*) override;
    void keyPressEvent(QKeyEvent*) override;
    void leaveEvent(QEvent*) override;

private:
    /// A stripe of the picture.
    struct Stripe {
        enum Kind { title, lane, memory, curve } kind = lane;
        std::size_t timeline = 0, index = 0; ///< of a lane or a curve
        double top = 0, height = 0;
    };
    void layOut();
    double x(double seconds) const;
    double seconds(double x) const;
    double plotWidth() const;
    void zoom(double factor, double at_seconds);
    void scrollBy(double seconds);
    void showAll();
    double whole() const; ///< seconds of the longest
    void hover(QPointF at);
    const TimeSpan* spanAt(QPointF at, const Stripe** stripe = nullptr,
                           std::size_t* row = nullptr) const;

    void paintOverview(QPainter&) const;
    void paintAxis(QPainter&) const;
    void paintLane(QPainter&, const Stripe&) const;
    void paintMemory(QPainter&, const Stripe&) const;
    void paintCurve(QPainter&, const Stripe&) const;
    void paintLabel(QPainter&, const Stripe&, const QString& name, const QString& note) const;
    QColor colourOf(const Timeline&, const TimeSpan&) const;

    std::vector<Shown> timelines_{};
    std::vector<Stripe> stripes_{};
    double height_ = 200;
    TimeRange seen_{0, 1};
    std::optional<TimeRange> range_{};
    QString search_{};
    Index marked_ = none;
    enum class Drag { nothing, range, pan, overview } drag_ = Drag::nothing;
    QPointF pressed_{}, last_{};
    HoverCard* card_;
};

} // namespace sweetspot::gui
