// What is guessed of points that nobody measured, held against a law that makes all times.
#include "app/analysis/statistics.h"
#include "app/analysis/what_if.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <random>

using namespace sweetspot;

namespace {

/// Work and tokens as a plan has them, naive twice as slow, and a time that is no multiple of any.
double law(const RunConfig& config) {
    const double tokens = double(config.batch) * config.sequence;
    const double factor = config.attention == AttentionVariant::naive ? 2 : 1;
    return 1e-6 * factor * std::pow(tokens, 0.9);
}

RunRecord plan_of(int batch, int sequence, AttentionVariant attention) {
    RunRecord run;
    run.config.batch = batch;
    run.config.sequence = sequence;
    run.config.attention = attention;
    const double tokens = double(batch) * sequence;
    run.metrics = {{"flops", 1e6 * tokens + 10 * tokens * sequence},
                   {"bytes_moved", 1e5 * std::sqrt(tokens)},
                   {"tokens_nominal", tokens},
                   {"peak_bytes", 1e6 + 100 * tokens}};
    return run;
}

RunRecord measured(std::int64_t id, int batch, int sequence, AttentionVariant attention,
                   double noise = 0) {
    static std::mt19937 random(1);
    RunRecord run = plan_of(batch, sequence, attention);
    run.id = id;
    run.status = RunStatus::done;
    const double seconds = law(run.config) * std::exp(noise * std::normal_distribution()(random));
    run.samples["step_seconds"] = {{"step_seconds", 0, seconds, false}};
    return run;
}

constexpr AttentionVariant variants[] = {AttentionVariant::naive, AttentionVariant::flash};

/// The whole grid without the points for which `left_out` holds.
std::vector<RunRecord> grid_without(auto&& left_out, double noise = 0) {
    std::vector<RunRecord> runs;
    for (const int batch : {1, 2, 4, 8})
        for (const int sequence : {64, 128, 256, 512})
            for (const auto attention : variants)
                if (!left_out(batch, sequence, attention))
                    runs.push_back(
                        measured(std::int64_t(runs.size()) + 1, batch, sequence, attention, noise));
    return runs;
}

} // namespace

class WhatIfTest : public QObject {
    Q_OBJECT
private slots:
    void a_law_of_powers_and_factors_is_found_again() {
        const auto runs = grid_without(
            [](int batch, int sequence, auto) { return batch == 4 && sequence == 256; });
        const auto model = TimeModel::fit(runs, "step_seconds");
        QVERIFY(model);
        QCOMPARE(model->runs(), 30);
        QVERIFY(model->error() < 0.01);
        for (const auto attention : variants) {
            const RunRecord point = plan_of(4, 256, attention);
            const auto guess = model->guess(point);
            QVERIFY(guess);
            QVERIFY(std::abs(guess->value / law(point.config) - 1) < 0.01);
            QVERIFY(guess->low <= guess->value && guess->value <= guess->high);
        }
    }

    void nineteen_of_twenty_lie_within_the_bounds() {
        int within = 0, all = 0;
        for (int round = 0; round < 20; ++round) {
            const auto runs = grid_without(
                [](int batch, int sequence, auto) { return batch == 2 && sequence != 64; }, 0.1);
            const auto model = TimeModel::fit(runs, "step_seconds");
            QVERIFY(model);
            QVERIFY(model->error() > 0.02 && model->error() < 0.2);
            for (const int sequence : {128, 256, 512})
                for (const auto attention : variants) {
                    const RunRecord truth = measured(1, 2, sequence, attention, 0.1);
                    const auto guess = model->guess(plan_of(2, sequence, attention));
                    const double seconds = *value_of(truth, "step_seconds");
                    within += guess->low <= seconds && seconds <= guess->high;
                    ++all;
                }
        }
        QVERIFY2(within > 0.85 * all, qPrintable(QString("%1 of %2").arg(within).arg(all)));
    }

    void a_value_that_no_run_had_is_not_guessed() {
        const auto runs = grid_without(
            [](int, int, auto attention) { return attention == AttentionVariant::naive; });
        const auto model = TimeModel::fit(runs, "step_seconds");
        QVERIFY(model);
        // It does not vary among the runs, but it must be theirs.
        auto other = grid_without([](int batch, int, auto) { return batch > 1; });
        other.erase(std::remove_if(other.begin(), other.end(),
                                   [](const RunRecord& run) {
                                       return run.config.attention == AttentionVariant::naive &&
                                              run.config.sequence > 64;
                                   }),
                    other.end());
        for (RunRecord& run : other)
            if (run.config.sequence == 512) run.config.precision = Precision::bf16;
        const auto some = TimeModel::fit(other, "step_seconds");
        RunRecord point = plan_of(1, 64, AttentionVariant::flash);
        point.config.precision = Precision::f16;
        if (some) QVERIFY(!some->guess(point));
    }

    void too_few_runs_are_a_sentence() {
        const std::vector<RunRecord> two{measured(1, 1, 64, AttentionVariant::flash),
                                         measured(2, 2, 64, AttentionVariant::flash)};
        QVERIFY(!TimeModel::fit(two, "step_seconds"));
        const auto found = what_if(two, {}, "step_seconds");
        QVERIFY(!found.problem.empty());
        QCOMPARE(sentences_of(found).size(), std::size_t(1));
    }

    void the_open_points_of_a_grid_are_those_without_an_end() {
        auto runs = grid_without(
            [](int batch, int sequence, auto) { return batch == 8 && sequence == 512; });
        QCOMPARE(unmeasured(runs).size(), std::size_t(2));
        for (const RunConfig& config : unmeasured(runs))
            QVERIFY(config.batch == 8 && config.sequence == 512);
        runs[0].status = RunStatus::failed; // that it fails is known
        runs[1].status = RunStatus::failed, runs[1].failure = Failure::interrupted;
        runs[2].status = RunStatus::planned;
        QCOMPARE(unmeasured(runs).size(), std::size_t(4));
        QVERIFY(unmeasured({}).empty());
    }

    void only_points_that_may_stand_on_the_front_matter() {
        // By time per token more tokens are better, and take more memory; naive is never worth it.
        const auto runs = grid_without([](int batch, int sequence, auto attention) {
            return sequence == 512 && (attention == AttentionVariant::naive || batch == 8);
        });
        std::vector<RunRecord> plans;
        for (const RunConfig& config : unmeasured(runs))
            plans.push_back(plan_of(config.batch, config.sequence, config.attention));
        QCOMPARE(plans.size(), std::size_t(5));
        const auto found = what_if(runs, plans, "kilotoken_seconds");
        QVERIFY(found.problem.empty());
        QCOMPARE(found.points.size(), std::size_t(5));
        QCOMPARE(found.mattering(), 1);
        QVERIFY(found.points.front().config == plan_of(8, 512, AttentionVariant::flash).config);
        QVERIFY2(sentences_of(found).front().starts_with("1 of 5 points"),
                 sentences_of(found).front().c_str());
        // Once it is measured the front is stable.
        auto more = runs;
        more.push_back(measured(99, 8, 512, AttentionVariant::flash));
        std::erase_if(plans, [](const RunRecord& plan) {
            return plan.config.attention == AttentionVariant::flash;
        });
        const auto after = what_if(more, plans, "kilotoken_seconds");
        QCOMPARE(after.mattering(), 0);
        QVERIFY(sentences_of(after).front().starts_with("The front is stable"));
    }
};

SWEETSPOT_TEST(WhatIfTest)
#include "what_if_test.moc"
