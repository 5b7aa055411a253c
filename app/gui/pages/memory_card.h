#pragma once
#include "app/gui/session/planner.h"
#include "app/gui/session/session.h"
#include "app/gui/widgets/card.h"

namespace sweetspot::gui {

class ColourScale;
class HeatMap;

/// Predicted peak memory as a heat map: rows and columns are two fields, and a switch for each
/// other one that varies chooses the table.
class MemoryCard : public Card {
    Q_OBJECT
public:
    MemoryCard();
    /// `predictions`: by place in the plan, null where not known yet. `limit_bytes`: 0 = none.
    void present(std::shared_ptr<const PlannedSpec> plan,
                 const std::vector<const RunRecord*>& predictions, double limit_bytes);
    /// The place in the plan of the outlined cell; -1 is none.
    int current() const;
    /// "naive, padded": the chosen values of the switches.
    QString variant() const;
    const HeatMap& map() const { return *map_; }

signals:
    void currentChanged();

private:
    void makeSwitches();
    void fill();
    void chooseCell();

    std::shared_ptr<const PlannedSpec> plan_ = std::make_shared<PlannedSpec>();
    std::vector<const RunRecord*> predictions_;
    double limit_bytes_ = 0;
    std::vector<PlanGrid::Side> shown_choices_;
    std::vector<int> chosen_;
    QWidget* switches_ = nullptr;
    HeatMap* map_;
    QWidget* map_room_;
    ColourScale* scale_;
    QWidget *misfit_, *near_;
    bool choosing_ = false; ///< the cell is being chosen here
    bool pointed_ = false;  ///< a person chose the cell
};

} // namespace sweetspot::gui
