#pragma once
#include "app/analysis/series.h"
#include <QWidget>

namespace sweetspot::gui {

class Select;

/// x, y, colour and facet of a plot, each a combo box. y is left out where a page has no choice.
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

signals:
    void chosen();

private:
    using Combinations = std::vector<std::vector<std::string>>;
    void remember(Combinations& chosen, const std::vector<std::string>& fields);

    Select *x_, *y_, *colour_, *facet_;
    std::vector<std::string> varying_;
    Combinations colours_, facets_; ///< of several fields, that were chosen for these runs
};

} // namespace sweetspot::gui
