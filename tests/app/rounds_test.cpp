#include "app/analysis/compare.h"
#include "app/analysis/rounds.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <random>

using namespace sweetspot;

namespace {

/// A machine on which the same work takes other times: it drifts, it walks at random, it is in one
/// of two states, which it changes as it likes, every process is a little different, every step
/// too.
struct Machine {
    double drift = 0;         ///< ln of the time, more for each measurement
    double walk = 0;          ///< deviation of a random step, likewise
    double state = 0;         ///< ln of the slow state over the fast one
    double flip = 0;          ///< probability that a measurement finds the state changed
    double process_noise = 0; ///< deviation of ln of the time between processes
    double step_noise = 0;    ///< and between steps of one process
    std::mt19937_64 draw{1};
    double now = 0;
    bool slow = false;
    double clock = 1e9;

    double uniform() { return std::uniform_real_distribution<double>()(draw); }
    double normal() { return std::normal_distribution<double>()(draw); }

    /// Adds a finished round of `seconds` a step to a run.
    void measure(RunRecord& run, double seconds) {
        now += drift + walk * normal();
        if (uniform() < flip) slow = !slow;
        const double level = now + (slow ? state : 0) + process_noise * normal();
        const int round = int(run.rounds.size());
        for (int i = 0; i < 4; ++i)
            run.samples["step_seconds"].push_back(
                {"step_seconds", i, seconds * std::exp(level + step_noise * normal()), false,
                 round});
        run.rounds.push_back({round, clock, clock + 1});
        clock += 2;
    }
};

RunRecord empty_run() {
    RunRecord run;
    run.status = RunStatus::done;
    run.config.noise = 0.2; // so that it is the verdict that is looked at and not the flag
    run.metrics["tokens_nominal"] = 1024;
    return run;
}

using Pair = std::pair<RunRecord, RunRecord>;

/// Rounds of both in an order that is drawn, and that the next round turns round.
Pair turn_about(Machine& machine, int rounds, double seconds_b = 1) {
    Pair pair{empty_run(), empty_run()};
    bool a_first = true;
    for (int round = 0; round < rounds; ++round) {
        a_first = round % 2 ? !a_first : machine.uniform() < 0.5;
        if (a_first) machine.measure(pair.first, 1);
        machine.measure(pair.second, seconds_b);
        if (!a_first) machine.measure(pair.first, 1);
    }
    return pair;
}

Pair one_after_the_other(Machine& machine, int rounds, double seconds_b = 1) {
    Pair pair{empty_run(), empty_run()};
    for (int round = 0; round < rounds; ++round) machine.measure(pair.first, 1);
    for (int round = 0; round < rounds; ++round) machine.measure(pair.second, seconds_b);
    return pair;
}

MetricComparison compared(const Pair& pair, const std::string& name) {
    for (auto& m : compare(pair.first, pair.second).metrics)
        if (m.metric == name) return m;
    throw std::runtime_error("no metric " + name);
}

bool told(Verdict verdict) {
    return verdict == Verdict::better || verdict == Verdict::worse;
}

/// Of a thousand pairs in which B takes longer by a share, those of which that is said.
int found_of_thousand(Machine machine, int rounds, double share) {
    int found = 0;
    for (int i = 0; i < 1000; ++i)
        found += compared(turn_about(machine, rounds, 1 + share), "step_seconds").verdict ==
                 Verdict::worse;
    return found;
}

RoundRatios turns_of(std::vector<double> logs) {
    return {.turns = logs, .a = std::vector<double>(logs.size(), 0), .b = logs, .turn_about = true};
}

} // namespace

