// What views are told to show: axes, ticks, colours, columns, and whether something fits.
#include "app/analysis/columns.h"
#include "app/analysis/fit.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/spot_plot.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

namespace {

using Names = std::vector<std::string>;

Names labels_of(const std::vector<PlotTick>& ticks) {
    Names labels;
    for (const auto& tick : ticks) labels.push_back(tick.label);
    return labels;
}

Names labels(PlotScale scale, double low, double high, const std::vector<double>& values = {},
             double pixels = 400) {
    const PlotAxis axis{.scale = scale};
    return labels_of(ticks_of(axis, PlotSide::x, low, high, values, pixels));
}

RunRecord done_run(int sequence, double seconds, double bytes) {
    RunRecord run;
    run.id = sequence;
    run.status = RunStatus::done;
    run.config.sequence = sequence;
    for (int i = 0; i < 5; ++i)
        run.samples["step_seconds"].push_back(
            {"step_seconds", i, seconds * (1 + 0.002 * (i - 2)), false});
    run.metrics = {{"peak_bytes", bytes}, {"tokens_nominal", sequence}};
    return run;
}

} // namespace

class PlotTest : public QObject {
    Q_OBJECT
private slots:
    void ticks_are_at_few_values_themselves_and_else_at_round_ones() {
        QCOMPARE(labels(PlotScale::log2, 100, 600, {128, 256, 512}), Names({"128", "256", "512"}));
        QCOMPARE(labels(PlotScale::linear, 0, 1, {0.1, 0.25, 0.9}), Names({"0.1", "0.25", "0.9"}));
        QCOMPARE(labels(PlotScale::linear, 0, 1), Names({"0", "0.2", "0.4", "0.6", "0.8", "1"}));
        QCOMPARE(labels(PlotScale::log10, 0.9, 1100), Names({"1", "10", "100", "1000"}));
        QCOMPARE(labels(PlotScale::log10, 0.9, 60), Names({"1", "2", "5", "10", "20", "50"}));
        QCOMPARE(labels(PlotScale::log2, 60, 5000),
                 Names({"64", "128", "256", "512", "1024", "2048", "4096"}));
        // A part that holds no round power has ticks all the same.
        QCOMPARE(labels(PlotScale::log10, 12, 18),
                 Names({"12", "13", "14", "15", "16", "17", "18"}));
    }

    void labels_that_would_touch_are_left_out_and_their_ticks_stay() {
        const auto crowded = labels(PlotScale::linear, 0, 1000, {128, 130, 512}, 300);
        QCOMPARE(crowded, Names({"128", "", "512"}));
        QCOMPARE(labels(PlotScale::linear, 0, 100, {}, 60).size(), std::size_t(3));
    }

    void names_are_ticks_of_their_own() {
        const PlotAxis axis{.categories = {"naive", "flash"}};
        QCOMPARE(labels_of(ticks_of(axis, PlotSide::x, -0.5, 1.5, {}, 300)),
                 Names({"naive", "flash"}));
    }

    void a_scale_follows_its_values() {
        const auto x_of = [](std::vector<int> sequences) {
            std::vector<RunRecord> runs;
            for (const int s : sequences) runs.push_back(done_run(s, 0.01, 1e6));
            return plot_layout(runs, {.x = "sequence", .y = "peak_bytes"}).x.scale;
        };
        QVERIFY(x_of({128, 256, 512}) == PlotScale::log2);
        QVERIFY(x_of({100, 200, 300}) == PlotScale::linear);
        QVERIFY(x_of({10, 100, 1000}) == PlotScale::log10);
        QVERIFY(x_of({128}) == PlotScale::linear);
    }

    void an_axis_says_that_it_begins_above_zero_only_where_it_does() {
        const auto says = [](double from, double to) {
            std::vector<RunRecord> runs{done_run(128, 0.01, 1e6), done_run(256, 0.02, 2e6)};
            runs[0].metrics["loss_nats"] = from;
            runs[1].metrics["loss_nats"] = to;
            const PlotChoice choice{.x = "sequence", .y = "loss_nats"};
            const auto specs = plot_specs(facets(runs, choice), plot_layout(runs, choice));
            const bool said = specs[0].y.detail.find("not from zero") != std::string::npos;
            return std::pair(said, full_range(specs).y_low);
        };
        QCOMPARE(says(3, 3.1).first, true);
        QVERIFY(says(3, 3.1).second > 0);
        QCOMPARE(says(0, 2), std::pair(false, 0.0));
        QCOMPARE(says(0.1, 2), std::pair(false, 0.0)); // not below it, either
        QCOMPARE(says(-1, 2).first, false);
    }

