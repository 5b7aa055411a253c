#include "app/analysis/rounds.h"
#include "app/analysis/spot_plot.h"
#include "app/analysis/sweet_spot.h"
#include "kernels/core/error.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <random>

using namespace sweetspot;

namespace {

/// Of six rounds that alternate with those of all such runs, in which it takes these times.
RunRecord run_of(std::int64_t id, const std::vector<double>& seconds, double bytes) {
    RunRecord run;
    run.id = id;
    run.status = RunStatus::done;
    run.config.noise = 1;
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        run.samples["step_seconds"].push_back({"step_seconds", 0, seconds[i], false, int(i)});
        run.rounds.push_back({int(i), 1e9 + 10.0 * double(i), 1e9 + 10.0 * double(i) + 1});
    }
    run.metrics = {{"tokens_nominal", 1000}, {"peak_bytes", bytes}};
    return run;
}
/// That hardly scatter.
RunRecord quiet(std::int64_t id, double seconds, double bytes) {
    std::vector<double> rounds;
    for (int i = 0; i < 6; ++i) rounds.push_back(seconds * (1 + 0.0005 * (i % 3)));
    return run_of(id, rounds, bytes);
}

RunRecord with(RunRecord run, std::string_view field, std::string_view value) {
    if (!set_field(run.config, field, value)) throw std::runtime_error("no such value");
    return run;
}

const std::vector<std::string> by_time_and_memory{"kilotoken_seconds", "peak_bytes"};

/// naive and flash, f32 and bf16: times that a person can add.
std::vector<RunRecord> grid(double both = 4) {
    const auto point = [](std::int64_t id, const char* attention, const char* precision,
                          double seconds, double bytes) {
        return with(with(quiet(id, seconds, bytes), "attention", attention), "precision",
                    precision);
    };
    return {point(1, "naive", "f32", 10, 1000), point(2, "flash", "f32", 7, 600),
            point(3, "naive", "bf16", 6, 500), point(4, "flash", "bf16", both, 300)};
}

bool mentions(const std::vector<std::string>& sentences, const std::string& text) {
    return std::any_of(sentences.begin(), sentences.end(), [&](const std::string& sentence) {
        return sentence.find(text) != std::string::npos;
    });
}

std::string what_is_wrong_with(std::string_view budget) {
    try {
        read_budget(budget);
    } catch (const Error& e) {
        return e.what();
    }
    return {};
}

} // namespace

class SweetSpotTest : public QObject {
    Q_OBJECT
private slots:
    void energy_is_weighed_as_time_is() {
        const auto& energy = objective_called("energy");
        QCOMPARE(energy.name, std::string_view("step_joules"));
        QCOMPARE(objective_called("energy-per-token").name, std::string_view("kilotoken_joules"));
        auto run = quiet(1, 1, 1000);
        QCOMPARE(why_no_value(run, energy), std::string("has no energy of a step"));
        for (int round = 0; round < 6; ++round)
            run.samples["step_joules"].push_back(
                {"step_joules", 0, 20 + 0.01 * round, false, round});
        for (const char* called : {"energy", "energy-per-token"}) {
            const auto bounded = bounded_value(run, objective_called(called), true);
            QVERIFY(bounded && bounded->low < bounded->value && bounded->value < bounded->high);
            QVERIFY(bounded->high < 1.1 * bounded->value);
        }
        run.samples["disturbance"].push_back({"disturbance", 0, 0.3, false, 2});
        const auto others = bounded_value(run, energy, true); // whose energy nobody knows
        QVERIFY(others && std::isinf(others->high));
    }

