#include "app/analysis/compare.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <random>

using namespace sweetspot;

namespace {

RunRecord finished() {
    RunRecord run;
    run.status = RunStatus::done;
    return run;
}

/// As before there were rounds.
RunRecord run_of(const std::vector<double>& step_seconds) {
    RunRecord run = finished();
    for (std::size_t i = 0; i < step_seconds.size(); ++i)
        run.samples["step_seconds"].push_back({"step_seconds", int(i), step_seconds[i], false});
    run.metrics["tokens_nominal"] = 1024;
    return run;
}

/// Of so many rounds, one step each; rounds of all such runs alternate.
RunRecord rounds_of(const std::vector<double>& step_seconds) {
    RunRecord run = finished();
    for (std::size_t i = 0; i < step_seconds.size(); ++i) {
        run.samples["step_seconds"].push_back({"step_seconds", 0, step_seconds[i], false, int(i)});
        run.rounds.push_back({int(i), 1e9 + 10.0 * double(i), 1e9 + 10.0 * double(i) + 1});
    }
    run.metrics["tokens_nominal"] = 1024;
    run.config.noise = 1;
    return run;
}

const MetricComparison& metric(const Comparison& c, const std::string& name) {
    for (const auto& m : c.metrics)
        if (m.metric == name) return m;
    throw std::runtime_error("no metric " + name);
}

Verdict verdict(const RunRecord& a, const RunRecord& b, const std::string& name) {
    return metric(compare(a, b), name).verdict;
}

bool mentions(const std::vector<std::string>& sentences, const std::string& text) {
    for (const auto& s : sentences)
        if (s.find(text) != std::string::npos) return true;
    return false;
}

} // namespace

class CompareTest : public QObject {
    Q_OBJECT
private slots:
    void a_quiet_a_a_comparison_says_same() {
        std::mt19937_64 draw(3);
        std::normal_distribution<double> normal;
        int same = 0;
        const auto quiet = [&] {
            std::vector<double> seconds(6);
            for (double& s : seconds) s = 0.01 * (1 + 0.005 * normal(draw));
            return rounds_of(seconds);
        };
        for (int pair = 0; pair < 100; ++pair)
            same += verdict(quiet(), quiet(), "step_seconds") == Verdict::same;
        QVERIFY2(same >= 98, qPrintable(QString::number(same)));
    }

    void what_is_not_a_number_is_not_comparable() {
        auto a = rounds_of({1, 1}), b = a;
        a.weights = b.weights = WeightsUsed{.loaded = true};
        a.metrics["loss_nats"] = 2;
        b.metrics["loss_nats"] = NAN;
        b.id = 7;
        for (const char* name : {"loss_nats", "perplexity"}) {
            const auto found = compare(a, b); // which metric() refers into
            QCOMPARE(metric(found, name).verdict, Verdict::not_comparable);
            QVERIFY(metric(found, name).needs.ends_with("of run 7 is not a number"));
        }
    }

    void the_ratio_is_of_the_values_and_lies_in_its_interval() {
        const auto a = rounds_of({1.0, 1.1, 0.9, 1.0}), b = rounds_of({2.0, 2.2, 1.8, 2.1});
        const auto c = compare(a, b);
        const auto& m = metric(c, "step_seconds");
        QVERIFY(std::abs(m.ratio - m.b / m.a) < 1e-12);
        QVERIFY(m.ratio_low < m.ratio && m.ratio_low > 1.9);
        QVERIFY(m.ratio_high > m.ratio && m.ratio_high < 2.2);
        const auto& rate = metric(c, "tokens_per_second");
        QVERIFY(std::abs(rate.ratio_low * m.ratio_high - 1) < 1e-12);
    }