    void a_limit_that_holds_for_all_runs_is_drawn_across_their_memory() {
        std::vector<RunRecord> runs{done_run(128, 0.01, 1e9), done_run(256, 0.02, 2e9)};
        QVERIFY(plots_of(runs)[0].facets[0].limits.empty());
        for (auto& run : runs) run.config.memory_limit_bytes = 3 * 0x1p30;
        const auto plots = plots_of(runs);
        QCOMPARE(plots[0].facets[0].limits.size(), std::size_t(1));
        QCOMPARE(plots[0].facets[0].limits[0].name, std::string("memory limit 3.00 GiB"));
        QCOMPARE(plots[0].facets[0].limits[0].value, 3.0);
        QVERIFY(full_range(plots[0].facets).y_high > 3);
        QVERIFY(plots[1].facets[0].limits.empty());
    }

    void runs_that_vary_along_something_else_have_a_drawing_of_their_own() {
        std::vector<RunRecord> runs;
        for (const int budget : {1000, 2000, 3000, 4000})
            for (const auto account : {MemoryModel::ledger, MemoryModel::plotted}) {
                runs.push_back(done_run(512, 0.01, 1e9));
                runs.back().config.token_budget = budget;
                runs.back().config.memory_model = account;
            }
        QCOMPARE(plots_of(runs)[0].title, std::string("Peak memory"));
        for (const int sequence : {100, 200})
            for (const auto account : {MemoryModel::ledger, MemoryModel::plotted}) {
                runs.push_back(done_run(sequence, 0.01, 2e9));
                runs.back().config.memory_model = account;
            }
        const auto plots = plots_of(runs);
        QCOMPARE(plots[0].title, std::string("Peak memory by token budget"));
        QCOMPARE(plots[0].facets[0].series.size(), std::size_t(2));
        QCOMPARE(plots[0].facets[0].series[1].name, std::string("plotted"));
        QCOMPARE(plots[0].facets[0].series[1].x, (std::vector<double>{1000, 2000, 3000, 4000}));
        QCOMPARE(plots[1].title, std::string("Peak memory by sequence"));
        QCOMPARE(plots[1].name, std::string("memory-2"));
        QCOMPARE(plots[1].facets[0].series[1].x, (std::vector<double>{100, 200}));
    }

    void a_series_has_its_own_colour_or_the_first_that_is_free() {
        QCOMPARE(slots_of(Names{"naive", "flash"}), (std::vector<int>{1, 0}));
        QCOMPARE(slots_of(Names{"f32", "bf16"}), (std::vector<int>{0, 1}));
        QCOMPARE(slots_of(Names{"vendor", "flash"}), (std::vector<int>{1, 0}));
        const auto many = slots_of(Names{"a", "b", "c", "d", "e", "f", "g"});
        QCOMPARE(many, (std::vector<int>{0, 1, 2, 3, 4, 5, 0}));
    }

    void an_axis_that_is_not_from_zero_does_not_blow_up_rounding() {
        PlotSpec spec{.x = {.name = "batch"}, .y = {.name = "perplexity"}};
        spec.series = {{.name = "flash", .x = {1, 2}, .y = {60.610921, 60.610923}}};
        const auto range = full_range(spec);
        QVERIFY(range.y_high - range.y_low > 0.01);
        QVERIFY(range.y_low > 60.5 && range.y_high < 60.7);
    }

