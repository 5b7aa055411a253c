#include "app/analysis/explain.h"
#include "app/analysis/pair_words.h"
#include "app/analysis/rounds.h"
#include "tests/suite.h"
#include <QtTest>
#include <map>
#include <numeric>
#include <random>

using namespace sweetspot;

namespace {

RunRecord run_with(double seconds, std::vector<RegionSum> regions) {
    RunRecord run;
    run.status = RunStatus::done;
    for (int i = 0; i < 20; ++i) // nine of ten keep within 1 %
        run.samples["step_seconds"].push_back(
            {"step_seconds", i, seconds * (1 + 0.001 * (i - 9.5)), false});
    run.metrics["flops"] = 100;
    run.metrics["bytes_moved"] = 1000;
    run.regions = std::move(regions);
    return run;
}

/// A model of random parts; paths from few names, so that two of them share some.
RunRecord random_run(std::mt19937_64& draw) {
    std::uniform_real_distribution<double> seconds(0, 1e-3);
    std::vector<RegionSum> regions;
    const std::array parts{"embedding", "layer 0", "layer 1", "head", "upload"};
    const std::array ops{"norm", "matmul", "attention", "fused"};
    for (const auto* part : parts) {
        if (draw() % 4 == 0) continue;
        RegionSum outer{part, 1, 0, seconds(draw), double(draw() % 1000), double(draw() % 1000)};
        regions.push_back(outer);
        for (const auto* op : ops)
            if (draw() % 2)
                regions.push_back({std::string(part) + "/" + op, int(1 + draw() % 3), 0,
                                   seconds(draw) / 4, double(draw() % 100), double(draw() % 100)});
    }
    if (regions.empty()) regions.push_back({"head", 1, 0, seconds(draw), 1, 1});
    auto run = run_with(seconds(draw) + 1e-5, std::move(regions));
    if (draw() % 3 == 0) run.metrics["device_seconds"] = seconds(draw);
    double peak = double(draw() % 100);
    for (std::size_t p = 0; p < purpose_count; ++p)
        if (draw() % 2) {
            const double bytes = double(draw() % 100000);
            run.metrics[peak_metric(Purpose(p))] = bytes;
            peak += bytes;
        }
    run.metrics["peak_bytes"] = peak;
    return run;
}

std::int64_t sum_of(const Waterfall& fall) {
    return std::accumulate(fall.bars.begin(), fall.bars.end(), std::int64_t(0),
                           [](std::int64_t sum, const Bar& bar) { return sum + bar.change(); });
}

const Bar& named(const Waterfall& fall, const std::string& name) {
    for (const auto& bar : fall.bars)
        if (bar.name == name) return bar;
    throw std::runtime_error("no bar " + name);
}

RunRecord fused() {
    return run_with(1.0, {{"layer 0", 1, 0, 0.5, 60, 600},
                          {"layer 0/norm_matmul", 1, 0, 0.4, 60, 600},
                          {"head", 1, 0, 0.3, 40, 400}});
}
RunRecord plain() {
    return run_with(1.5, {{"layer 0", 1, 0, 0.9, 60, 600},
                          {"layer 0/norm", 1, 0, 0.3, 10, 300},
                          {"layer 0/matmul", 1, 0, 0.5, 50, 300},
                          {"head", 1, 0, 0.301, 40, 400}});
}

/// Six rounds turn about, `ratio` times as long as others.
RunRecord in_rounds(double ratio, std::uint64_t seed, int rounds = 6, double noise = 0.002) {
    std::mt19937_64 draw(seed);
    std::normal_distribution<double> normal;
    RunRecord run;
    run.status = RunStatus::done;
    run.config.noise = 1;
    for (int i = 0; i < rounds; ++i) {
        run.samples["step_seconds"].push_back(
            {"step_seconds", 0, ratio * (1 + noise * normal(draw)), false, i});
        run.rounds.push_back({i, 1e9 + 10.0 * i, 1e9 + 10.0 * i + 1});
    }
    return run;
}

} // namespace

class WaterfallTest : public QObject {
    Q_OBJECT
private slots:
    void bars_add_up_to_the_difference_exactly() {
        std::mt19937_64 draw(17);
        for (int pair = 0; pair < 10'000; ++pair) {
            const auto a = random_run(draw), b = random_run(draw);
            for (std::size_t q = 0; q < names_of(Quantity{}).size(); ++q)
                for (const By by : {By::phase, By::region, By::op, By::layer}) {
                    const auto fall = waterfall(a, b, Quantity(q), by);
                    QVERIFY2(fall.problem.empty(), fall.problem.c_str());
                    QCOMPARE(sum_of(fall), fall.b - fall.a);
                }
        }
    }

