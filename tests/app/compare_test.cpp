#include "app/analysis/compare.h"
#include <QtTest>
#include <cmath>
#include <functional>
#include <random>

using namespace sweetspot;

namespace {

RunRecord run_of(const std::vector<double>& step_seconds) {
    RunRecord run;
    run.status = RunStatus::done;
    for (std::size_t i = 0; i < step_seconds.size(); ++i)
        run.samples["step_seconds"].push_back({"step_seconds", int(i), step_seconds[i], false});
    run.metrics["tokens_nominal"] = 1024;
    return run;
}

std::vector<double> drawn(int count, const std::function<double()>& next) {
    std::vector<double> values(count);
    for (double& v : values) v = next();
    return values;
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
    /// 10,000 pairs of runs with the same distribution of step times.
    void an_a_a_comparison_never_says_better_or_worse() {
        std::mt19937_64 draw(3);
        std::normal_distribution<double> normal;
        std::exponential_distribution<double> exponential;
        std::uniform_real_distribution<double> uniform;
        const std::vector<std::function<double()>> noises{
            [&] { return 0.01 * (1 + 0.002 * normal(draw)); },
            [&] { return 0.01 * (1 + 0.01 * normal(draw)); },
            [&] { return 0.01 * std::exp(0.1 * normal(draw)); },
            [&] { return 0.01 * (1 + 0.05 * exponential(draw)); },
            [&] { return 0.01 * (1 + 0.3 * uniform(draw) * (uniform(draw) < 0.1)); },
        };
        int told = 0;
        for (const int count : {3, 5, 10, 20, 50})
            for (const auto& noise : noises)
                for (int pair = 0; pair < 400; ++pair) {
                    const auto a = run_of(drawn(count, noise)), b = run_of(drawn(count, noise));
                    const auto v = verdict(a, b, "step_seconds");
                    told += v == Verdict::better || v == Verdict::worse;
                }
        QCOMPARE(told, 0);
    }

    void a_quiet_a_a_comparison_says_same() {
        std::mt19937_64 draw(3);
        std::normal_distribution<double> normal;
        const auto noise = [&] { return 0.01 * (1 + 0.005 * normal(draw)); };
        int same = 0;
        for (int pair = 0; pair < 100; ++pair)
            same += verdict(run_of(drawn(20, noise)), run_of(drawn(20, noise)), "step_seconds") ==
                    Verdict::same;
        QVERIFY2(same >= 98, qPrintable(QString::number(same)));
    }

    void a_change_of_a_tenth_over_noise_of_a_hundredth_is_found() {
        std::mt19937_64 draw(3);
        std::normal_distribution<double> normal;
        const auto slow = [&] { return 0.0110 * (1 + 0.01 * normal(draw)); };
        const auto fast = [&] { return 0.0100 * (1 + 0.01 * normal(draw)); };
        int found = 0;
        for (int pair = 0; pair < 200; ++pair) {
            const auto a = run_of(drawn(20, slow)), b = run_of(drawn(20, fast));
            const auto c = compare(a, b);
            found += metric(c, "step_seconds").verdict == Verdict::better &&
                     metric(c, "tokens_per_second").verdict == Verdict::better &&
                     verdict(b, a, "step_seconds") == Verdict::worse;
        }
        QCOMPARE(found, 200);
    }

    void the_ratio_is_of_medians_and_lies_in_its_interval() {
        const auto a = run_of({1.0, 1.1, 0.9, 1.0, 1.0}), b = run_of({2.0, 2.2, 1.8, 2.1, 1.9});
        const auto c = compare(a, b), again = compare(a, b);
        const auto& m = metric(c, "step_seconds");
        QCOMPARE(m.ratio, 2.0);
        QVERIFY(m.ratio_low < 2 && m.ratio_low >= 1.8 / 1.1 && m.ratio_high > 2 &&
                m.ratio_high <= 2.2 / 0.9);
        QCOMPARE(m.ratio_low, metric(again, "step_seconds").ratio_low);
    }

    void a_small_clear_change_within_the_tolerance_is_the_same() {
        const auto a = run_of(std::vector<double>(10, 1.0)),
                   b = run_of(std::vector<double>(10, 1.01));
        QCOMPARE(verdict(a, b, "step_seconds"), Verdict::same);
        QCOMPARE(metric(compare(a, b, {.tolerance = 0.005}), "step_seconds").verdict,
                 Verdict::worse);
    }

    void four_samples_are_too_few_for_a_verdict() {
        const auto c = compare(run_of({1, 1, 1, 1}), run_of({2, 2, 2, 2}));
        QCOMPARE(metric(c, "step_seconds").verdict, Verdict::ambiguous);
        QVERIFY(mentions(c.warnings, "A has only 4 samples"));
    }

    void memory_is_compared_exactly() {
        RunRecord a, b;
        a.metrics["peak_bytes"] = 1000000;
        b.metrics["peak_bytes"] = 1000001;
        QCOMPARE(verdict(a, b, "peak_bytes"), Verdict::worse);
        QCOMPARE(verdict(b, a, "peak_bytes"), Verdict::better);
        QCOMPARE(verdict(a, a, "peak_bytes"), Verdict::same);
    }

    void more_of_what_is_better_higher_is_better() {
        RunRecord a, b;
        a.metrics["padding_efficiency"] = 0.6;
        b.metrics["padding_efficiency"] = 1.0;
        QCOMPARE(verdict(a, b, "padding_efficiency"), Verdict::better);
    }

    void rounding_does_not_change_quality_but_a_percent_does() {
        RunRecord a, b, worse;
        a.metrics["loss_nats"] = 3.9;
        b.metrics["loss_nats"] = 3.9001;
        worse.metrics["loss_nats"] = 3.95;
        QCOMPARE(verdict(a, b, "loss_nats"), Verdict::same);
        QCOMPARE(verdict(a, b, "perplexity"), Verdict::same);
        QCOMPARE(verdict(a, worse, "perplexity"), Verdict::worse);
    }

    void one_number_that_may_be_noise_is_at_most_ambiguous() {
        RunRecord a, b;
        a.metrics["load_seconds"] = 1;
        b.metrics["load_seconds"] = 3;
        QCOMPARE(verdict(a, b, "load_seconds"), Verdict::ambiguous);
    }

    void zero_bytes_on_both_sides_are_the_same() {
        RunRecord a, b;
        a.metrics["peak_kv_cache_bytes"] = b.metrics["peak_kv_cache_bytes"] = 0;
        QCOMPARE(verdict(a, b, "peak_kv_cache_bytes"), Verdict::same);
        b.metrics["peak_kv_cache_bytes"] = 8;
        QCOMPARE(verdict(a, b, "peak_kv_cache_bytes"), Verdict::worse);
    }

    void every_differing_field_and_fact_is_named() {
        RunRecord a, b;
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
        RunRecord a = run_of(std::vector<double>(10, 1.0)), b = a;
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

QTEST_GUILESS_MAIN(CompareTest)
#include "compare_test.moc"