    void a_recommendation_stays_while_another_is_better_by_chance_alone() {
        // The second is a little faster, by less than rounds vary.
        const std::vector<RunRecord> runs{run_of(1, {1.0, 1.1, 0.9, 1.05, 0.95, 1.0}, 1000),
                                          run_of(2, {0.99, 1.1, 0.9, 1.04, 0.95, 1.0}, 1000),
                                          quiet(3, 0.5, 1000)};
        const std::vector<std::string> objectives{"step_seconds", "peak_bytes"};
        const auto some = std::span(runs).first(2);
        Recommendation found = recommend(some, weigh(some, objectives), {});
        QCOMPARE(*found.pick, std::size_t(1));
        keep_recommended(found, 0);
        QCOMPARE(*found.pick, std::size_t(0));
        QCOMPARE(found.ties, std::vector<std::size_t>{1});
        // One that is better for certain is taken.
        Recommendation after = recommend(runs, weigh(runs, objectives), {});
        keep_recommended(after, 0);
        QCOMPARE(*after.pick, std::size_t(2));
    }

    void runs_whose_bounds_do_not_meet_differ_by_their_rounds_too() {
        std::mt19937_64 draw(11);
        std::normal_distribution<double> normal;
        int apart = 0;
        for (int pair = 0; pair < 20000; ++pair) {
            const int rounds = 2 + int(draw() % 20);
            const double noise = 0.001 * double(1 + draw() % 40);
            const double change = 0.01 * double(draw() % 200);
            const bool heavy = draw() % 4 == 0;
            RoundRatios ratios{.turn_about = draw() % 2 == 0};
            for (int i = 0; i < rounds; ++i) {
                const double far = heavy && draw() % 8 == 0 ? 30 : 1;
                ratios.a.push_back(noise * far * normal(draw));
                ratios.b.push_back(noise * far * normal(draw) + change);
                if (ratios.turn_about) ratios.turns.push_back(ratios.b.back() - ratios.a.back());
            }
            const auto a = log_bounds(ratios.a, ratios.turn_about, 0.02),
                       b = log_bounds(ratios.b, ratios.turn_about, 0.02);
            if (a.high >= b.low) continue;
            ++apart;
            QCOMPARE(judge_rounds(ratios, 0.02).change, Change::more);
        }
        QVERIFY2(apart > 2000, qPrintable(QString::number(apart)));
    }

    void one_round_bounds_nothing() {
        const auto bounds = log_bounds({1.0}, true, 0.02);
        QVERIFY(std::isinf(bounds.low) && std::isinf(bounds.high));
    }

    void the_fastest_that_fits_is_recommended() {
        const auto runs = grid();
        const auto spots = weigh(runs, by_time_and_memory);
        QCOMPARE(spots.points.size(), std::size_t(4));
        QCOMPARE(spots.points[3].placed.standing, Standing::front);
        for (const std::size_t i : {0, 1, 2})
            QCOMPARE(spots.points[i].placed.standing, Standing::dominated);
        QCOMPARE(recommend(runs, spots, {}).pick, std::optional<std::size_t>(3));
        const std::array only_f32{read_budget("precision=f32")};
        const auto found = recommend(runs, spots, only_f32);
        QCOMPARE(found.pick, std::optional<std::size_t>(1));
        QCOMPARE(found.fits, (std::vector<bool>{true, true, false, false}));
        QVERIFY(found.ties.empty());
    }

    void where_nothing_fits_the_nearest_is_named() {
        const auto runs = grid();
        const auto spots = weigh(runs, by_time_and_memory);
        const std::array budgets{read_budget("memory<=250"), read_budget("time<=5s")};
        const auto found = recommend(runs, spots, budgets);
        QVERIFY(!found.pick);
        QCOMPARE(found.nearest, std::optional<std::size_t>(3));
        QCOMPARE(found.misses.size(), std::size_t(1));
        QCOMPARE(found.misses[0].text, std::string("peak memory is 300 B, 20.0 % over 250 B"));
    }

