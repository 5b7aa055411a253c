#include "app/analysis/columns.h"
#include "app/analysis/metrics_of_runs.h"
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"
#include "tests/suite.h"
#include <QtTest>
#include <random>

using namespace sweetspot;

class StatisticsTest : public QObject {
    Q_OBJECT
private slots:
    void the_metrics_of_runs_are_those_that_asking_each_run_for_each_finds() {
        std::vector<RunRecord> runs(3);
        runs[0].metrics = {{"tokens_nominal", 64}, {"loss_nats", 2}};
        for (int i = 0; i < 12; ++i)
            runs[1].samples["step_seconds"].push_back({"step_seconds", i, 0.1 + 0.001 * i});
        runs[1].metrics = {{"tokens_nominal", 64}, {"tokens_computed", 80}, {"flops", 1e9}};
        runs[2].samples["decode_seconds"] = {{"decode_seconds", 0, 0.1, true}}; // warm-up only
        const auto found = metrics_of_runs(runs);
        std::size_t expected = 0;
        for (const auto& metric : metric_catalogue) {
            const bool has = std::ranges::any_of(
                runs, [&](const RunRecord& run) { return value_of(run, metric.name).has_value(); });
            QVERIFY2(found.contains(metric.name) == has, std::string(metric.name).c_str());
            expected += has;
        }
        QCOMPARE(found.size(), expected);
        QVERIFY(found.contains("step_p90_seconds") && found.contains("perplexity"));
        QVERIFY(!found.contains("decode_seconds"));
    }

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

    void energy_is_counted_by_rounds_and_over_tokens() {
        RunRecord run;
        run.status = RunStatus::done;
        run.metrics["tokens_nominal"] = 500;
        QVERIFY(!value_of(run, "step_joules")); // unknown, not nothing
        QVERIFY(!value_of(run, "kilotoken_joules"));
        QVERIFY(!value_of(run, "kept_rounds"));
        for (int round = 0; round < 3; ++round) {
            run.rounds.push_back({round, 10.0 * round, 10.0 * round + 1});
            run.samples["step_joules"].push_back(
                {"step_joules", 0, 2.0 * (1 << round), false, round});
            if (round > 0)
                run.samples["kept_rounds"].push_back({"kept_rounds", 0, 1, false, round});
        }
        QVERIFY(std::abs(*value_of(run, "step_joules") - 4) < 1e-12); // 2, 4 and 8 J
        QVERIFY(std::abs(*value_of(run, "kilotoken_joules") - 8) < 1e-12);
        QCOMPARE(samples_of(run, "kilotoken_joules"), (std::vector<double>{4, 8, 16}));
        QCOMPARE(*value_of(run, "kept_rounds"), 2.0);
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

    void a_percentile_has_as_many_samples_as_it_speaks_of() {
        RunRecord run;
        for (int i = 1; i <= 99; ++i)
            run.samples["step_seconds"].push_back({"step_seconds", i, double(i), false});
        QCOMPARE(*value_of(run, "step_p90_seconds"), 1 + 0.9 * 98);
        QCOMPARE(*value_of(run, "step_p95_seconds"), 1 + 0.95 * 98);
        QVERIFY(!value_of(run, "step_p99_seconds"));
        run.samples["step_seconds"].push_back({"step_seconds", 100, 100, false});
        QCOMPARE(*value_of(run, "step_p99_seconds"), 1 + 0.99 * 99);
        QVERIFY(!value_of(run, "decode_p90_seconds"));
        for (int i = 0; i < 10; ++i)
            run.samples["decode_seconds"].push_back({"decode_seconds", i, 2, false});
        QCOMPARE(*value_of(run, "decode_p90_seconds"), 2.0);
        QVERIFY(!value_of(run, "decode_p95_seconds"));
        QVERIFY(!percentile_of("step_seconds") && !percentile_of("prefill_p90_seconds"));
    }

    void padding_costs_its_share_of_time_and_activations() {
        RunRecord run;
        run.metrics = {{"tokens_nominal", 600},
                       {"tokens_computed", 800},
                       {"step_seconds", 0.2},
                       {"peak_activations_bytes", 4096}};
        QCOMPARE(*value_of(run, "padding_seconds"), 0.05);
        QCOMPARE(*value_of(run, "padding_bytes"), 1024.0);
        run.metrics["tokens_computed"] = 600;
        QCOMPARE(*value_of(run, "padding_seconds"), 0.0);
        run.metrics.erase("tokens_computed");
        QVERIFY(!value_of(run, "padding_seconds"));
    }

    void a_prediction_is_off_by_what_it_says_too_much() {
        RunRecord run;
        run.status = RunStatus::done;
        run.metrics = {{"predicted_peak_bytes", 1000}, {"peak_bytes", 1010}};
        QCOMPARE(*value_of(run, "prediction_error_bytes"), -10.0);
        const auto alarmed = [&] {
            for (const auto& mark : marks_of(run))
                if (mark.what == RunMark::What::memory) return true;
            return false;
        };
        QVERIFY(!alarmed()); // within one percent
        run.metrics["peak_bytes"] = 1024;
        QVERIFY(alarmed());
        run.metrics.erase("predicted_peak_bytes");
        QVERIFY(!alarmed());
    }

    void outliers_lie_far_from_their_own_round() {
        RunRecord run;
        run.status = RunStatus::done;
        // The second round's worker was twice as slow: no sample of it is an outlier for that.
        for (int round = 0; round < 2; ++round) {
            run.rounds.push_back({round, 0, 0});
            for (int i = 0; i < 8; ++i)
                run.samples["step_seconds"].push_back(
                    {"step_seconds", i, (1 + round) * (1 + 0.002 * (i - 4)), false, round});
        }
        QCOMPARE(outliers_of(run, "step_seconds").count, 0);
        QCOMPARE(outliers_of(run, "step_seconds").of, 16);
        run.samples["step_seconds"][3].value *= 1.04; // far, but by less than 5 %
        QCOMPARE(outliers_of(run, "step_seconds").count, 0);
        run.samples["step_seconds"][3].value = 3;
        const auto found = outliers_of(run, "step_seconds");
        QCOMPARE(found.count, 1);
        QVERIFY(std::abs(found.furthest - 3) < 0.01);
        QCOMPARE(samples_of(run, "step_seconds").size(), 16u); // it still counts
        bool said = false;
        for (const auto& mark : marks_of(run)) said = said || mark.text == "1 outlier";
        QVERIFY(said);
        run.samples["step_seconds"].resize(9);
        QCOMPARE(outliers_of(run, "step_seconds").count, 0); // of too few
    }

    void warming_up_that_ended_early_is_said() {
        RunRecord run;
        run.status = RunStatus::done;
        run.config.warmup = 2;
        run.samples["step_seconds"] = {{"step_seconds", 0, 9, true}, {"step_seconds", 0, 8, false}};
        const auto said = [&] {
            for (const auto& mark : marks_of(run))
                if (mark.text == "short warm-up") return mark.detail;
            return std::string();
        };
        QCOMPARE(said(),
                 std::string("warmed up by 1 of 2 steps, which took ten times min_seconds"));
        run.config.warmup = 1;
        QCOMPARE(said(), std::string());
    }

    void the_noise_is_half_the_interval_over_the_median() {
        Summary s{.count = 9, .median = 10, .interval_low = 9, .interval_high = 12};
        QCOMPARE(relative_noise(s), 0.15);
    }
};

SWEETSPOT_TEST(StatisticsTest)
#include "statistics_test.moc"
