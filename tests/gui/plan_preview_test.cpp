#include "app/gui/pages/plan_preview.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/heat_map.h"
#include "tests/suite.h"
#include <QLabel>
#include <QPushButton>
#include <QTest>

// What the Experiment page says of points before they run: which cannot be, which do not fit.

using namespace sweetspot;
using namespace sweetspot::gui;

namespace {

/// The plan of a spec, as the planner hands it to pages.
std::shared_ptr<PlannedSpec> planned(const Spec& spec) {
    auto plan = std::make_shared<PlannedSpec>();
    plan->spec = spec;
    plan->runs = sweetspot::plan(spec);
    plan->points = plan->runs.size();
    plan->grid = PlanGrid(spec, plan->runs);
    return plan;
}

} // namespace

class PlanPreviewTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        qputenv("SWEETSPOT_RESOURCES", SWEETSPOT_SOURCE_DIR "/resources");
        applyTheme(lightTheme());
    }

    void points_that_cannot_be_are_listed_with_their_reason() {
        Spec spec;
        spec.base.model = "gpt2-small";
        spec.axes = {{"sequence", {"512", "2048"}}};
        PlanPreview preview;
        const auto plan = planned(spec);
        preview.setPlan(plan);
        QCOMPARE(preview.possible().size(), std::size_t(1));
        QCOMPARE(preview.runButton()->text(), QString("Run 1 point"));
        QStringList words;
        for (auto* label : preview.findChildren<QLabel*>()) words << label->text();
        QVERIFY(words.contains("1 point cannot be: sequence 2048 is longer than the 1024 positions "
                               "of gpt2-small"));
    }

    void points_that_were_measured_are_said_to_be() {
        Spec spec;
        spec.axes = {{"batch", {"1", "2", "4"}}};
        PlanPreview preview;
        preview.setPlan(planned(spec));
        preview.setMeasured(2);
        QCOMPARE(preview.runButton()->text(), QString("Run 3 points, 2 measured already"));
        emit preview.findChild<OptionPill*>()->toggleRequested(); // measure again
        QVERIFY(preview.again());
        QCOMPARE(preview.runButton()->text(), QString("Run 3 points"));
        preview.setPlan(planned(spec)); // of another plan it is not known yet
        QCOMPARE(preview.runButton()->text(), QString("Run 3 points"));
    }

    void what_does_not_fit_is_counted_by_the_memory_of_the_host() {
        Spec spec;
        spec.axes = {{"batch", {"1", "2"}}};
        const auto plan = planned(spec);
        auto records = std::make_shared<std::vector<RunRecord>>(2);
        (*records)[0].metrics["peak_bytes"] = 3e9;
        (*records)[1].metrics["peak_bytes"] = 5e9;
        PlanPreview preview;
        Host host;
        host.memory_bytes = 8e9;
        host.available_bytes = 4e9;
        preview.setHost(host);
        preview.setPlan(plan);
        preview.setPredictions(records);
        QVERIFY2(preview.figuresText().contains("1 fit 1 will not, kept as such"),
                 qPrintable(preview.figuresText()));
        QVERIFY(preview.heatMap().grid().limit > 0);
        (void)preview.grab(); // the hatched cell too
        QVERIFY(preview.runButton()->isEnabled());
        // What will not fit is not run: it is kept with the reason.
        QCOMPARE(preview.runButton()->text(), QString("Run 1 point"));
        QCOMPARE(preview.misfits().size(), std::size_t(1));
        QCOMPARE(preview.misfits().begin()->first, plan->runs[1].hash);
        preview.setMeasuring(true);
        QCOMPARE(preview.runButton()->text(), QString("Queue 1 point"));
        QVERIFY(preview.runButton()->isEnabled());
        preview.setMeasuring(false);
        host.available_bytes = 1e9;
        preview.setHost(host);
        QVERIFY(!preview.runButton()->isEnabled());
        QVERIFY2(preview.runButton()->toolTip().contains("None of these points fits"),
                 qPrintable(preview.runButton()->toolTip()));
    }

    void what_runs_on_a_gpu_is_held_against_its_own_memory() {
        Spec spec;
        spec.base.device = DeviceKind::cuda;
        const auto plan = planned(spec);
        auto records = std::make_shared<std::vector<RunRecord>>(1);
        (*records)[0].metrics["peak_bytes"] = 3e9;
        PlanPreview preview;
        Host host;
        host.memory_bytes = host.available_bytes = 8e9;
        preview.setHost(host);
        preview.setPlan(plan);
        preview.setPredictions(records);
        QVERIFY2(preview.figuresText().contains("fit no GPU to fit into"),
                 qPrintable(preview.figuresText()));
        preview.setDevices({{.name = "cuda",
                             .available = true,
                             .meaning = "Fake 9000",
                             .memory_bytes = 4e9,
                             .free_bytes = 2e9}});
        QVERIFY2(preview.figuresText().contains("0 fit 1 will not, kept as such"),
                 qPrintable(preview.figuresText()));
        QVERIFY2(preview.figuresText().contains("on the GPU"), qPrintable(preview.figuresText()));
        QVERIFY(preview.heatMap().grid().limit > 0);
    }

    void a_plan_in_step_leaves_places_empty() {
        Spec spec;
        spec.zip = true;
        spec.axes = {{"batch", {"1", "8"}}, {"sequence", {"512", "64"}}};
        const PlanGrid grid(spec, plan(spec));
        QCOMPARE(grid.columns().values, QStringList({"64", "512"}));
        QCOMPARE(grid.at({}, 0, 1), 0); // batch 1, sequence 512
        QCOMPARE(grid.at({}, 1, 0), 1);
        QCOMPARE(grid.at({}, 0, 0), -1);
    }
};

SWEETSPOT_TEST(PlanPreviewTest)
#include "plan_preview_test.moc"