    void a_bar_is_what_a_part_has_of_its_own() {
        const auto fall = waterfall(fused(), plain(), Quantity::time, By::op);
        QCOMPARE(fall.b - fall.a, std::int64_t(500'000'000));
        QCOMPARE(named(fall, "norm_matmul").in, Presence::only_a);
        QCOMPARE(named(fall, "norm_matmul").change(), std::int64_t(-400'000'000));
        QCOMPARE(named(fall, "norm").in, Presence::only_b);
        QCOMPARE(named(fall, "between ops").change(), std::int64_t(0)); // 0.1 s in both
        QCOMPARE(named(fall, "outside the trace").a, std::int64_t(200'000'000));
        QVERIFY(named(fall, "head").inside_noise());
        QVERIFY(!named(fall, "norm").inside_noise());
        const auto layers = waterfall(fused(), plain(), Quantity::time, By::layer);
        QCOMPARE(named(layers, "layer 0").change(), std::int64_t(400'000'000));
        const auto work = waterfall(fused(), plain(), Quantity::work, By::phase);
        QCOMPARE(named(work, "layers").change(), std::int64_t(0));
        QCOMPARE(named(work, "layers").noise, std::int64_t(0));
    }

    void with_few_samples_every_time_is_inside_the_noise() {
        auto a = fused(), b = plain();
        for (auto* run : {&a, &b}) run->samples["step_seconds"].resize(2);
        const auto fall = waterfall(a, b, Quantity::time, By::phase);
        for (const auto& bar : fall.bars) QVERIFY2(bar.inside_noise(), bar.name.c_str());
    }

    void what_lacks_a_trace_or_a_number_is_a_sentence() {
        auto a = fused(), b = plain();
        b.id = 7;
        b.regions.clear();
        QCOMPARE(waterfall(a, b, Quantity::time, By::op).problem,
                 std::string("Run 7 has no trace: measure it with --trace."));
        QCOMPARE(waterfall(a, b, Quantity::memory, By::op).problem,
                 std::string("Run 0 has no peak memory."));
        a.metrics["peak_bytes"] = std::nan("");
        QVERIFY(!waterfall(a, b, Quantity::memory, By::op).problem.empty());
    }

    void regions_are_aligned_by_their_place_in_the_model() {
        const auto a = fused(), b = plain();
        const auto rows = aligned(a, b);
        std::vector<std::string> said;
        for (const auto& row : rows)
            said.push_back(row.path + (row.in == Presence::only_a   ? " A"
                                       : row.in == Presence::only_b ? " B"
                                       : row.changed                ? " changed"
                                                                    : ""));
        QCOMPARE(said, (std::vector<std::string>{"layer 0", "layer 0/norm B", "layer 0/matmul B",
                                                 "layer 0/norm_matmul A", "head"}));
        QCOMPARE(rows[1].depth, 1);
    }

    void what_occurs_several_times_is_aligned_by_occurrence() {
        RunRecord a, b;
        for (RunRecord* run : {&a, &b}) {
            run->metrics["step_seconds"] = 1;
            run->regions = {{"layer 0", 1, 0, 0.9, 70, 700},
                            {"layer 0/attention", 1, 0, 0.8, 60, 600},
                            {"layer 0/attention/matmul", 2, 0, 0.7, 50, 500}};
            run->occurrences = {{"layer 0/attention/matmul", 0, 1, 0.4, 30, 300},
                                {"layer 0/attention/matmul", 1, 1, 0.3, 20, 200}};
        }
        b.occurrences[1].bytes = 250; // the second product alone is another one
        b.regions[2].bytes = 550;
        const auto said = [&] {
            std::vector<std::string> lines;
            for (const auto& row : aligned(a, b))
                if (row.depth > 1)
                    lines.push_back(row.path.substr(18) + (row.in == Presence::only_a   ? " A"
                                                           : row.in == Presence::only_b ? " B"
                                                           : row.changed                ? " changed"
                                                                                        : ""));
            return lines;
        };
        QCOMPARE(said(),
                 (std::vector<std::string>{"matmul changed", "matmul #1", "matmul #2 changed"}));
        QCOMPARE(aligned(a, b).back().depth, 3);
        QCOMPARE(aligned(a, b).back().b->bytes, 250.0);
        const auto fall = waterfall(a, b, Quantity::time, By::region); // counts nothing twice
        std::int64_t sum = 0;
        for (const auto& bar : fall.bars) sum += bar.change();
        QCOMPARE(sum, fall.b - fall.a);
        b.occurrences = {{"layer 0/elsewhere", 0, 1, 0.1, 1, 1}}; // one product is left
        b.regions[2].calls = 1;
        QCOMPARE(said(),
                 (std::vector<std::string>{"matmul changed", "matmul #1 changed", "matmul #2 A"}));
        b.occurrences.clear(); // measured before they were told apart
        QCOMPARE(said(), std::vector<std::string>{"matmul changed"});
    }

