#include "app/worker/measure.h"
#include "app/worker/predict.h"
#include "tests/suite.h"
#include <QTest>
#include <thread>

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

/// Counts three joules each time that it is asked, until it falls silent.
struct Counting : EnergyCounter {
    std::string what() const override { return "a test"; }
    double update_seconds() const override { return update; }
    std::optional<double> joules() override {
        return asked < silent_after ? std::optional(3.0 * asked++) : std::nullopt;
    }
    double update = 0;
    int asked = 0, silent_after = 1000;
};

/// Behind every other step it scores something, which takes time and energy.
class Checking : public Descent {
public:
    explicit Checking(Counting& counter) : counter_(counter) {}
    bool after_step() override {
        checks_ = ++steps_ % 2 == 0;
        if (checks_) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (checks_) counter_.asked += 10;
        return checks_;
    }
    std::vector<std::pair<std::string_view, double>> series() const override {
        if (checks_) return {{"validation_seconds", 0.02}};
        return {};
    }

private:
    Counting& counter_;
    int steps_ = 0;
    bool checks_ = false;
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
            measure(config, work, device, nullptr, [&](const Line& line) { apply(line, record); });
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

    void energy_is_that_of_the_measured_steps_where_it_is_known() {
        RunConfig config;
        config.warmup = 2;
        config.repeats = config.max_repeats = 4;
        config.min_seconds = 0;
        DeviceContext device(config);
        const auto joules = [&](Counting counter) {
            Descent work;
            RunRecord record;
            measure(config, work, device, &counter, [&](const Line& line) { apply(line, record); });
            const auto found = record.samples.find("step_joules");
            return found == record.samples.end() ? -1 : found->second.front().value;
        };
        QCOMPARE(joules({}), 3.0); // warming up is not counted
        Counting broken, seldom;
        broken.silent_after = 3;
        seldom.update = 1; // four steps of nothing are shorter than 20 s
        QCOMPARE(joules(broken), -1.0);
        QCOMPARE(joules(seldom), -1.0);
    }

    void what_follows_a_step_of_training_is_in_no_steps_time_and_energy() {
        RunConfig config;
        config.task = Task::train;
        config.steps = 7;
        DeviceContext device(config);
        Counting counter;
        Checking work(counter);
        RunRecord record;
        const auto seconds =
            measure(config, work, device, &counter, [&](const Line& line) { apply(line, record); });
        QCOMPARE(seconds.size(), 7u);
        const auto& checked = record.samples.at("validation_seconds");
        QCOMPARE(checked.size(), 3u);
        for (int i = 0; i < 3; ++i) QCOMPARE(checked[std::size_t(i)].index, 2 * i + 1);
        // Whatever else the machine does, not each of three steps is held up so long.
        QVERIFY(std::min({seconds[1], seconds[3], seconds[5]}) < 0.02);
        QCOMPARE(record.samples.at("step_joules").front().value, 3.0);
    }

    void the_work_of_a_step_of_training_is_without_validation() {
        RunConfig config;
        config.model = "stories260k", config.weights = "random";
        config.task = Task::train;
        config.batch = 2, config.batches = 8, config.sequence = 16, config.steps = 4;
        config.validation = 0.5;
        const auto flops = [&](int steps) {
            config.validation_steps = steps;
            return predict(config).cost.flops;
        };
        QCOMPARE(flops(1), flops(4));
    }
};

SWEETSPOT_TEST(MeasureTest)
#include "measure_test.moc"
