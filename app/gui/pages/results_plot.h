#pragma once
#include "app/analysis/run_plots.h"
#include "app/gui/session/session.h"
#include "app/gui/widgets/card.h"
#include <QSet>

class QPushButton;

namespace sweetspot::gui {

class ParallelView;
class PlotChoiceBar;
class PlotGroup;

/// The plot of a table of runs: x, y, colour and facet are chosen in its head; or all that varies
/// and what is usually looked at as parallel coordinates.
class ResultsPlot : public Card {
    Q_OBJECT
public:
    ResultsPlot();

    /// Other runs: what there is to choose among, and a first choice.
    void begin(const Runs& all, const std::vector<std::string>& metrics);
    /// The same runs, but some may have metrics now that none had.
    void goOn(const Runs& all, const std::vector<std::string>& metrics);
    /// Draws these runs of them, all of them.
    void draw(std::span<const RunRecord> shown);
    const PlotLayout& layoutOfPlot() const { return layout_; }
    std::vector<int> runSlots() const; ///< of the series of each run
    PlotGroup* group() { return group_; }
    ParallelView* parallel() { return parallel_; }
    QPushButton* parallelButton() { return parallel_button_; }
    void setSelected(const QSet<qint64>& ids);
    PlotChoiceBar* bar() { return bar_; }
    /// Chooses anew, as the user would.
    void choose(const PlotChoice& choice);

signals:
    /// The choice is another one: draw again.
    void chosen();

private:
    void take(const PlotChoice& choice);
    void drawParallel(std::span<const RunRecord> shown);

    PlotGroup* group_;
    PlotChoiceBar* bar_;
    ParallelView* parallel_;
    QPushButton* parallel_button_;
    QLabel* note_;
    PlotLayout layout_;
    std::vector<std::string> varying_, metrics_;
    Runs all_ = std::make_shared<const std::vector<RunRecord>>();
};

} // namespace sweetspot::gui