    void what_scatters_as_much_as_it_differs_is_a_tie() {
        std::vector<RunRecord> runs{run_of(1, {10, 11, 9, 10.5, 9.5, 10}, 100),
                                    run_of(2, {9.8, 10.9, 9.1, 10.6, 9.4, 9.9}, 200),
                                    quiet(3, 30, 50)};
        const auto spots = weigh(runs, by_time_and_memory);
        const auto found = recommend(runs, spots, {});
        QCOMPARE(found.pick, std::optional<std::size_t>(1));
        QCOMPARE(found.ties, (std::vector<std::size_t>{0}));
        QCOMPARE(spots.points[2].placed.standing, Standing::front); // the least memory
        const auto told = explain(runs, spots, found, &runs[2]);
        QVERIFY(told.sentences.front().starts_with("A tie:"));
    }

    void an_a_a_sweep_has_no_winner() {
        std::mt19937_64 draw(3);
        std::normal_distribution<double> normal;
        int won = 0;
        for (int sweep = 0; sweep < 200; ++sweep) {
            std::vector<RunRecord> runs;
            for (int i = 0; i < 5; ++i) {
                std::vector<double> seconds(6);
                for (double& s : seconds) s = 0.01 * (1 + 0.03 * normal(draw));
                runs.push_back(run_of(i + 1, seconds, 100));
            }
            const auto spots = weigh(runs, by_time_and_memory);
            won += recommend(runs, spots, {}).ties.size() < 4;
            for (const auto& spot : spots.points)
                QVERIFY(spot.placed.standing != Standing::dominated);
        }
        QVERIFY2(won <= 1, qPrintable(QString::number(won)));
    }

    void shares_of_what_was_saved_add_up() {
        const auto runs = grid();
        const auto why = reasons(runs, runs[0], runs[3], *find_metric("peak_bytes"));
        QVERIFY(why.whole && why.missing.empty());
        QCOMPARE(why.saved, 700.0);
        QCOMPARE(why.shares.size(), std::size_t(2));
        QCOMPARE(why.shares[0].field, std::string("attention"));
        QCOMPARE(*why.shares[0].first, 400.0);
        QCOMPARE(*why.shares[0].last, 200.0);
        QVERIFY(std::abs(*why.shares[0].saved - 300) < 1e-9);
        QVERIFY(std::abs(*why.shares[1].saved - 400) < 1e-9);
        QVERIFY(std::abs(why.unshared) < 1e-9);
        QCOMPARE(why.shares[0].verdict, Verdict::better);
        QCOMPARE(why.interactions.size(), std::size_t(1));
        QVERIFY(why.interactions[0].told);
        QVERIFY(mentions(sentences_of(why), "attention and precision together saved 700 B, less "
                                            "than the sum of 900 B."));
    }

    void what_two_fields_cost_together_is_said_as_cost() {
        const auto runs = grid();
        const auto sentences =
            sentences_of(reasons(runs, runs[3], runs[0], *find_metric("peak_bytes")));
        QVERIFY(mentions(sentences, "attention flash → naive cost 300 B."));
        QVERIFY(mentions(sentences, "attention and precision together cost 700 B, more than the "
                                    "sum of 500 B."));
    }

    void a_drawing_tells_what_is_taken_and_what_is_over() {
        const auto runs = grid();
        const auto spots = weigh(runs, by_time_and_memory);
        const std::array budgets{read_budget("memory<=550"), read_budget("batch>=1")};
        const auto plot = spot_plot(runs, spots, recommend(runs, spots, budgets), budgets);
        QCOMPARE(plot.facets.size(), std::size_t(1));
        const auto& facet = plot.facets.front();
        std::map<std::string, std::vector<std::int64_t>> ids;
        for (const auto& series : facet.series) ids[series.name] = series.ids;
        QCOMPARE(ids["taken"], (std::vector<std::int64_t>{4}));
        QCOMPARE(ids["dominated"], (std::vector<std::int64_t>{3}));
        QCOMPARE(ids["over a budget"], (std::vector<std::int64_t>{2, 1}));
        QCOMPARE(facet.limits.size(), std::size_t(1));
        QVERIFY(facet.limits[0].side == PlotSide::x && facet.limits[0].movable);
        QVERIFY(values_of_x(plot.facets).empty()); // ticks are round numbers
        const std::vector<std::string> one{"peak_bytes"};
        QVERIFY(spot_plot(runs, weigh(runs, one), {}, {}).facets.empty());
    }

