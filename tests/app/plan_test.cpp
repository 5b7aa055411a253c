#include "app/experiment/key.h"
#include "app/experiment/notes.h"
#include "app/experiment/plan.h"
#include "kernels/core/error.h"
#include "tests/suite.h"
#include <QElapsedTimer>
#include <QTest>
#include <set>

using namespace sweetspot;

namespace {

/// The runs as "batch/sequence" words, in order.
QString words(const std::vector<PlannedRun>& runs) {
    QStringList all;
    for (const auto& run : runs)
        all << QString("%1/%2").arg(run.config.batch).arg(run.config.sequence);
    return all.join(' ');
}

} // namespace

class PlanTest : public QObject {
    Q_OBJECT

private slots:
    void two_axes_make_a_grid_the_last_varying_fastest() {
        const Spec spec{.axes = {{"batch", {"1", "2"}}, {"sequence", {"64", "128", "256"}}}};
        QCOMPARE(words(plan(spec)), "1/64 1/128 1/256 2/64 2/128 2/256");
    }

    void zipped_axes_go_in_step() {
        const Spec spec{.axes = {{"batch", {"1", "2"}}, {"sequence", {"64", "128"}}}, .zip = true};
        QCOMPARE(words(plan(spec)), "1/64 2/128");
    }

    void points_that_write_into_one_folder_get_one_each_in_it() {
        Spec spec{.axes = {{"learning_rate", {"0.01", "0.001"}}, {"lora_rank", {"0", "8"}}}};
        spec.base.task = Task::train;
        spec.base.save = "out", spec.base.checkpoint = "kept";
        std::set<std::string> hashes;
        QStringList saved;
        for (const auto& run : plan(spec)) {
            QCOMPARE(run.hash, hash_of(run.config));
            hashes.insert(run.hash);
            QCOMPARE(run.config.save, std::string("out")); // what it is known by
            saved << QString::fromStdString(run.own_save);
            QCOMPARE(run.own_checkpoint, "kept" + run.own_save.substr(3));
        }
        QCOMPARE(hashes.size(), std::size_t(4));
        QCOMPARE(saved[0], "out/learning_rate-0.01_lora_rank-0");
        QCOMPARE(saved[3], "out/learning_rate-0.001_lora_rank-8");
        // One alone is where it was asked to be.
        spec.axes.clear();
        QVERIFY(plan(spec).front().own_save.empty());
    }

    void explicit_points_come_after_the_grid() {
        Spec spec{.axes = {{"batch", {"1", "2"}}}, .points = {{{"batch", "9"}, {"sequence", "7"}}}};
        QCOMPARE(words(plan(spec)), "1/128 2/128 9/7");
        spec.axes.clear();
        QCOMPARE(words(plan(spec)), "9/7");
        spec.points.clear();
        QCOMPARE(words(plan(spec)), "1/128");
    }

    void equal_configurations_stand_once() {
        const Spec spec{.axes = {{"noise", {"0.1", "1e-1", "0.2"}}},
                        .points = {{{"noise", "0.10"}}}};
        const auto runs = plan(spec);
        QCOMPARE(runs.size(), 2u);
        QCOMPARE(runs[0].hash, hash_of(runs[0].config));
        QVERIFY(runs[0].hash != runs[1].hash);
    }

    void a_sweep_of_what_does_not_apply_is_one_point_and_says_so() {
        const Spec spec{.axes = {{"temperature", {"0.5", "0.7", "1"}}, {"batch", {"1", "2"}}}};
        const auto runs = plan(spec);
        QCOMPARE(words(runs), "1/128 2/128");
        QCOMPARE(runs[0].config.temperature, 0.0);
        const auto notes = notes_on(spec);
        QCOMPARE(notes.sentences.size(), 1u);
        QCOMPARE(notes.sentences.at("temperature"),
                 "temperature changes nothing, its 3 values are one: it is for task generate");
        QCOMPARE(notes.unused.at("temperature"), "task generate");
        QVERIFY(!notes.unused.contains("batch"));
        QCOMPARE(words(corners_first(runs, spec)), "1/128 2/128");
    }

    void a_value_that_is_asked_for_in_vain_is_named() {
        Spec spec;
        spec.base.max_tokens = 9;
        QCOMPARE(notes_on(spec).sentences.at("max_tokens"),
                 "max_tokens 9 changes nothing: it is for task perplexity, and a quality pass");
        spec.base.task = Task::perplexity;
        QVERIFY(notes_on(spec).sentences.empty());
    }

    void an_axis_varies_only_where_it_applies() {
        Spec spec{.axes = {{"task", {"forward", "generate"}}, {"new_tokens", {"4", "8"}}}};
        spec.base.model = "gpt2";
        QCOMPARE(plan(spec).size(), 3u);
        QCOMPARE(notes_on(spec).sentences.at("new_tokens"),
                 "new_tokens is varied only where it applies: task generate");
    }