    void a_legend_shows_what_is_drawn_of_each_name() {
        PlotSpec spec{.kind = PlotKind::points};
        spec.series = {{.name = "flash", .x = {1}, .y = {1}, .misfit_x = {2}},
                       {.name = "failed", .misfit_x = {3}},
                       {.name = "impossible", .impossible_x = {4}},
                       {.name = "front", .x = {1, 2}, .y = {2, 1}, .joined = true}};
        const auto entries = legend_of(std::span(&spec, 1));
        using Key = LegendEntry::Key;
        QCOMPARE(entries.size(), std::size_t(4));
        QVERIFY(entries[0].key == Key::marker && !entries[0].joined);
        QVERIFY(entries[1].key == Key::cross);
        QVERIFY(entries[2].key == Key::ringed_cross);
        QVERIFY(entries[3].joined && entries[3].key == Key::marker);
        // Where colour is a third metric's, a shape without it tells series apart.
        spec.series = {{.name = "flash", .slot = 2, .x = {1}, .y = {1}, .shades = {0.5}}};
        const LegendEntry shaded = legend_of(std::span(&spec, 1)).front();
        QCOMPARE(shaded.slot, -1);
        QCOMPARE(shape_of(shaded), 2);
    }

    void ops_of_all_batches_are_drawn_in_one_unit() {
        std::vector<RunRecord> runs{done_run(128, 0.01, 1e6), done_run(256, 0.01, 1e6)};
        for (auto& run : runs) {
            run.regions = {
                {"layer 0", 2, 0, 0.05}, {"layer 0/matmul", 2, 0, 0.04}, {"upload", 2, 0, 1e-4}};
            run.batch_regions = {{"matmul", 0, 0.03}, {"matmul", 1, 0.01}, {"upload", 0, 1e-4}};
            run.memory = {{0, Purpose::weights, 1e6}, {0.01, Purpose::activations, 2e6}};
        }
        const auto plots = detail_plots(runs);
        QCOMPARE(plots.size(), std::size_t(2));
        QCOMPARE(plots[0].name, std::string("op-batches"));
        QCOMPARE(plots[0].facets.size(), std::size_t(2));
        for (const auto& facet : plots[0].facets) QCOMPARE(facet.y.unit, std::string("ms"));
        QCOMPARE(plots[0].facets[0].series[1].y, (std::vector<double>{30, 10}));
        // All purposes together, from a moment on.
        QCOMPARE(plots[1].facets[0].series[0].y.back() * plots[1].facets[0].y.factor, 3e6);
        // Without batches a bar for each op, and without details nothing.
        for (auto& run : runs) run.batch_regions.clear();
        QCOMPARE(detail_plots(runs)[0].name, std::string("ops"));
        for (auto& run : runs) run.regions.clear(), run.memory.clear();
        QVERIFY(detail_plots(runs).empty());
    }

