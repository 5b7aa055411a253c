#pragma once
#include "app/analysis/compare.h"
#include "app/analysis/waterfall.h"
#include "app/gui/pages/sweep_page.h"

class QLabel;
class QLineEdit;
class QPushButton;

namespace sweetspot::gui {

class AlignedTable;
class Card;
class ElidedLabel;
class FlowLayout;
class GroupsCard;
class MessageStrip;
class PillGroup;
class PlotGroup;

/// Two runs: what may be said of B against A, in what they differ, and where the difference is,
/// as a waterfall that adds up and as a table of the model's stretches. Or two groups of runs.
class ComparePage : public SweepPage {
    Q_OBJECT
public:
    /// `session` must outlive the page.
    explicit ComparePage(Session& session);

    PlotGroup* plot() { return plot_; }
    AlignedTable* table() { return table_; }
    PillGroup* what() { return what_; } ///< two runs, two groups
    GroupsCard* groups() { return groups_; }
    PillGroup* quantity() { return quantity_; }
    PillGroup* by() { return by_; }
    QPushButton* swapButton() { return swap_; }
    QPushButton* againButton() { return again_; }
    QString verdicts() const; ///< "FASTER 1.42×; LESS MEMORY 81 %", for tests
    QString saying() const;   ///< the sentences

signals:
    /// Both are to be measured anew, turn about.
    void againRequested(const sweetspot::gui::SweepOrder& order);

protected:
    void takeRuns() override;
    void showSelection(const QSet<qint64>& ids) override;

private:
    /// One of the two, as a card.
    struct Side {
        Card* card;
        ElidedLabel *name, *detail;
        QLabel* total;
    };
    QWidget* makeContent();
    Side makeSide(const QString& letter, int slot);
    Card* makeWaterfall();
    void present();
    RunPair shown() const;
    const RunRecord* runOf(qint64 id) const;
    void take(const std::shared_ptr<const RunRecord>& details);
    void showSide(const Side& side, const RunRecord& run);
    void showVerdicts(const Comparison& comparison);
    void showDifferences(const Comparison& comparison);
    void readTraces();
    void showWaterfall();
    void measureAgain();

    PillGroup* what_;
    GroupsCard* groups_;
    QWidget *content_, *choose_;
    MessageStrip *said_, *warning_;
    Side a_, b_;
    QPushButton *swap_, *again_;
    FlowLayout* verdicts_;
    Card* waterfall_;
    PillGroup *quantity_, *by_;
    PlotGroup* plot_;
    QLabel *problem_, *sentences_;
    AlignedTable* table_;
    RunPair pair_;
    std::shared_ptr<const RunRecord> details_a_, details_b_; ///< null until they are read
    /// Of both, where they were recorded; asked for when somebody looks by kernel.
    std::vector<std::shared_ptr<const Timeline>> traces_;
    bool traces_asked_ = false, reading_traces_ = false;
};

} // namespace sweetspot::gui
