#include "app/analysis/statistics.h"
#include "tests/suite.h"
#include <QtTest>
#include <random>

using namespace sweetspot;

class StatisticsTest : public QObject {
    Q_OBJECT
private slots:
    void a_summary_of_five_values_matches_hand_numbers() {
        const auto s = summarize(std::vector<double>{4, 1, 3, 5, 2});
        QCOMPARE(s.count, 5);
        QCOMPARE(s.median, 3.0);
        QCOMPARE(s.mean, 3.0);
        QCOMPARE(s.deviation, std::sqrt(2.5));
        QCOMPARE(s.low, 1.0);
        QCOMPARE(s.high, 5.0);
        QCOMPARE(s.p25, 2.0);
        QCOMPARE(s.p75, 4.0);
        QCOMPARE(s.p5, 1.2);
        QCOMPARE(s.p95, 4.8);
    }

    void the_median_of_an_even_number_lies_between_the_middle_two() {
        QCOMPARE(summarize(std::vector<double>{1, 2, 4, 8}).median, 3.0);
    }

    void the_interval_of_the_median_is_efrons() {
        // Of 5 draws out of 5, at least 3 are the least with probability 0.058, which exceeds
        // 2.5 %: the interval reaches the ends.
        const auto five = summarize(std::vector<double>{1, 2, 3, 4, 5});
        QCOMPARE(five.interval_low, 1.0);
        QCOMPARE(five.interval_high, 5.0);
        // Of 11: P(at least 6 of 11 with p = 2/11) = 0.0076 and with p = 3/11 = 0.0560.
        std::vector<double> eleven(11);
        std::iota(eleven.begin(), eleven.end(), 1.0);
        QCOMPARE(summarize(eleven).interval_low, 3.0);
        QCOMPARE(summarize(eleven).interval_high, 9.0);
    }

    void the_interval_covers_the_true_median_about_nineteen_times_in_twenty() {
        std::mt19937_64 draw(7);
        std::normal_distribution<double> normal(10, 1);
        int covered = 0;
        for (int trial = 0; trial < 2000; ++trial) {
            std::vector<double> values(31);
            for (double& v : values) v = normal(draw);
            const auto s = summarize(values);
            covered += s.interval_low <= 10 && 10 <= s.interval_high;
        }
        QVERIFY2(covered >= 1800 && covered <= 1980, qPrintable(QString::number(covered)));
    }

    void two_thousand_samples_have_an_interval_around_their_median() {
        std::vector<double> values(2001);
        std::iota(values.begin(), values.end(), 0.0);
        const auto s = summarize(values);
        QCOMPARE(s.median, 1000.0);
        QVERIFY(s.interval_low > 950 && s.interval_low < 960); // 1000 - 1.96 * sqrt(2001) / 2
        QVERIFY(s.interval_high > 1040 && s.interval_high < 1050);
    }

    void one_value_is_its_own_interval_and_nothing_has_none() {
        const auto one = summarize(std::vector<double>{7});
        QCOMPARE(one.interval_low, 7.0);
        QCOMPARE(one.interval_high, 7.0);
        QCOMPARE(one.deviation, 0.0);
        QCOMPARE(relative_noise(one), 0.0);
        QCOMPARE(summarize(std::vector<double>{}).count, 0);
        QVERIFY(!summarize(RunRecord{}, "step_seconds"));
    }

    void warm_up_samples_are_left_out() {
        RunRecord run;
        run.samples["step_seconds"] = {{"step_seconds", 0, 100, true},
                                       {"step_seconds", 1, 2, false},
                                       {"step_seconds", 2, 4, false}};
        QCOMPARE(summarize(run, "step_seconds")->count, 2);
        QCOMPARE(*value_of(run, "step_seconds"), 3.0);
    }

    void values_that_are_not_recorded_are_made_of_others() {
        RunRecord run;
        run.metrics = {
            {"tokens_nominal", 600}, {"tokens_computed", 800}, {"flops", 6e9}, {"loss_nats", 2}};
        run.samples["step_seconds"] = {{"step_seconds", 0, 2, false},
                                       {"step_seconds", 1, 4, false}};
        QCOMPARE(*value_of(run, "tokens_per_second"), 200.0);
        QCOMPARE(*value_of(run, "flops_per_second"), 2e9);
        QCOMPARE(*value_of(run, "padding_efficiency"), 0.75);
        QCOMPARE(*value_of(run, "perplexity"), std::exp(2.0));
        QCOMPARE(summarize(run, "tokens_per_second")->high, 300.0);
        QVERIFY(!value_of(run, "decode_seconds"));
        QVERIFY(!value_of(run, "no_such_metric"));
    }

    void shares_of_ceilings_are_of_what_was_measured_before_the_run() {
        RunRecord run;
        run.metrics = {{"flops", 6e9}, {"bytes_moved", 1e9}, {"step_seconds", 0.5}};
        QVERIFY(!value_of(run, "mfu"));
        run.metrics["ceiling_flops_per_second"] = 48e9;
        run.metrics["ceiling_bytes_per_second"] = 8e9;
        QCOMPARE(*value_of(run, "mfu"), 0.25);
        QCOMPARE(*value_of(run, "bandwidth_use"), 0.25);
    }

    void a_data_sheets_share_is_of_the_dense_peak_of_the_runs_precision() {
        RunRecord run;
        run.metrics = {{"flops", 989.5e12}, {"step_seconds", 2}};
        run.environment["gpu"] = "NVIDIA H200";
        run.config.precision = Precision::bf16;
        QVERIFY(!value_of(run, "data_sheet_mfu")); // on the CPU beside it
        run.config.device = DeviceKind::cuda;
        QCOMPARE(*value_of(run, "data_sheet_mfu"), 0.5);
        run.config.precision = Precision::f32; // no data sheet is known
        QVERIFY(!value_of(run, "data_sheet_mfu"));
    }

    void the_noise_is_half_the_interval_over_the_median() {
        Summary s{.count = 9, .median = 10, .interval_low = 9, .interval_high = 12};
        QCOMPARE(relative_noise(s), 0.15);
    }
};

SWEETSPOT_TEST(StatisticsTest)
#include "statistics_test.moc"
