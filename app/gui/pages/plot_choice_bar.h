#pragma once
#include "app/analysis/series.h"
#include <QWidget>

class QMenu;

namespace sweetspot::gui {

class Select;

/// x, y, colour and facet of a plot, each a combo box; y is left out where a page has no choice. A
/// menu has what is chosen more seldom: markers, and axes that are logarithmic or not.
class PlotChoiceBar : public QWidget {
    Q_OBJECT
public:
    explicit PlotChoiceBar(bool with_y);

    /// What there is to choose among, and what is chosen now. Emits nothing.
    void offer(const std::vector<std::string>& varying, const std::vector<std::string>& metrics,
               const PlotChoice& choice);
    PlotChoice choice() const;
    Select* x() { return x_; }
    Select* y() { return y_; }
    Select* colour() { return colour_; }
    Select* facet() { return facet_; }
    QMenu* markers() { return marker_; }

signals:
    void chosen();

private:
    using Combinations = std::vector<std::vector<std::string>>;
    void remember(Combinations& chosen, const std::vector<std::string>& fields);

    using Log = std::optional<bool> PlotChoice::*;
    void addScales(QMenu& menu, const QString& axis, Log log);
    void offerMarkers();

    Select *x_, *y_, *colour_, *facet_;
    QMenu* marker_;
    PlotChoice more_{}; ///< its marker and scales are what the menu has chosen
    std::vector<std::string> varying_;
    Combinations colours_, facets_; ///< of several fields, that were chosen for these runs
};

} // namespace sweetspot::gui
