#include "app/analysis/columns.h"
#include "app/analysis/pivot.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/series.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

namespace {

RunRecord run_at(int batch, int sequence, AttentionVariant attention, double seconds) {
    static std::int64_t id = 0;
    RunRecord run;
    run.id = ++id;
    run.status = RunStatus::done;
    run.config.batch = batch;
    run.config.sequence = sequence;
    run.config.attention = attention;
    run.samples["step_seconds"] = {{"step_seconds", 0, seconds * 0.9, false},
                                   {"step_seconds", 1, seconds, false},
                                   {"step_seconds", 2, seconds * 1.1, false}};
    return run;
}

std::vector<RunRecord> grid() {
    std::vector<RunRecord> runs;
    for (const int batch : {8, 1})
        for (const int sequence : {512, 128, 256})
            for (const auto attention : {AttentionVariant::flash, AttentionVariant::naive})
                runs.push_back(run_at(batch, sequence, attention, batch * sequence));
    return runs;
}

} // namespace

class SeriesTest : public QObject {
    Q_OBJECT
private slots:
    void fields_in_which_runs_differ_come_in_the_fields_order() {
        const auto runs = grid();
        QCOMPARE(varying_fields(runs),
                 (std::vector<std::string>{"batch", "sequence", "attention"}));
        QVERIFY(varying_fields({}).empty());
        QVERIFY(varying_fields(std::span(runs).first(1)).empty());
    }

    void the_first_choice_is_length_by_variant_a_facet_each_batch() {
        const auto choice = default_choice(grid(), "peak_bytes");
        QCOMPARE(choice.x, std::string("sequence"));
        QCOMPARE(choice.y, std::string("peak_bytes"));
        QCOMPARE(choice.colour, (std::vector<std::string>{"attention", "batch"}));
        QVERIFY(choice.facet.empty());
    }

    void what_x_makes_no_difference_to_is_a_level_line() {
        std::vector<RunRecord> runs;
        for (const double sparsity : {0.3, 0.1, 0.5}) {
            runs.push_back(run_at(1, 128, AttentionVariant::flash, sparsity));
            runs.back().config.prune = PruneBy::wanda;
            runs.back().config.sparsity = sparsity;
            runs.back().config.prune_data = "a text"; // which others have no use for
        }
        runs.push_back(run_at(1, 128, AttentionVariant::flash, 7)); // pruned by nothing
        const auto choice = default_choice(runs, "step_seconds");
        QCOMPARE(choice.x, std::string("sparsity"));
        QVERIFY(choice.facet.empty());
        const auto found = facets(runs, choice);
        QCOMPARE(found.size(), std::size_t(1));
        QCOMPARE(found[0].series[0].name, std::string("none"));
        std::vector<double> xs;
        for (const auto& point : found[0].series[0].points) {
            xs.push_back(point.x);
            QCOMPARE(point.y, 7.0);
        }
        QCOMPARE(xs, (std::vector<double>{0.1, 0.3, 0.5}));
        QCOMPARE(found[0].series[1].points.size(), std::size_t(3));
    }

    void a_layout_tells_where_each_run_stands() {
        const auto runs = grid();
        const PlotChoice choice{
            .x = "sequence", .y = "step_seconds", .colour = {"attention"}, .facet = {"batch"}};
        const auto layout = plot_layout(runs, choice);
        QCOMPARE(layout.places.size(), runs.size());
        for (std::size_t i = 0; i < runs.size(); ++i) {
            const auto& [facet, series] = layout.places[i];
            QCOMPARE(layout.series[std::size_t(series)], series_name(runs[i].config, choice));
            QCOMPARE(layout.facets[std::size_t(facet)],
                     "batch " + std::to_string(runs[i].config.batch));
            QCOMPARE(*x_of(runs[i], layout), double(runs[i].config.sequence));
        }
        const auto words = plot_layout(runs, {.x = "attention", .y = "step_seconds"});
        QCOMPARE(*x_of(runs[0], words), 1.0); // flash, the second
        QVERIFY(!x_of(runs[1], plot_layout(runs, {.x = "peak_bytes"})));
    }