    void an_interaction_of_times_is_told_only_beyond_the_noise() {
        const auto metric = *find_metric("step_seconds");
        auto runs = grid(4);
        auto why = reasons(runs, runs[0], runs[3], metric);
        QVERIFY(why.interactions.size() == 1 && why.interactions[0].told);
        runs = grid(3.001); // 10 - 3 - 4 = 3: what is left is the scatter
        for (std::size_t i = 0; i < 6; ++i)
            runs[3].samples["step_seconds"][i].value += i % 2 ? 0.01 : -0.01;
        why = reasons(runs, runs[0], runs[3], metric);
        QVERIFY(why.interactions.empty() || !why.interactions[0].told);
    }

    void what_was_not_measured_is_said_and_given() {
        auto runs = grid();
        runs.erase(runs.begin() + 1); // flash with f32
        const auto why = reasons(runs, runs[0], runs[2], *find_metric("peak_bytes"));
        QVERIFY(!why.whole);
        QCOMPARE(why.missing.size(), std::size_t(1));
        QCOMPARE(why.missing[0].attention, AttentionVariant::flash);
        QCOMPARE(why.missing[0].precision, Precision::f32);
        QVERIFY(mentions(sentences_of(why), "1 point between the two was not measured"));
        double sum = why.unshared;
        for (const auto& share : why.shares) sum += share.saved.value_or(0);
        QCOMPARE(sum, why.saved);
    }

    void shares_of_random_cubes_add_up() {
        std::mt19937_64 draw(5);
        for (int round = 0; round < 50; ++round) {
            std::vector<RunRecord> runs;
            for (unsigned corner = 0; corner < 16; ++corner) {
                auto run = quiet(corner + 1, 1, double(draw() % 100000));
                run.config.attention =
                    corner & 1 ? AttentionVariant::flash : AttentionVariant::naive;
                run.config.precision = corner & 2 ? Precision::bf16 : Precision::f32;
                run.config.batch = corner & 4 ? 8 : 1;
                run.config.sequence = corner & 8 ? 512 : 128;
                runs.push_back(run);
            }
            const auto why = reasons(runs, runs[0], runs[15], *find_metric("peak_bytes"));
            QVERIFY(why.whole);
            double sum = 0;
            for (const auto& share : why.shares) sum += *share.saved;
            QVERIFY(std::abs(sum - why.saved) < 1e-6);
        }
    }

    void how_a_run_was_measured_is_no_reason() {
        auto runs = grid();
        runs[0].config.repeats = 99;
        const auto why = reasons(runs, runs[0], runs[3], *find_metric("peak_bytes"));
        QCOMPARE(why.shares.size(), std::size_t(2));
        QVERIFY(why.whole);
    }

    void runs_that_cannot_be_weighed_are_left_out_with_a_reason() {
        auto runs = grid();
        runs[0].status = RunStatus::failed;
        runs[0].failure = Failure::out_of_memory;
        runs[1].metrics["peak_bytes"] = std::nan("");
        runs[2].metrics.erase("peak_bytes");
        const auto spots = weigh(runs, by_time_and_memory);
        QCOMPARE(spots.points.size(), std::size_t(1));
        QCOMPARE(spots.left_out.size(), std::size_t(3));
        QCOMPARE(spots.left_out[0].why, std::string("failed: out of memory"));
        QCOMPARE(spots.left_out[1].why, std::string("has a peak memory that is not a number"));
        QCOMPARE(spots.left_out[2].why, std::string("has no peak memory"));
        QVERIFY(!recommend({}, weigh({}, by_time_and_memory), {}).pick);
    }

