#pragma once
#include "app/gui/timeline/sums_model.h"
#include <QWidget>

namespace sweetspot::gui {

/// The rows of a SumsModel below the roofs that were measured: FLOPs a byte across, FLOP/s up, both
/// logarithmic; the larger a disc, the more of the time it takes. Says what is missing where there
/// are no roofs, or no work that is known.
class RooflineView : public QWidget {
    Q_OBJECT
public:
    explicit RooflineView(const SumsModel& sums, QWidget* parent = nullptr);

    void setCeilings(const Ceilings& ceilings);
    /// A row whose disc has a ring and a name; -1 = none.
    void setMarked(int row);

    QSize sizeHint() const override { return {360, 260}; }
    QSize minimumSizeHint() const override { return {260, 180}; }

protected:
    void paintEvent(QPaintEvent*) override;
    bool event(QEvent* event) override; ///< what a disc is, as a tooltip

private:
    struct Disc {
        QPointF centre{};
        double radius = 0;
        int row = 0;
    };
    QRectF plot() const;
    std::vector<Disc> discs() const;
    void labelRoofs(QPainter&) const;
    double x(double intensity) const;
    double y(double flops) const;
    void takeLimits();

    const SumsModel& sums_;
    Ceilings ceilings_{};
    int marked_ = -1;
    double left_ = 0.1, right_ = 1000, low_ = 1e9, high_ = 1e12; ///< powers of ten
};

} // namespace sweetspot::gui