    void more_than_six_colours_become_facets() {
        auto runs = grid();
        for (const int batch : {2, 3})
            runs.push_back(run_at(batch, 128, AttentionVariant::flash, 1));
        const auto choice = default_choice(runs, "step_seconds");
        QCOMPARE(choice.x, std::string("batch"));
        QCOMPARE(choice.colour, (std::vector<std::string>{"attention", "sequence"}));
        runs.push_back(run_at(1, 64, AttentionVariant::flash, 1));
        const auto more = default_choice(runs, "step_seconds");
        QCOMPARE(more.x, std::string("sequence"));
        QCOMPARE(more.colour, (std::vector<std::string>{"attention"}));
        QCOMPARE(more.facet, std::vector<std::string>{"batch"});
    }

    void what_neither_axis_nor_colour_tells_becomes_facets() {
        std::vector<RunRecord> runs;
        for (auto run : grid())
            for (const auto precision : {Precision::f32, Precision::bf16})
                for (const auto layout : {Layout::padded, Layout::ragged}) {
                    run.config.precision = precision;
                    run.config.layout = layout;
                    runs.push_back(run);
                }
        const auto choice = default_choice(runs, "step_seconds");
        QCOMPARE(choice.colour, (std::vector<std::string>{"attention", "layout"}));
        QCOMPARE(choice.facet, (std::vector<std::string>{"batch", "precision"}));
        const auto all = facets(runs, choice);
        QCOMPARE(all.size(), std::size_t(4));
        QCOMPARE(all[0].name, std::string("batch 1, f32"));
        QCOMPARE(all[3].name, std::string("batch 8, bf16"));
        QCOMPARE(all[0].series.size(), std::size_t(4));
    }

    void equal_runs_still_have_a_choice() {
        const auto runs = grid();
        const auto choice = default_choice(std::span(runs).first(1), "step_seconds");
        QCOMPARE(choice.x, std::string("sequence"));
        QVERIFY(choice.colour.empty());
    }

    void a_series_holds_medians_with_intervals_sorted_by_x() {
        const auto runs = grid();
        const auto all = facets(
            runs,
            {.x = "sequence", .y = "step_seconds", .colour = {"attention"}, .facet = {"batch"}});
        QCOMPARE(all.size(), std::size_t(2));
        QCOMPARE(all[0].name, std::string("batch 1"));
        QCOMPARE(all[1].name, std::string("batch 8"));
        QCOMPARE(all[0].series.size(), std::size_t(2));
        QCOMPARE(all[0].series[0].name, std::string("naive"));
        QCOMPARE(all[0].series[1].name, std::string("flash"));
        const auto& points = all[1].series[0].points;
        QCOMPARE(points.size(), std::size_t(3));
        QCOMPARE(points[0].x, 128.0);
        QCOMPARE(points[2].x, 512.0);
        QCOMPARE(points[0].y, 1024.0);
        QCOMPARE(points[0].low, 1024 * 0.9);
        QCOMPARE(points[0].high, 1024 * 1.1);
        QVERIFY(!points[0].failed);
    }

    void a_failed_run_stays_as_a_point_and_one_without_values_does_not() {
        auto runs = grid();
        runs[0].status = RunStatus::failed;
        runs[0].samples.clear();
        runs[1].samples.clear();
        const auto all = facets(runs, {.x = "sequence", .y = "step_seconds"});
        QCOMPARE(all.size(), std::size_t(1));
        QCOMPARE(all[0].name, std::string());
        QCOMPARE(all[0].series.size(), std::size_t(1));
        QCOMPARE(all[0].series[0].points.size(), std::size_t(11));
        int failed = 0;
        for (const auto& p : all[0].series[0].points) failed += p.failed;
        QCOMPARE(failed, 1);
    }

    void what_an_interrupted_run_had_until_then_is_no_result() {
        auto runs = grid();
        runs[0].status = RunStatus::failed;
        runs[0].failure = Failure::interrupted;
        QVERIFY(value_of(runs[0], "step_seconds")); // it had measured something
        std::size_t points = 0;
        for (const auto& series : facets(runs, {.x = "sequence", .y = "step_seconds"})[0].series)
            for (const auto& point : series.points) {
                QVERIFY(point.run_id != runs[0].id);
                ++points;
            }
        QCOMPARE(points, runs.size() - 1);
        // As in the table.
        for (const auto& column : run_columns(runs))
            if (column.what == RunColumn::What::metric) QVERIFY(!cell_value(column, runs[0]));
    }

    void a_metric_can_be_x() {
        auto runs = grid();
        for (auto& run : runs) run.metrics["peak_bytes"] = 10.0 * run.config.sequence;
        const auto all = facets(runs, {.x = "peak_bytes", .y = "step_seconds"});
        QCOMPARE(all[0].series[0].points.front().x, 1280.0);
    }

