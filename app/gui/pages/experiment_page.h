#pragma once
#include "app/gui/frame/page.h"
#include "app/gui/session/planner.h"
#include "app/gui/session/recent_sweeps.h"
#include <QTimer>

class QPushButton;

namespace sweetspot::gui {

class ExperimentForm;
class GoalCard;
class PlanPreview;

/// What to measure: a form made from the field list, and beside it what the plan would take. Its
/// contents are remembered.
class ExperimentPage : public Page {
    Q_OBJECT
public:
    /// Both must outlive the page.
    ExperimentPage(Session& session, RecentSweeps& recent);

    ExperimentForm& form() { return *form_; }
    PlanPreview& preview() { return *preview_; }
    GoalCard& goal() { return *goal_; }
    void setSpec(const Spec& spec);
    /// Fills the form from a spec file, or says in a problem() what is wrong with it.
    bool openSpec(const QString& path);
    bool saveSpec(const QString& path);
    void askAndOpen();
    void askAndSave();
    void copyCommand();
    /// Starts the sweep, if nothing stands against it.
    void run();

signals:
    /// A sentence that a person must know.
    void problem(const QString& sentence);
    void saved(const QString& path);
    void runRequested(qint64 id); ///< it is to be looked at

private:
    void addActions();
    void formChanged();
    void askForPlan();
    void takePlan(const std::shared_ptr<const PlannedSpec>& plan);
    void showDevices();
    void offerTrained();
    void showObstacles();

    Session& session_;
    RecentSweeps& recent_;
    ExperimentForm* form_;
    PlanPreview* preview_;
    GoalCard* goal_;
    Planner planner_;
    std::shared_ptr<const PlannedSpec> plan_; ///< the newest; null before the first
    QTimer ask_timer_;                        ///< waits for a pause in typing
    QTimer host_timer_;                       ///< memory that is free changes
    QPushButton* copy_ = nullptr;
};

/// Where specs of one's own are kept, and listed from as presets; made if it is not there.
QString ownSpecsFolder();

} // namespace sweetspot::gui