    void a_small_clear_change_within_the_tolerance_is_the_same() {
        const auto a = rounds_of(std::vector<double>(6, 1.0)),
                   b = rounds_of(std::vector<double>(6, 1.01));
        QCOMPARE(verdict(a, b, "step_seconds"), Verdict::same);
        QCOMPARE(metric(compare(a, b, {.tolerance = 0.005}), "step_seconds").verdict,
                 Verdict::worse);
    }

    void what_a_clock_may_add_to_tiny_times_is_no_difference() {
        const auto of = [](double seconds) { return rounds_of(std::vector<double>(6, seconds)); };
        for (const auto* name : {"step_seconds", "tokens_per_second", "kilotoken_seconds"}) {
            QCOMPARE(verdict(of(1e-6), of(1.09e-6), name), Verdict::same);
            QCOMPARE(verdict(of(1e-6), of(1.2e-6), name), Verdict::worse);
            QCOMPARE(verdict(of(1e-3), of(1.09e-3), name), Verdict::worse);
        }
    }

    void many_samples_of_one_round_are_no_verdict() {
        const auto c =
            compare(run_of(std::vector<double>(50, 1.0)), run_of(std::vector<double>(50, 2.0)));
        QCOMPARE(metric(c, "step_seconds").verdict, Verdict::undecided);
        QCOMPARE(metric(c, "tokens_per_second").verdict, Verdict::undecided);
        QVERIFY(mentions(c.warnings, "A was measured in one round"));
    }

    void runs_that_are_not_done_or_do_other_things_are_not_comparable() {
        auto a = rounds_of({1, 1, 1}), b = rounds_of({3, 3, 3});
        QCOMPARE(verdict(a, b, "step_seconds"), Verdict::worse);
        b.config.task = Task::generate;
        QCOMPARE(verdict(a, b, "step_seconds"), Verdict::not_comparable);
        b = a;
        a.metrics["peak_bytes"] = b.metrics["peak_bytes"] = 5;
        QCOMPARE(verdict(a, b, "peak_bytes"), Verdict::same);
        b.status = RunStatus::failed;
        const auto c = compare(a, b);
        QCOMPARE(metric(c, "peak_bytes").verdict, Verdict::not_comparable);
        QCOMPARE(metric(c, "peak_bytes").needs, std::string("run 0 is failed, not done"));
    }

    void losses_over_different_tokens_are_not_comparable() {
        auto a = finished(), b = finished();
        a.metrics = b.metrics = {{"loss_nats", 2.5}, {"scored_tokens", 100}};
        QCOMPARE(verdict(a, b, "loss_nats"), Verdict::same);
        b.metrics["scored_tokens"] = 101;
        QCOMPARE(verdict(a, b, "perplexity"), Verdict::not_comparable);
        b = a;
        b.config.data = "other.fasta";
        QCOMPARE(verdict(a, b, "loss_nats"), Verdict::not_comparable);
    }

    void memory_is_compared_exactly() {
        auto a = finished(), b = finished();
        a.metrics["peak_bytes"] = 1000000;
        b.metrics["peak_bytes"] = 1000001;
        QCOMPARE(verdict(a, b, "peak_bytes"), Verdict::worse);
        QCOMPARE(verdict(b, a, "peak_bytes"), Verdict::better);
        QCOMPARE(verdict(a, a, "peak_bytes"), Verdict::same);
    }

    void more_of_what_is_better_higher_is_better() {
        auto a = finished(), b = finished();
        a.metrics["padding_efficiency"] = 0.6;
        b.metrics["padding_efficiency"] = 1.0;
        QCOMPARE(verdict(a, b, "padding_efficiency"), Verdict::better);
    }

    void rounding_does_not_change_quality_but_a_percent_does() {
        auto a = finished(), b = finished(), worse = finished();
        a.metrics["loss_nats"] = 3.9;
        b.metrics["loss_nats"] = 3.9001;
        worse.metrics["loss_nats"] = 3.95;
        QCOMPARE(verdict(a, b, "loss_nats"), Verdict::same);
        QCOMPARE(verdict(a, b, "perplexity"), Verdict::same);
        QCOMPARE(verdict(a, worse, "perplexity"), Verdict::worse);
    }

