#pragma once
#include "app/analysis/plot.h"
#include "app/analysis/series.h"
#include "app/analysis/sweet_spot.h"
#include "app/analysis/what_if.h"
#include "app/gui/pages/sweep_page.h"
#include <QTimer>
#include <cmath>
#include <map>

class QLineEdit;
class QPushButton;

namespace sweetspot::gui {

class BudgetField;
class Card;
class Chip;
class ColourScale;
class FlowLayout;
class MessageStrip;
class OptionPill;
class PlotGroup;
struct PointReadout;
class RecommendationColumn;
class Select;

/// Which run of the selected sweep to take: every point by two of what it costs, the front, limits
/// to drag or type, and a recommendation with its reasons.
class SweetSpotPage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit SweetSpotPage(Session& session);

    PlotGroup* plot() { return plot_; }
    RecommendationColumn* recommendation() { return column_; }
    BudgetField* xBudget() { return x_budget_; }
    BudgetField* yBudget() { return y_budget_; }
    BudgetField* lossBudget() { return loss_budget_; }
    QLineEdit* moreBudgets() { return more_; }
    /// Chooses the axes and the colour, as the user would; an empty colour shows variants.
    void choose(const std::string& x, const std::string& y, const std::string& colour);
    const Recommendation& found() const { return found_; }
    const Spots& spots() const { return spots_; }
    /// Whether points of another experiment stand beside those of the selected one.
    void setAlso(std::int64_t sweep, bool also);
    QPushButton* whatIfButton() { return what_if_button_; }
    const WhatIfs& guesses() const { return what_if_; }
    OptionPill* third() { return third_; } ///< whether the colour is a third objective

signals:
    /// Points that would tell more are to be planned.
    void planRequested(const std::vector<sweetspot::RunConfig>& points);
    void reportRequested();

protected:
    void takeRuns() override;
    void hear() override;
    void showSelection(const QSet<qint64>& ids) override;

private:
    QWidget* makeContent();
    Card* makePlotCard();
    Card* makeBudgets();
    void connectAll();
    void offerChoices();
    void offerBudgets();
    void weighAndDraw();
    void draw();
    PlotSpec specOf() const;
    void addPoints(PlotSpec& spec) const;
    void addFront(PlotSpec& spec) const;
    void makeMore();
    void offerOthers(QMenu& menu);
    void gatherRuns();
    void guess();
    void takeGuesses(const std::shared_ptr<const std::vector<RunRecord>>& predicted);
    void addGuesses(PlotSpec& spec) const;
    struct Ends {
        double low = INFINITY, high = -INFINITY;
        bool known() const { return low <= high; }
    };
    static std::string chosen(const Select* select); ///< the metric; empty = none
    const Ends& endsOf(const std::string& metric) const;
    double placeOf(const Spot& spot, const PlotAxis& axis) const;
    PlotLimit limitOf(PlotSide side, const PlotSpec& spec) const;
    void moveLimits();
    void recommendNow();
    void explainNow();
    bool isLive() const; ///< more runs are coming
    void tellStable();
    void addBudget();
    std::vector<Budget> budgets() const;
    const RunRecord* findBaseline() const;
    const RunRecord* runOf(qint64 id) const;
    PointReadout readoutOf(const QList<qint64>& ids) const;

    MessageStrip* said_;
    bool nothing_weighed_ = false; ///< that is what it says
    Select *x_, *y_, *colour_;
    OptionPill *third_, *log_x_, *log_y_;
    QPushButton *also_, *what_if_button_;
    ColourScale* scale_;
    Chip* left_out_;
    PlotGroup* plot_;
    BudgetField *x_budget_, *y_budget_, *loss_budget_;
    Select* card_size_; ///< memory budgets that cards have
    QLineEdit* more_;
    FlowLayout* more_chips_;
    RecommendationColumn* column_;
    QTimer refresh_, explain_;

    Runs runs_ = std::make_shared<const std::vector<RunRecord>>(); ///< all that are looked at
    std::map<std::int64_t, Runs> others_; ///< of other experiments; null until they are loaded
    WhatIfs what_if_;
    bool guessing_ = false;
    std::vector<std::string> varying_, metrics_;
    PlotChoice choice_; ///< of these runs: which variants have a series of their own
    const RunRecord* baseline_ = nullptr;      ///< of them; null where none is done
    mutable std::map<std::string, Ends> ends_; ///< of these runs, as far as they were asked for
    Spots spots_;
    Recommendation found_;
    Explanation explanation_;
    std::vector<Budget> extra_;
    PlotRange range_{};
    qint64 picked_ = 0; ///< the run recommended last, and since how many points it is
    int picked_at_ = 0;
    bool logs_chosen_ = false;
    int cost_ms_ = 0; ///< of the last refresh
};

} // namespace sweetspot::gui
