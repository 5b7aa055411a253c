#include "app/worker/disturbance.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

class DisturbanceTest : public QObject {
    Q_OBJECT
private slots:
    void a_machine_of_our_own_disturbs_nobody() {
        const MachineUse before{.wall = 10, .busy = 100, .own = 5, .waited = 1, .processors = 4};
        const MachineUse after{.wall = 11, .busy = 104, .own = 9, .waited = 1, .processors = 4};
        QCOMPARE(disturbance(before, after), 0.0);
    }

    void what_others_compute_counts_by_the_share_of_the_machine() {
        const MachineUse before{.processors = 4};
        const MachineUse after{.wall = 10, .busy = 25.04, .own = 5, .processors = 4};
        QVERIFY(std::abs(disturbance(before, after) - 0.5) < 0.01);
    }

    void waiting_for_a_processor_counts_though_others_take_little() {
        const MachineUse before{.processors = 64};
        const MachineUse after{.wall = 1, .busy = 2.1, .own = 2, .waited = 0.3, .processors = 64};
        QCOMPARE(disturbance(before, after), 0.3);
    }

    void a_tick_a_processor_is_nobodys() {
        const MachineUse before{.processors = 2};
        const MachineUse after{.wall = 0.1, .busy = 0.13, .own = 0.12, .processors = 2};
        QCOMPARE(disturbance(before, after), 0.0);
    }

    void this_machine_tells_what_it_does() {
        const auto before = machine_use();
        double sum = 0;
        while (machine_use().own - before.own < 0.05) sum += 1;
        const auto after = machine_use();
        QVERIFY(sum > 0 && after.wall > before.wall && after.busy >= before.busy);
        QVERIFY(disturbance(before, after) >= 0 && disturbance(before, after) <= 1);
    }
};

SWEETSPOT_TEST(DisturbanceTest)
#include "disturbance_test.moc"
