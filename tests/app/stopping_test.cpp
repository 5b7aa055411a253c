#include "app/experiment/statistics.h"
#include "app/worker/stopping.h"
#include "tests/suite.h"
#include <QtTest>
#include <random>

using namespace sweetspot;

class StoppingTest : public QObject {
    Q_OBJECT
private slots:
    void fewer_than_six_steps_are_never_quiet();
    void what_stops_a_run_is_what_is_printed();
    void a_quiet_series_stops_after_the_repeats();
    void a_noisy_series_goes_on_to_the_most_repeats();
    void a_short_series_goes_on_to_the_least_time();
    void long_steps_end_with_the_repeats_however_noisy();
    void warming_up_ends_with_its_steps_or_ten_times_the_least_time();
};

void StoppingTest::fewer_than_six_steps_are_never_quiet() {
    RunConfig config;
    config.repeats = 1;
    config.min_seconds = 0;
    QVERIFY(!enough(config, std::vector<double>(5, 1.0)));
    QVERIFY(enough(config, std::vector<double>(6, 1.0)));
}

/// Series about the limit, of few and many steps: a run that goes on prints more noise than its
/// limit, one that stops before max_repeats prints no more.
void StoppingTest::what_stops_a_run_is_what_is_printed() {
    RunConfig config;
    config.repeats = 6;
    config.max_repeats = 1000;
    config.min_seconds = 0;
    config.noise = 0.01;
    std::mt19937 random(1);
    std::normal_distribution<double> step(1, 0.02);
    int quiet = 0, loud = 0;
    for (int series = 0; series < 500; ++series) {
        std::vector<double> seconds(std::size_t(6 + series % 60));
        for (double& one : seconds) one = step(random);
        const bool stops = enough(config, seconds);
        QCOMPARE(stops, relative_noise(summarize(seconds)) <= config.noise);
        (stops ? quiet : loud) += 1;
    }
    QVERIFY(quiet > 50 && loud > 50);
}

void StoppingTest::a_quiet_series_stops_after_the_repeats() {
    RunConfig config;
    config.repeats = 10;
    config.min_seconds = 1;
    QVERIFY(!enough(config, std::vector<double>(9, 0.2)));
    QVERIFY(enough(config, std::vector<double>(10, 0.2)));
}

void StoppingTest::a_noisy_series_goes_on_to_the_most_repeats() {
    RunConfig config;
    config.repeats = 10;
    config.max_repeats = 20;
    config.min_seconds = 0;
    std::vector<double> seconds;
    for (int i = 0; i < 19; ++i) seconds.push_back(i % 2 ? 1.0 : 2.0);
    QVERIFY(!enough(config, seconds));
    seconds.push_back(1.0);
    QVERIFY(enough(config, seconds));
}

void StoppingTest::a_short_series_goes_on_to_the_least_time() {
    RunConfig config;
    config.repeats = 10;
    config.max_repeats = 1000;
    config.min_seconds = 0.5;
    QVERIFY(!enough(config, std::vector<double>(10, 0.001)));
    QVERIFY(enough(config, std::vector<double>(501, 0.001)));
}

/// As many as were asked for, and no more of them once ten times the least time is over.
void StoppingTest::long_steps_end_with_the_repeats_however_noisy() {
    RunConfig config;
    config.repeats = 2;
    config.max_repeats = 20;
    config.min_seconds = 0.1;
    QVERIFY(!enough(config, {4.0}));
    QVERIFY(enough(config, {4.0, 2.0}));
    QVERIFY(!enough(config, {0.4, 0.2, 0.1, 0.2, 0.05}));
    QVERIFY(enough(config, {0.4, 0.2, 0.1, 0.2, 0.05, 0.1}));
    config.min_seconds = 0; // no limit
    QVERIFY(!enough(config, {4.0, 2.0}));
}

void StoppingTest::warming_up_ends_with_its_steps_or_ten_times_the_least_time() {
    RunConfig config;
    config.warmup = 3;
    config.min_seconds = 0.5;
    QVERIFY(!warm(config, 0, 0));
    QVERIFY(!warm(config, 2, 4.9));
    QVERIFY(warm(config, 3, 0.001));
    QVERIFY(warm(config, 1, 5));
    config.min_seconds = 0; // no limit
    QVERIFY(!warm(config, 2, 1e6));
    config.warmup = 0;
    QVERIFY(warm(config, 0, 0));
}

SWEETSPOT_TEST(StoppingTest)
#include "stopping_test.moc"