    void bars_by_region_are_the_aligned_rows_without_number() {
        auto a = fused(), b = plain();
        b.occurrences = {{"layer 0/matmul", 0, 1, 0.3, 30, 200},
                         {"layer 0/matmul", 1, 1, 0.2, 20, 100}};
        a.occurrences = {{"layer 0/elsewhere", 0, 1, 0.1, 1, 1}};
        const auto fall = waterfall(a, b, Quantity::work, By::region);
        std::map<std::string, double> sums; // of occurrences, by path
        for (const auto& row : aligned(a, b)) {
            if (const auto at = row.path.find(" #"); at != row.path.npos) {
                sums[row.path.substr(0, at)] += row.b ? row.b->flops : 0;
                continue;
            }
            if (row.path == "layer 0") continue; // others are inside it
            const Bar& bar = named(fall, row.path);
            QCOMPARE(bar.a, row.a ? std::int64_t(row.a->flops) : 0);
            QCOMPARE(bar.b, row.b ? std::int64_t(row.b->flops) : 0);
        }
        QCOMPARE(sums, (std::map<std::string, double>{{"layer 0/matmul", 50}}));
    }

    void explanations_hold_facts_of_the_records_alone() {
        auto a = fused(), b = plain();
        QVERIFY(explain_difference(RunRecord{}, RunRecord{}).empty());
        b.metrics["flops"] = 150;
        b.environment["threads"] = "1";
        a.environment["threads"] = "2";
        const auto said = explain_difference(a, b);
        QCOMPARE(said.front(), std::string("B does 150 FLOP a step instead of 100 FLOP, 1.50 "
                                           "times."));
        QCOMPARE(said.back(), std::string("threads is 2 for A and 1 for B."));
        QVERIFY(std::any_of(said.begin(), said.end(), [](const std::string& sentence) {
            return sentence.find("+400 ms is \"layers\"") != std::string::npos;
        }));
    }

    void sweeps_are_matched_point_by_point() {
        std::vector<RunRecord> a, b;
        for (const int batch : {1, 2, 4}) {
            a.push_back(in_rounds(1, std::uint64_t(batch)));
            a.back().config.batch = batch;
            b.push_back(in_rounds(1.5, std::uint64_t(batch) + 10));
            b.back().config.batch = batch * 2;
            b.back().config.attention = AttentionVariant::naive;
        }
        const auto found = match(a, b);
        QCOMPARE(found.changed, (std::vector<std::string>{"attention"}));
        QCOMPARE(found.pairs.size(), std::size_t(2));
        QCOMPARE(found.only_a, 1);
        QCOMPARE(found.only_b, 1);
        QCOMPARE(found.pairs[0].a->config.batch, 2);
        QCOMPARE(found.pairs[0].b->config.batch, 2);
        const auto said = summaries_of(found);
        QCOMPARE(said.size(), std::size_t(1));
        QVERIFY2(said[0].starts_with("Step time over 2 pairs: × 1.50 in the geometric mean (") &&
                     said[0].find("2 slower") != std::string::npos,
                 said[0].c_str());
    }

    void groups_without_common_points_are_a_sentence() {
        std::vector<RunRecord> a(2, in_rounds(1, 1)), b(2, in_rounds(1, 2));
        a[1].config.batch = 2;
        b[0].config.batch = 3;
        b[1].config.batch = 4;
        const auto found = match(a, b);
        QVERIFY(found.pairs.empty());
        QVERIFY2(found.problem.find("no points in common (batch)") != std::string::npos,
                 found.problem.c_str());
        b[0].status = b[1].status = RunStatus::failed;
        QCOMPARE(match(a, b).problem, std::string("No run of B is done."));
        QVERIFY(!match({}, b).problem.empty());
    }

    void of_many_verdicts_those_that_chance_would_give_are_taken_back() {
        std::vector<RunRecord> a, b;
        constexpr int points = 400;
        for (int i = 0; i < points; ++i) {
            // Every hundredth is slower beyond doubt; the others scatter about a bare change.
            a.push_back(in_rounds(1, 2 * std::uint64_t(i), 6, i % 100 ? 0.01 : 0.0005));
            b.push_back(in_rounds(i % 100 ? 1.06 : 1.5, 2 * std::uint64_t(i) + 1, 6,
                                  i % 100 ? 0.01 : 0.0005));
            a.back().config.seed = b.back().config.seed = i;
        }
        const auto found = match(a, b);
        QCOMPARE(found.pairs.size(), std::size_t(points));
        QCOMPARE(found.judged, points);
        QVERIFY(found.doubted > 0);
        int worse = 0;
        for (const auto& pair : found.pairs) {
            const auto& m = pair.comparison.metrics.front();
            QCOMPARE(m.metric, std::string("step_seconds"));
            worse += m.verdict == Verdict::worse;
            if (m.verdict == Verdict::worse) QVERIFY(*m.chance <= family_error / 100);
            if (pair.a->config.seed % 100 == 0) QCOMPARE(m.verdict, Verdict::worse);
        }
        QVERIFY(worse >= 4);
    }

    void one_pair_is_judged_as_before() {
        const std::vector<RunRecord> a{in_rounds(1, 1)}, b{in_rounds(1.5, 2)};
        const auto found = match(a, b);
        QCOMPARE(found.doubted, 0);
        QCOMPARE(found.pairs[0].comparison.metrics.front().verdict, Verdict::worse);
    }
};

SWEETSPOT_TEST(WaterfallTest)
#include "waterfall_test.moc"
