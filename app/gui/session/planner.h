#pragma once
#include "app/experiment/notes.h"
#include "app/gui/session/plan_grid.h"
#include <QObject>
#include <QStringList>
#include <QThreadPool>
#include <atomic>
#include <memory>

namespace sweetspot::gui {

/// What a spec comes to.
struct PlannedSpec {
    Spec spec{};
    QStringList problems{};         ///< sentences; if there are any, there are no runs
    double points = 0;              ///< of the axes, before any are left out
    std::vector<PlannedRun> runs{}; ///< none if there are more than planner_points
    PlanGrid grid{};                ///< of the runs
    SpecNotes notes{};              ///< none if there are no runs
};
constexpr double planner_points = 20'000; ///< more are counted and not laid out

/// Plans specs in a thread of its own, since a large one takes seconds; of several questions only
/// the newest is answered.
class Planner : public QObject {
    Q_OBJECT
public:
    explicit Planner(QObject* parent = nullptr);
    ~Planner() override;
    /// Answers planned() in the thread of this object.
    void plan(const Spec& spec);

signals:
    void planned(std::shared_ptr<const PlannedSpec> plan);

private:
    QThreadPool thread_;
    std::atomic<quint64> question_ = 0;
};

/// Points of the axes and explicit ones, equal ones counted twice.
double pointCount(const Spec& spec);

} // namespace sweetspot::gui
