#include "app/gui/session/planner.h"

namespace sweetspot::gui {
namespace {

std::shared_ptr<const PlannedSpec> planned(const Spec& spec) {
    auto plan = std::make_shared<PlannedSpec>();
    plan->spec = spec;
    plan->points = pointCount(spec);
    for (const std::string& problem : problems(spec))
        plan->problems << QString::fromStdString(problem);
    if (plan->problems.isEmpty() && plan->points <= planner_points) {
        plan->runs = sweetspot::plan(spec);
        plan->notes = notes_on(spec);
    }
    plan->grid = PlanGrid(spec, plan->runs);
    return plan;
}

} // namespace

double pointCount(const Spec& spec) {
    const double explicit_points = double(spec.points.size());
    if (spec.axes.empty()) return explicit_points > 0 ? explicit_points : 1;
    if (spec.zip) return double(spec.axes.front().values.size()) + explicit_points;
    double grid = 1;
    for (const Axis& axis : spec.axes) grid *= double(axis.values.size());
    return grid + explicit_points;
}

Planner::Planner(QObject* parent) : QObject(parent) {
    thread_.setMaxThreadCount(1);
}

Planner::~Planner() {
    thread_.clear();
    thread_.waitForDone();
}

void Planner::plan(const Spec& spec) {
    const quint64 mine = ++question_;
    thread_.clear(); // what waits is not wanted any more
    thread_.start([this, spec, mine] {
        auto plan = gui::planned(spec);
        QMetaObject::invokeMethod(
            this,
            [this, mine, plan] {
                if (mine == question_) emit planned(plan);
            },
            Qt::QueuedConnection);
    });
}

} // namespace sweetspot::gui