    void attention_under_generate_is_refused_where_it_cannot_reach_the_decode_step() {
        Spec spec{.axes = {{"attention", {"naive", "flash"}}}};
        spec.base.model = "gpt2";
        spec.base.task = Task::generate;
        const auto runs = plan(spec);
        QCOMPARE(runs.size(), 2u);
        QCOMPARE(runs[0].impossible,
                 "attention naive needs a task other than generate, which decodes with one kernel, "
                 "flash attention's");
        QCOMPARE(runs[1].impossible, std::string());
        QVERIFY(notes_on(spec).sentences.empty());
    }

    void what_cannot_be_had_is_impossible_and_not_ignored() {
        const Spec spec{.axes = {{"launch", {"eager", "graph"}}}};
        const auto runs = plan(spec);
        QCOMPARE(runs.size(), 2u);
        QCOMPARE(runs[1].impossible, "launch graph needs device cuda");
        QVERIFY(notes_on(spec).sentences.empty());
    }

    void impossible_points_are_kept_with_their_reason() {
        const Spec spec{.axes = {{"task", {"forward", "generate"}}}}; // ESM-2 cannot generate
        const auto runs = plan(spec);
        QCOMPARE(runs.size(), 2u);
        QCOMPARE(runs[0].impossible, std::string());
        QVERIFY2(runs[1].impossible.find("generate") != std::string::npos,
                 runs[1].impossible.c_str());
    }

    void a_spec_with_problems_is_refused_with_all_of_them() {
        const Spec spec{.axes = {{"batch", {"0"}}, {"layuot", {"ragged"}}}};
        QVERIFY_EXCEPTION_THROWN(plan(spec), Error);
        try {
            plan(spec);
        } catch (const Error& error) {
            QCOMPARE(error.kind, Failure::bad_input);
            QCOMPARE(error.what(),
                     "axis \"batch\": \"batch\" is a whole number from 1 to 1000000, not \"0\"\n"
                     "axes: there is no field \"layuot\"; did you mean \"layout\"?");
        }
    }

    void corners_come_first_then_the_middles_between_them() {
        Spec spec{.axes = {{"batch", {"1", "2", "3"}}, {"sequence", {"1", "2", "3"}}}};
        spec.base.rounds = 1;
        QCOMPARE(words(corners_first(plan(spec), spec)), "1/1 1/3 3/1 3/3 1/2 2/1 2/3 3/2 2/2");
        Spec line{.axes = {{"batch", {"1", "2", "3", "4", "5", "6", "7", "8", "9"}}}};
        line.base.rounds = 1;
        QCOMPARE(words(corners_first(plan(line), line)),
                 "1/128 9/128 5/128 3/128 7/128 2/128 4/128 6/128 8/128");
    }

    void runs_of_several_rounds_stay_as_planned() {
        const Spec spec{.axes = {{"batch", {"1", "2", "3"}}}};
        QCOMPARE(words(corners_first(plan(spec), spec)), "1/128 2/128 3/128");
    }

    void names_have_no_middle_and_explicit_points_come_last() {
        Spec spec{.axes = {{"layout", {"padded", "bucketed", "ragged"}}, {"batch", {"1", "2"}}},
                  .points = {{{"batch", "7"}}}};
        spec.base.rounds = 1;
        QCOMPARE(words(corners_first(plan(spec), spec)),
                 "1/128 2/128 1/128 2/128 1/128 2/128 7/128");
    }

    void ordering_loses_nothing() {
        Spec spec{.axes = {{"batch", expand_values("1-9")}, {"sequence", expand_values("1-9")}}};
        spec.base.rounds = 1;
        auto runs = plan(spec);
        auto sorted = corners_first(runs, spec);
        QCOMPARE(sorted.size(), 81u);
        const auto by_hash = [](const auto& a, const auto& b) { return a.hash < b.hash; };
        std::sort(runs.begin(), runs.end(), by_hash);
        std::sort(sorted.begin(), sorted.end(), by_hash);
        for (std::size_t i = 0; i < 81; ++i) QCOMPARE(sorted[i].hash, runs[i].hash);
    }

    void ten_thousand_points_are_planned_in_half_a_second() {
        const Spec spec{.axes = {{"model", {"esm2-8m", "esm2-35m"}},
                                 {"batch", expand_values("1-50")},
                                 {"sequence", expand_values("1-50")},
                                 {"attention", {"naive", "flash"}}}};
        QElapsedTimer timer;
        timer.start();
        const auto runs = plan(spec);
        const auto seconds = double(timer.nsecsElapsed()) / 1e9;
        QCOMPARE(runs.size(), 10'000u);
        qInfo("10,000 points planned in %.3f s", seconds);
        QVERIFY(seconds < 20); // the bound of 0.5 s is the bench's: tests share their machine
    }
};

SWEETSPOT_TEST(PlanTest)
#include "plan_test.moc"
