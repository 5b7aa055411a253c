#pragma once
#include "app/analysis/flame.h"
#include <QWidget>

namespace sweetspot::gui {

/// A flame graph, from the outermost frame down: as wide as the time it takes. A click makes a
/// frame as wide as the view, one on a frame above it goes back; the arrow keys move between
/// frames, Return does what a click does, Escape shows all.
class FlameView : public QWidget {
    Q_OBJECT
public:
    explicit FlameView(QWidget* parent = nullptr);

    void setFrames(std::vector<FlameFrame> frames);
    /// Frames whose names contain this stay bright; empty = all.
    void setSearch(const QString& text);
    const std::vector<FlameFrame>& frames() const { return frames_; }
    /// The frame that is as wide as the view; 0 for all.
    std::size_t opened() const { return opened_; }
    /// Where a frame is drawn; empty for one that is too narrow, or outside of what is opened.
    QRectF rectOf(std::size_t frame) const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {260, 120}; }

signals:
    /// A frame was clicked: one of the regions that it is of; none for all.
    void regionClicked(Index region);

protected:
    void paintEvent(QPaintEvent*) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent*) override { update(); }
    void focusOutEvent(QFocusEvent*) override { update(); }
    bool event(QEvent* event) override; ///< what a frame is, as a tooltip

private:
    std::size_t frameAt(const QPointF& at) const; ///< frames_.size() if there is none
    void open(std::size_t frame);
    void move(int key);

    std::vector<FlameFrame> frames_{};
    std::size_t opened_ = 0, current_ = 0;
    QString search_{};
};

} // namespace sweetspot::gui
