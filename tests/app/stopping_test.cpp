#include "app/worker/stopping.h"
#include <QtTest>

using namespace sweetspot;

class StoppingTest : public QObject {
    Q_OBJECT
private slots:
    void fewer_than_six_values_have_no_interval();
    void equal_values_have_no_noise();
    void the_noise_of_ten_values_is_half_the_width_of_their_order_statistics();
    void a_quiet_series_stops_after_the_repeats();
    void a_noisy_series_goes_on_to_the_most_repeats();
    void a_short_series_goes_on_to_the_least_time();
};

void StoppingTest::fewer_than_six_values_have_no_interval() {
    QCOMPARE(median_noise({1, 1, 1, 1, 1}), 1.0);
}

void StoppingTest::equal_values_have_no_noise() {
    QCOMPARE(median_noise(std::vector<double>(10, 3.0)), 0.0);
}

void StoppingTest::the_noise_of_ten_values_is_half_the_width_of_their_order_statistics() {
    // 10 / 2 ± 0.98 √10 = 1.9 and 8.1: from the second to the last value; the median is 5.5
    QCOMPARE(median_noise({10, 9, 8, 7, 6, 5, 4, 3, 2, 1}), (10.0 - 2.0) / 2 / 5.5);
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

QTEST_GUILESS_MAIN(StoppingTest)
#include "stopping_test.moc"
