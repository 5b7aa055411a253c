#include "app/worker/measure.h"
#include "tests/suite.h"
#include <QTest>

using namespace sweetspot;

namespace {

/// Ends of its own after seven steps, and says a loss that falls.
class Descent : public Workload {
public:
    const std::vector<std::string>& phases() const override { return phases_; }
    void run_phase(std::size_t) override { ++steps_; }
    Outcome outcome() const override { return {}; }
    std::vector<std::pair<std::string_view, double>> series() const override {
        return {{"loss_nats", 1.0 / steps_}};
    }
    bool done() const override { return steps_ == 7; }
    const Provenance& provenance() const override { return provenance_; }
    std::optional<DataSource> data() const override { return {}; }
    std::int64_t parameters() const override { return 0; }

private:
    std::vector<std::string> phases_{"step"};
    Provenance provenance_{};
    int steps_ = 0;
};

} // namespace

class MeasureTest : public QObject {
    Q_OBJECT

private slots:
    void a_workload_that_has_an_end_is_measured_to_it_with_what_it_says() {
        RunConfig config;
        config.warmup = 2;
        config.repeats = 3;
        config.max_repeats = 100;
        config.min_seconds = 1000;
        DeviceContext device(config);
        Descent work;
        RunRecord record;
        const auto seconds =
            measure(config, work, device, [&](const Line& line) { apply(line, record); });
        QCOMPARE(seconds.size(), 5u);
        const auto& steps = record.samples.at("step_seconds");
        const auto& losses = record.samples.at("loss_nats");
        QCOMPARE(steps.size(), 7u);
        QCOMPARE(losses.size(), 7u);
        for (int i = 0; i < 7; ++i) {
            QCOMPARE(losses[i].value, 1.0 / (i + 1));
            QCOMPARE(losses[i].warmup, i < 2);
            QCOMPARE(losses[i].index, i < 2 ? i : i - 2);
        }
        for (int i = 0; i < 5; ++i) QCOMPARE(steps[i + 2].value, seconds[i]);
    }
};

SWEETSPOT_TEST(MeasureTest)
#include "measure_test.moc"