class RoundsTest : public QObject {
    Q_OBJECT
private slots:
    void student_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 26.10, which has three decimals of t.
        const std::tuple<int, double, double> table[] = {
            {1, 12.706, 0.95},  {2, 4.303, 0.95},   {5, 2.571, 0.95},  {10, 2.228, 0.95},
            {1, 636.62, 0.999}, {2, 31.598, 0.999}, {5, 6.869, 0.999}, {11, 4.437, 0.999}};
        for (const auto& [freedom, t, within] : table)
            QVERIFY2(std::abs(student_within(t, freedom) - within) < 5e-5,
                     qPrintable(QString("%1: %2").arg(freedom).arg(student_within(t, freedom))));
    }

    /// The promise of `compare`, on machines far worse than independent noise.
    void of_ten_thousand_a_a_pairs_fewer_than_one_in_a_thousand_says_better_or_worse() {
        std::mt19937_64 draw(7);
        const auto between = [&](double low, double high) {
            return std::uniform_real_distribution<double>(low, high)(draw);
        };
        const std::array counts{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 20};
        int wrong = 0, same = 0;
        for (int i = 0; i < 10'000; ++i) {
            Machine machine{.drift = i % 3 ? 0 : between(-0.01, 0.01),
                            .walk = i % 4 ? 0 : between(0, 0.02),
                            .state = i % 5 ? std::log(between(1, 1.95)) : 0,
                            .flip = i % 2 ? 0.5 : between(0, 1), // tossed, or with a memory
                            .process_noise = i % 7 < 3 ? between(0, 0.05) : between(0, 0.005),
                            .step_noise = between(0, 0.02),
                            .draw = std::mt19937_64(std::uint64_t(i))};
            const int rounds = counts[std::size_t(i) % counts.size()];
            const auto pair =
                i % 11 ? turn_about(machine, rounds) : one_after_the_other(machine, rounds);
            const auto time = compared(pair, "step_seconds").verdict,
                       rate = compared(pair, "tokens_per_second").verdict;
            QCOMPARE(rate, time); // the one is made of the other
            wrong += told(time);
            same += time == Verdict::same;
        }
        QVERIFY2(wrong <= 10, qPrintable(QString::number(wrong)));
        QVERIFY2(same > 500, qPrintable(QString::number(same))); // it does say something
    }

    void two_states_tossed_for_each_process_do_not_fool_few_rounds() {
        for (const int rounds : {3, 6, 9, 11}) {
            int wrong = 0;
            for (int i = 0; i < 5'000; ++i) {
                Machine machine{.state = std::log(1.3),
                                .flip = 0.5,
                                .process_noise = 0.002,
                                .step_noise = 0.001,
                                .draw = std::mt19937_64(std::uint64_t(i))};
                wrong += told(compared(turn_about(machine, rounds), "step_seconds").verdict);
            }
            QVERIFY2(wrong <= 5, qPrintable(QString("%1 rounds: %2").arg(rounds).arg(wrong)));
        }
    }

    void a_twentieth_is_found_with_eight_rounds_on_a_quiet_machine_and_sixteen_on_a_noisy_one() {
        const Machine quiet{
            .drift = 0.001, .walk = 0.002, .process_noise = 0.004, .step_noise = 0.003};
        const Machine noisy{
            .drift = 0.002, .walk = 0.005, .process_noise = 0.015, .step_noise = 0.005};
        QVERIFY(found_of_thousand(quiet, 8, 0.05) >= 990);
        QVERIFY(found_of_thousand(noisy, 16, 0.05) >= 500);
    }

    void a_factor_that_no_state_explains_is_found_with_two_rounds() {
        Machine machine{.process_noise = 0.005, .step_noise = 0.005};
        QCOMPARE(compared(turn_about(machine, 3, 3), "step_seconds").verdict, Verdict::worse);
        QCOMPARE(compared(one_after_the_other(machine, 3, 3), "step_seconds").verdict,
                 Verdict::worse);
        QCOMPARE(compared(turn_about(machine, 3, 1.5), "step_seconds").verdict, Verdict::undecided);
    }

    void one_round_decides_nothing_and_says_how_many_would() {
        Machine machine;
        const auto m = compared(turn_about(machine, 1, 5), "step_seconds");
        QCOMPARE(m.verdict, Verdict::undecided);
        QCOMPARE(m.needs, std::string("5 more rounds (--rounds 6), at least"));
        QCOMPARE(m.ratio, 5.0);
    }

    void what_would_decide_does() {
        const std::vector<double> three{0.050, 0.052, 0.048};
        const auto finding = judge_rounds(turns_of(three), 0.02);
        QCOMPARE(finding.change, Change::undecided);
        QCOMPARE(finding.more_rounds, 3);
        auto six = three;
        six.insert(six.end(), three.begin(), three.end());
        QCOMPARE(judge_rounds(turns_of(six), 0.02).change, Change::more);
    }

    void a_change_at_the_tolerance_is_not_promised_a_number_of_rounds() {
        const double edge = std::log(1.02);
        const auto finding = judge_rounds(turns_of({edge - 0.01, edge + 0.01, edge}), 0.02);
        QCOMPARE(finding.change, Change::undecided);
        QCOMPARE(finding.more_rounds, 0);
    }

    void runs_one_after_the_other_are_told_to_be_measured_turn_about() {
        Machine machine{.process_noise = 0.001};
        const auto m = compared(one_after_the_other(machine, 12, 1.2), "step_seconds");
        QCOMPARE(m.verdict, Verdict::undecided);
        QVERIFY2(m.needs.find("--interleave") != m.needs.npos, m.needs.c_str());
    }

    void a_run_that_was_reused_stands_in_for_no_round() {
        Machine machine;
        auto pair = turn_about(machine, 8, 1.2);
        QCOMPARE(compared(pair, "step_seconds").verdict, Verdict::worse);
        for (auto& round : pair.first.rounds) { // the same numbers, of a day before
            round.started_unix_seconds -= 86400;
            round.ended_unix_seconds -= 86400;
        }
        QCOMPARE(compared(pair, "step_seconds").verdict, Verdict::undecided);
    }

    void a_round_that_did_not_end_does_not_count() {
        Machine machine;
        auto pair = turn_about(machine, 6, 1.2);
        QCOMPARE(compared(pair, "step_seconds").verdict, Verdict::worse);
        pair.second.rounds.pop_back();
        QCOMPARE(round_values(pair.second, "step_seconds").size(), std::size_t(5));
        QCOMPARE(samples_of(pair.second, "step_seconds").size(), std::size_t(20));
        QCOMPARE(compared(pair, "step_seconds").verdict, Verdict::undecided);
    }

    void a_flag_forbids_a_verdict() {
        Machine machine{.step_noise = 0.001};
        for (const bool disturb : {false, true}) {
            auto pair = turn_about(machine, 8, 4);
            if (disturb) pair.second.samples["disturbance"] = {{"disturbance", 0, 0.4, false, 3}};
            const auto m = compared(pair, "step_seconds");
            QCOMPARE(m.verdict, disturb ? Verdict::undecided : Verdict::worse);
            QCOMPARE(m.needs.find("disturbed") != m.needs.npos, disturb);
            pair.first.config.noise = 1e-9;
            QCOMPARE(compared(pair, "step_seconds").verdict, Verdict::undecided);
        }
    }

    void the_value_of_a_run_is_the_geometric_mean_of_its_rounds_medians() {
        RunRecord run = empty_run();
        for (int round = 0; round < 2; ++round) {
            for (int i = 0; i < (round ? 1 : 9); ++i)
                run.samples["step_seconds"].push_back(
                    {"step_seconds", i, round ? 4.0 : 1.0, false, round});
            run.rounds.push_back({round, 1, 2});
        }
        QCOMPARE(*value_of(run, "step_seconds"), 2.0);
        QCOMPARE(summarize(run, "step_seconds")->median, 2.0);
        QCOMPARE(*value_of(run, "tokens_per_second"), 512.0);
    }
};

SWEETSPOT_TEST(RoundsTest)
#include "rounds_test.moc"