    void one_number_that_may_be_noise_is_at_most_undecided() {
        auto a = finished(), b = finished();
        a.metrics["load_seconds"] = 1;
        b.metrics["load_seconds"] = 3;
        QCOMPARE(verdict(a, b, "load_seconds"), Verdict::undecided);
    }

    void zero_bytes_on_both_sides_are_the_same() {
        auto a = finished(), b = finished();
        a.metrics["peak_kv_cache_bytes"] = b.metrics["peak_kv_cache_bytes"] = 0;
        QCOMPARE(verdict(a, b, "peak_kv_cache_bytes"), Verdict::same);
        b.metrics["peak_kv_cache_bytes"] = 8;
        QCOMPARE(verdict(a, b, "peak_kv_cache_bytes"), Verdict::worse);
    }

    void every_differing_field_and_fact_is_named() {
        auto a = finished(), b = finished();
        b.config.attention = AttentionVariant::naive;
        b.config.batch = 8;
        a.environment = {{"cpu", "Alpha"}, {"isa", "avx2"}};
        b.environment = {{"cpu", "Beta"}, {"isa", "avx2"}, {"governor", "performance"}};
        const auto c = compare(a, b);
        QCOMPARE(c.differences.size(), std::size_t(4));
        QCOMPARE(c.differences[0].name, std::string("batch"));
        QCOMPARE(c.differences[0].a, std::string("1"));
        QCOMPARE(c.differences[0].b, std::string("8"));
        QCOMPARE(c.differences[1].name, std::string("attention"));
        QVERIFY(!c.differences[1].environment);
        QCOMPARE(c.differences[2].name, std::string("cpu"));
        QVERIFY(c.differences[2].environment);
        QCOMPARE(c.differences[3].a, std::string());
        QVERIFY(mentions(c.warnings, "differ in 2 fields (batch, attention)"));
        QVERIFY(mentions(c.warnings, "environment (cpu, governor)"));
    }

    void one_intended_difference_is_no_reason_to_warn() {
        RunRecord a = rounds_of({1, 1, 1, 1}), b = a;
        b.config.attention = AttentionVariant::naive;
        QVERIFY(compare(a, b).warnings.empty());
    }

    void a_run_whose_function_was_changed_says_so() {
        const auto a = run_of({2, 2, 2, 2, 2, 2});
        auto b = a;
        b.texts["caveat"] = "the output projection is left out";
        QVERIFY(mentions(compare(a, b).warnings, "the output projection is left out."));
        QVERIFY(!mentions(compare(a, a).warnings, "left out"));
    }

    void quality_of_random_weights_is_warned_of() {
        RunRecord a;
        a.status = RunStatus::done;
        a.metrics["perplexity"] = 33;
        a.weights = WeightsUsed{.loaded = false, .seed = 1};
        QVERIFY(mentions(compare(a, a).warnings, "Random weights"));
        a.weights->loaded = true;
        QVERIFY(compare(a, a).warnings.empty());
    }

    void noise_over_the_runs_limit_is_warned_of() {
        const auto noisy = run_of({1, 2, 3, 1, 2, 3, 1, 2, 3}), quiet = run_of({2, 2, 2, 2, 2, 2});
        QVERIFY(mentions(compare(quiet, noisy).warnings, "B is noisy"));
        QVERIFY(!mentions(compare(quiet, noisy).warnings, "A is noisy"));
    }

    void a_run_that_failed_is_warned_of() {
        auto a = run_of({1, 1, 1, 1, 1}), b = a;
        b.status = RunStatus::failed;
        b.reason = "The worker was killed.";
        QVERIFY(mentions(compare(a, b).warnings, "failed, not done: The worker was killed."));
    }
};

SWEETSPOT_TEST(CompareTest)
#include "compare_test.moc"
