#pragma once
#include "app/gui/models/strip_layout.h"
#include "app/gui/pages/growing_plot.h"
#include "app/gui/pages/sweep_page.h"
#include <memory>

class QScrollArea;

namespace sweetspot::gui {

class Card;
class LiveHeader;
class LogCard;
class LogModel;
class MessageStrip;
class Panes;
class PillGroup;
class PlotChoiceBar;
class Select;
class TrainingCurves;

/// The selected sweep while it runs, or as it ended: progress, plots that grow point by point, a
/// cell for each run, log.
class LivePage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit LivePage(Session& session);

    LiveHeader* header() { return header_; }
    LogCard* log() { return log_; }
    RunStrip* strip() { return strip_; }
    PlotChoiceBar* choiceBar() { return choice_bar_; }
    QList<PlotGroup*> plotGroups() const;
    TrainingCurves* curves() { return curves_; }
    Panes* panes() { return panes_; }

protected:
    void takeRuns() override;
    void showSelection(const QSet<qint64>& ids) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    /// A metric's card.
    struct Plot {
        std::string metric;
        Card* card;
        PlotGroup* group;
        std::unique_ptr<GrowingPlot> growing;
    };

    QWidget* makeContent();
    QLayout* makeQueue();
    QLayout* makeChoices();
    Card* makeStrip();
    void makePlots();
    void makePanes();
    void tellExported(const QString& said, bool ok);
    void takeProgress();
    void begin();
    void advance();
    void startPlots(const PlotChoice& choice);
    void showFacets();
    void showCounts();
    void hideEmptyPlots();
    void choose(qint64 run_id);
    void resume();
    void takeTrained();
    void showFacetOf(qint64 run_id);
    void fitStrip();

    MessageStrip *elsewhere_, *said_; ///< another sweep runs; what an export came to
    LiveHeader* header_;
    Panes* panes_; ///< a plot each
    PlotChoiceBar* choice_bar_;
    PillGroup* facet_pills_;
    Select* facet_list_; ///< the same, where they are many
    QLabel *facet_name_, *plot_note_;
    std::vector<Plot> plots_;
    TrainingCurves* curves_;
    bool trains_ = false; ///< some of the runs do
    RunStrip* strip_;
    QScrollArea* strip_area_;
    LogModel* log_model_;
    LogCard* log_;

    std::vector<std::int64_t> ids_; ///< of the runs shown, in order
    std::vector<RunStatus> seen_;   ///< what is shown of each
    std::vector<RunState> states_;  ///< likewise
    std::vector<std::string> varying_;
    PlotLayout layout_;
    StripLayout strip_layout_;
};

} // namespace sweetspot::gui
