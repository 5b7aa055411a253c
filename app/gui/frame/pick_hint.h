#pragma once
#include <QWidget>

namespace sweetspot::gui {

/// Two places, A and B, that are over the window's top while a run is dragged.
class PickHint : public QWidget {
public:
    explicit PickHint(QWidget* parent);
    enum class Side { none, a, b };
    Side sideAt(QPoint in_parent) const;
    /// Covers the top of the parent, and lights the side under the mouse.
    void showFor(QPoint in_parent);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QRect boxOf(Side side) const;

    Side lit_ = Side::none;
};

} // namespace sweetspot::gui