    void fractions_on_x_are_fractions_in_any_locale() {
        std::vector<RunRecord> runs;
        for (const double fraction : {0.9, 0.25, 0.1, 0.5}) {
            runs.push_back(run_at(1, 128, AttentionVariant::flash, 1));
            runs.back().config.mask_fraction = fraction;
        }
        QCOMPARE(default_choice(runs, "step_seconds").x, std::string("mask_fraction"));
        const auto all = facets(runs, {.x = "mask_fraction", .y = "step_seconds"});
        std::vector<double> x;
        for (const auto& point : all[0].series[0].points) x.push_back(point.x);
        QCOMPARE(x, (std::vector<double>{0.1, 0.25, 0.5, 0.9}));
    }

    void a_pivot_has_a_metric_where_two_fields_meet() {
        auto runs = grid();
        const Pivot pivot = pivot_of(runs, {"attention", "sequence", "step_seconds"});
        QCOMPARE(pivot.rows, (std::vector<std::string>{"naive", "flash"}));
        QCOMPARE(pivot.columns, (std::vector<std::string>{"128", "256", "512"}));
        // Batches 1 and 8 meet in each: 128 s and 1024 s.
        const PivotCell& cell = pivot.cell(1, 0);
        QCOMPARE(cell.ids.size(), std::size_t(2));
        QCOMPARE(cell.measured, 2);
        QCOMPARE(*cell.value, (128 + 1024) / 2.0);
        QCOMPARE(cell.low, 128.0);
        QCOMPARE(cell.high, 1024.0);
        // A run that did not end has no value, and is counted.
        for (auto& run : runs)
            if (run.config.batch == 8) run.status = RunStatus::failed;
        const Pivot left = pivot_of(runs, {"attention", "sequence", "step_seconds"});
        QCOMPARE(*left.cell(1, 0).value, 128.0);
        QCOMPARE(left.cell(1, 0).ids.size(), std::size_t(2));
        QCOMPARE(left.cell(1, 0).measured, 1);
        // Every run stands in one cell.
        std::size_t count = 0;
        for (const auto& each : left.cells) count += each.ids.size();
        QCOMPARE(count, runs.size());
        QVERIFY((default_pivot(runs, "step_seconds") ==
                 PivotChoice{"batch", "sequence", "step_seconds"}));
        const Pivot flat = pivot_of(runs, {"", "batch", "step_seconds"});
        QCOMPARE(flat.rows.size(), std::size_t(1));
        QVERIFY(!flat.cell(0, 1).value);
    }

    void a_run_that_a_pivots_field_means_nothing_to_has_a_place_too() {
        std::vector<RunRecord> runs;
        for (const double sparsity : {0.5, 0.1}) {
            runs.push_back(run_at(1, 128, AttentionVariant::flash, sparsity));
            runs.back().config.prune = PruneBy::wanda;
            runs.back().config.sparsity = sparsity;
        }
        runs.push_back(run_at(1, 128, AttentionVariant::flash, 7)); // pruned by nothing
        const Pivot pivot = pivot_of(runs, {"prune", "sparsity", "step_seconds"});
        std::size_t count = 0;
        for (const auto& each : pivot.cells) count += each.ids.size();
        QCOMPARE(count, std::size_t(3));
    }

    void a_pivot_is_written_as_three_names() {
        QVERIFY((read_pivot("attention,batch,memory") ==
                 PivotChoice{"attention", "batch", "peak_bytes"}));
        for (const char* wrong : {"attention,batch", "atention,batch,memory", "batch,batch,memry"})
            QVERIFY_EXCEPTION_THROWN(read_pivot(wrong), Error);
    }

    void names_on_x_are_places_in_a_list() {
        const auto runs = grid();
        QCOMPARE(categories(runs, "attention"), (std::vector<std::string>{"naive", "flash"}));
        QVERIFY(categories(runs, "batch").empty());
        QVERIFY(categories(runs, "peak_bytes").empty());
        const auto all = facets(runs, {.x = "attention", .y = "step_seconds", .colour = {"batch"}});
        QCOMPARE(all[0].series[0].name, std::string("batch 1"));
        QCOMPARE(all[0].series[0].points.front().x, 0.0);
        QCOMPARE(all[0].series[0].points.back().x, 1.0);
    }
};

SWEETSPOT_TEST(SeriesTest)
#include "series_test.moc"
