#pragma once
#include "app/analysis/pair_words.h"
#include "app/gui/session/session.h"
#include "app/gui/widgets/card.h"

class QLabel;
class QStandardItemModel;

namespace sweetspot::gui {

class Select;
class TableView;

/// Two groups of runs, matched point by point: those of the experiment with one value of a field
/// and those with another, or the whole of it and another experiment.
class GroupsCard : public Card {
    Q_OBJECT
public:
    /// `session` must outlive it.
    explicit GroupsCard(Session& session);
    /// The session's runs, or the list of experiments, are others.
    void takeRuns();
    Select* a() { return a_; }
    Select* b() { return b_; }
    TableView* table() { return table_; }
    QString saying() const; ///< the sentences
    QString names() const;  ///< "batch 1 against batch 4"
    const Pairs& found() const { return found_; }

signals:
    /// A row: both runs are of the selected experiment.
    void pairChosen(const sweetspot::gui::RunPair& pair);
    void exported(const QString& sentence);

private:
    /// Runs of the selected experiment, or of another; no field: all of them.
    struct Group {
        QString name{};
        std::int64_t sweep = 0;
        std::string field{}, value{};
    };
    void offer();
    void take(std::int64_t sweep, const Runs& runs);
    void present();
    void fill();
    /// Nothing while another experiment is being read.
    std::optional<std::vector<RunRecord>> runsOf(const Group& group);

    Session& session_;
    std::vector<Group> groups_;
    std::map<std::int64_t, Runs> others_; ///< experiments that were read; null while they are
    std::vector<RunRecord> runs_a_, runs_b_;
    Pairs found_{}; ///< of those
    Select *a_, *b_;
    QLabel* told_;
    QStandardItemModel* model_;
    TableView* table_;
};

} // namespace sweetspot::gui