    void a_training_that_went_on_begins_with_the_steps_of_the_run_before_it() {
        const auto trained = [](std::int64_t id, int from, int to) {
            RunRecord run;
            run.id = id;
            run.hash = "same";
            run.config.task = Task::train;
            for (int step = from; step < to; ++step)
                run.samples["train_loss"].push_back({"train_loss", step, double(id)});
            return run;
        };
        // The first was killed past its last checkpoint, the second stopped at one.
        const std::vector earlier{trained(2, 0, 5), trained(5, 3, 6)};
        const std::vector runs{trained(9, 6, 8)};
        const Plot whole = loss_curves(runs, earlier);
        QCOMPARE(whole.facets.front().series.front().x,
                 (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}));
        QCOMPARE(whole.facets.front().series.front().y,
                 (std::vector<double>{2, 2, 2, 5, 5, 5, 9, 9}));
        QCOMPARE(whole.facets.front().series.front().ids, std::vector<std::int64_t>(8, 9));
        QCOMPARE(whole.note, std::string("run 9 went on from step 3 of run 2; run 9 went on from "
                                         "step 6 of run 5"));
        // What is not here is said, and no other training's steps stand for it.
        auto other = earlier;
        for (auto& run : other) run.hash = "other";
        for (const auto& known : {std::vector<RunRecord>{}, other, {earlier[0]}}) {
            const Plot part = loss_curves(runs, known);
            QCOMPARE(part.facets.front().series.front().x, (std::vector<double>{7, 8}));
            QCOMPARE(part.note, std::string("run 9 lacks steps 1 to 6, which no run here took"));
        }
        QCOMPARE(loss_curves(earlier).note,
                 std::string("run 5 lacks steps 1 to 3, which no run here took"));
    }

    void a_point_that_was_never_run_is_told_from_one_that_failed() {
        std::vector<RunRecord> runs;
        for (const int sequence : {128, 256, 512}) runs.push_back(done_run(sequence, 0.01, 1e6));
        for (const auto& [i, status] :
             {std::pair(1, RunStatus::failed), std::pair(2, RunStatus::impossible)}) {
            runs[std::size_t(i)].status = status;
            runs[std::size_t(i)].metrics["predicted_peak_bytes"] = 2e6;
        }
        const auto plots = plots_of(runs);
        const PlotSeries& series = plots[0].facets[0].series[0];
        QCOMPARE(series.misfit_x, std::vector<double>{256});
        QCOMPARE(series.impossible_x, std::vector<double>{512});
        PlotSpec spec{.x = {.name = "peak_bytes"}};
        add_misfits(spec, runs, [](const RunRecord& run) {
            return value_of(run, "predicted_peak_bytes").value_or(0);
        });
        QCOMPARE(spec.series.size(), std::size_t(2));
        QCOMPARE(spec.series[0].name, std::string("failed"));
        QCOMPARE(spec.series[1].impossible_x, std::vector<double>{2e6});
        // Of another metric they have no value: they are told by number, beside all points.
        PlotSpec other{.x = {.name = "step_seconds"}, .series = {{.x = {1, 2}, .y = {1, 2}}}};
        add_misfits(other, runs, [](const RunRecord&) { return 2e6; });
        QCOMPARE(other.series[1].name, std::string("1 failed"));
        QVERIFY(std::isnan(other.series[1].misfit_x[0]));
        QCOMPARE(other.series[2].name, std::string("1 impossible"));
        const double failed = cross_place(other, NAN, true),
                     impossible = cross_place(other, NAN, false);
        QVERIFY(failed > 2 && impossible > failed);
        QVERIFY(full_range(other).x_high > impossible);
        QCOMPARE(cross_place(other, 1.5, true), 1.5);
    }

    void columns_are_the_fields_that_vary_and_the_metrics_there_are() {
        const std::vector<RunRecord> runs{done_run(128, 0.01, 1e6), done_run(256, 0.02, 2e6)};
        Names names;
        for (const auto& column : run_columns(runs))
            if (column.usual) names.push_back(column.name);
        QCOMPARE(names, Names({"run", "sequence", "step_seconds", "noise", "tokens_per_second",
                               "peak_bytes", "flags"}));
        const auto columns = run_columns(runs);
        QCOMPARE(columns[2].unit, std::string("ms"));
        QCOMPARE(cell_text(columns[2], runs[1]), std::string("20.00"));
        QCOMPARE(*cell_value(columns[2], runs[1]), 0.02);
    }

    void a_failure_says_its_kind_once() {
        RunRecord run;
        run.status = RunStatus::failed;
        run.failure = Failure::out_of_memory;
        QCOMPARE(failure_text(run), std::string("out of memory"));
        run.reason = "it needs 9 GiB";
        QCOMPARE(failure_text(run), std::string("out of memory: it needs 9 GiB"));
        run.reason = "out of memory: 9 GiB of activations do not fit into 4 GiB";
        QCOMPARE(failure_text(run), run.reason);
        QCOMPARE(marks_of(run).front().text, std::string("out of memory"));
        QCOMPARE(marks_of(run).front().detail, run.reason);
    }

    void what_fits_is_held_against_the_device_it_is_for() {
        const std::vector<DeviceInfo> devices{
            {.name = "cuda", .available = true, .gpu = 0, .free_bytes = 40e9}};
        const FreeMemory memory{8e9, devices};
        RunConfig config;
        QVERIFY(fits(7e9, config, memory));
        QVERIFY(!fits(9e9, config, memory));
        config.device = DeviceKind::cuda;
        QVERIFY(fits(9e9, config, memory));
        QVERIFY(!fits(41e9, config, memory));
        // A plan stands for the device that it is made for.
        config.device = DeviceKind::plan;
        QVERIFY(!fits(9e9, config, memory));
        config.plan_for = PlanFor::cuda;
        QVERIFY(fits(9e9, config, memory));
        QVERIFY(!fits(41e9, config, memory));
        config.memory_limit_bytes = 1'000'000'000;
        QCOMPARE(memory_limit(config, memory), 1e9);
        config.memory_limit_bytes = 0;
        QCOMPARE(memory_limit(config, {}), 0.0); // nothing is known, so nothing is excluded
        QVERIFY(fits(1e15, config, {}));
    }
};

SWEETSPOT_TEST(PlotTest)
#include "plot_test.moc"