    void random_weights_have_no_quality() {
        auto runs = grid();
        for (auto& run : runs) run.metrics["loss_nats"] = 2;
        for (auto& run : runs) run.weights = WeightsUsed{.loaded = true};
        runs[0].weights->loaded = false;
        runs[1].metrics["scored_tokens"] = 7; // the others scored 0, so to speak
        const std::vector<std::string> objectives{"perplexity"};
        const auto spots = weigh(runs, objectives);
        QCOMPARE(spots.points.size(), std::size_t(2));
        QVERIFY(spots.left_out[0].why.starts_with("has random weights"));
        QVERIFY(spots.left_out[1].why.starts_with("scored other tokens"));
        // Where runs say what they scored, that tells, not how much.
        runs[1].metrics.erase("scored_tokens");
        for (auto& run : runs) run.scored = Scored{.tokens_sha256 = "these"};
        QCOMPARE(weigh(runs, objectives).points.size(), std::size_t(3));
        runs[2].scored->tokens_sha256 = "those";
        QCOMPARE(weigh(runs, objectives).points.size(), std::size_t(2));
    }

    void a_quality_loss_is_against_the_baseline() {
        auto runs = grid();
        const double losses[] = {2.0, 2.0, 2.005, 2.02};
        for (std::size_t i = 0; i < 4; ++i) {
            runs[i].metrics["loss_nats"] = losses[i];
            runs[i].weights = WeightsUsed{.loaded = true};
        }
        const auto spots = weigh(runs, by_time_and_memory);
        const std::array budgets{read_budget("quality-loss<=1%")};
        QCOMPARE(recommend(runs, spots, budgets, &runs[0]).pick, std::optional<std::size_t>(2));
        const auto reference = quality_reference(runs, &runs[0]);
        QCOMPARE(reference.run_id, std::int64_t(1));
        QCOMPARE(excess_text(budgets[0], runs[3], reference),
                 std::string("quality loss is 2.02 %, over 1.00 %"));
    }

    void other_machines_and_one_round_are_said() {
        auto runs = grid();
        runs[0].environment["host"] = "a";
        runs[1].environment["host"] = "b";
        runs[2].rounds.resize(1);
        runs[2].samples["step_seconds"].resize(1);
        const auto notes = weigh(runs, by_time_and_memory).notes;
        QVERIFY(mentions(notes, "3 machines"));
        QVERIFY(mentions(notes, "Of 1 run with one round"));
    }

    void budgets_are_read_as_people_write_them() {
        QCOMPARE(read_budget("memory<=24GiB").value, 24 * 0x1p30);
        QCOMPARE(read_budget("peak_bytes < 24GB").value, 24e9);
        QCOMPARE(read_budget("time-per-token 20ms").name, std::string("kilotoken_seconds"));
        QCOMPARE(read_budget("throughput 1k").side, Budget::Side::at_least);
        QCOMPARE(read_budget("quality-loss<=1%").value, 0.01);
        QCOMPARE(read_budget("batch>=8").side, Budget::Side::at_least);
        QCOMPARE(read_budget("precision=bf16").text, std::string("bf16"));
        QCOMPARE(to_text(read_budget("memory<=24GiB")), std::string("peak memory ≤ 24.0 GiB"));
        QCOMPARE(to_text(read_budget("batch>=8")), std::string("batch ≥ 8"));
        QVERIFY(what_is_wrong_with("memori<=24GiB").find("memory") != std::string::npos);
        QVERIFY(what_is_wrong_with("memory<=much").find("24GiB") != std::string::npos);
        QVERIFY(what_is_wrong_with("precision<=bf16").find("word") != std::string::npos);
        QVERIFY(what_is_wrong_with("precision=bf61").find("bf16") != std::string::npos);
        QVERIFY(!what_is_wrong_with("24GiB").empty());
    }
};

SWEETSPOT_TEST(SweetSpotTest)
#include "sweet_spot_test.moc"
