#pragma once
#include "app/gui/session/goal_search.h"
#include "app/gui/widgets/card.h"

class QLineEdit;
class QPushButton;

namespace sweetspot::gui {

class Select;

/// "The largest batch within 24 GiB": what is sought, the search as it goes, and what it found. It
/// is paused and goes on here.
class GoalCard : public Card {
    Q_OBJECT
public:
    /// `session` must outlive it.
    explicit GoalCard(Session& session);

    /// What the form says, and what memory is free for it in bytes; 0 = not known.
    void offer(const Spec& spec, double free_bytes);
    GoalSearch& search() { return search_; }
    Select* field() { return field_; }
    QLineEdit* memory() { return memory_; }
    QPushButton* button() { return button_; }
    QString told() const; ///< the steps and the answer

signals:
    void runRequested(qint64 id); ///< the run that confirmed the answer is to be looked at

private:
    void present();
    void act();
    std::optional<double> budget() const;
    QString obstacle() const;

    GoalSearch search_;
    Spec spec_{};
    double free_ = 0;
    Select* field_;
    QLineEdit* memory_;
    QPushButton *button_, *show_;
    QLabel *steps_, *answer_;
};

} // namespace sweetspot::gui
