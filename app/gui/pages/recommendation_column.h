#pragma once
#include "app/analysis/sweet_spot.h"
#include <QWidget>

class QLabel;
class QPushButton;

namespace sweetspot::gui {

class Card;
class Chip;
class ElidedLabel;
class Figure;
class FlowLayout;
class RunItems;
class Select;
class ShareBars;
class TableView;

/// What is recommended, what it gains against a baseline, why, and what else is on the front.
class RecommendationColumn : public QWidget {
    Q_OBJECT
public:
    RecommendationColumn();

    /// The name alone, which is all that has to follow a budget that is dragged. `baseline` may be
    /// null.
    void name(std::span<const RunRecord> runs, const Recommendation& recommendation,
              const RunRecord* baseline, const std::vector<std::string>& varying);
    /// Gains, reasons and the front, once it rests.
    void explain(std::span<const RunRecord> runs, const Spots& spots,
                 const Explanation& explanation, const std::vector<std::string>& varying);
    /// What stands for how long it has been the same; empty = nothing to say.
    void setStable(const QString& words);
    /// What is said of points that nobody measured, and how many of them a button plans; without
    /// words there is no card of them.
    void setGuesses(const QString& words, int planned);
    QString headline() const;
    QString saying() const; ///< what is said of it, for tests
    TableView* front() { return front_; }
    QPushButton* compareButton() { return compare_; }
    QPushButton* baselineButton() { return baseline_; }
    QPushButton* planButton() { return plan_; }
    QPushButton* fillButton() { return fill_; }
    QString guesses() const;

signals:
    void compareRequested();
    void baselineRequested();
    void planRequested();
    void fillRequested();
    void runChosen(qint64 id);

private:
    Card* makeRecommendation();
    Card* makeWhy();
    Card* makeFront();
    Card* makeGuesses();
    void showGains(const Explanation& explanation);
    void showReasons();
    void showChips(const QStringList& words);
    void showFront(std::span<const RunRecord> runs, const Spots& spots,
                   const std::vector<std::string>& varying);

    Chip* fits_;
    ElidedLabel *headline_, *against_;
    QLabel *ties_, *stable_, *sentences_, *warnings_, *guesses_;
    FlowLayout* chips_;
    QList<Chip*> chip_list_;
    QList<Figure*> gains_;
    QPushButton *compare_, *baseline_, *plan_, *fill_;
    Select* by_;
    ShareBars* shares_;
    Card *why_, *front_card_, *guesses_card_;
    RunItems* front_model_;
    TableView* front_;
    std::vector<Reasons> reasons_;
};

} // namespace sweetspot::gui
