#include "app/analysis/effects.h"
#include "app/analysis/estimate.h"
#include "app/analysis/run_plots.h"
#include "app/cli/outputs.h"
#include "app/cli/paint.h"
#include "app/cli/report.h"
#include "app/cli/run_table.h"
#include "tests/suite.h"
#include <QImage>
#include <QtTest>
#include <sstream>

using namespace sweetspot;

namespace {

RunRecord run_at(int sequence, AttentionVariant attention, Layout layout, double seconds,
                 double bytes) {
    static std::int64_t id = 0;
    RunRecord run;
    run.id = ++id;
    run.status = RunStatus::done;
    run.config.sequence = sequence;
    run.config.attention = attention;
    run.config.layout = layout;
    for (int i = 0; i < 6; ++i) { // rounds of one step
        run.samples["step_seconds"].push_back(
            {"step_seconds", 0, seconds * (1 + 0.002 * (i - 2)), false, i});
        run.rounds.push_back({i, 1e9 + 10 * i, 1e9 + 10 * i + 1});
    }
    run.metrics = {{"peak_bytes", bytes}, {"tokens_nominal", sequence}, {"flops", 1e9}};
    run.environment = {{"cpu", "Alpha & Sons"}, {"commit", "abc"}};
    return run;
}

/// Flash takes half the time and a quarter of the memory of naive, ragged as much as padded.
std::vector<RunRecord> sweep() {
    std::vector<RunRecord> runs;
    for (const int sequence : {128, 256, 512})
        for (const auto attention : {AttentionVariant::naive, AttentionVariant::flash})
            for (const auto layout : {Layout::padded, Layout::ragged}) {
                const bool flash = attention == AttentionVariant::flash;
                runs.push_back(run_at(sequence, attention, layout, sequence * (flash ? 1e-4 : 2e-4),
                                      sequence * (flash ? 1e5 : 4e5)));
            }
    return runs;
}

const Plot& plot_named(const std::vector<Plot>& plots, const std::string& name) {
    for (const auto& plot : plots)
        if (plot.name == name) return plot;
    throw std::runtime_error("no plot " + name);
}

std::string text_of(const std::vector<std::string>& sentences) {
    std::string all;
    for (const auto& s : sentences) all += s + "\n";
    return all;
}

int slot_of(const Plot& plot, const std::string& series) {
    for (const auto& entry : legend_of(plot.facets))
        if (entry.name == series) return entry.slot;
    return -1;
}

std::vector<PlotTick> ticks_of_x(const Plot& plot) {
    const auto range = full_range(plot.facets);
    return ticks_of(plot.facets[0].x, PlotSide::x, range.x_low, range.x_high,
                    values_of_x(plot.facets), 400);
}

} // namespace

class ReportTest : public QObject {
    Q_OBJECT
private slots:
    void sql_quotes_names_and_values_whatever_they_are() {
        auto run = run_at(128, AttentionVariant::flash, Layout::padded, 0.1, 1e6);
        run.environment = {{"x\"); DROP TABLE victim; --", "it's"}};
        std::ostringstream out;
        write_runs(out, std::vector{run}, OutputFormat::sql, "");
        const auto said = out.str();
        QVERIFY2(said.find("\"environment_x\"\"); DROP TABLE victim; --\"") != said.npos,
                 said.c_str());
        QVERIFY(said.find("'it''s'") != said.npos);
    }

    void a_reused_run_is_said_to_be_one() {
        auto run = run_at(128, AttentionVariant::flash, Layout::padded, 0.1, 1e6);
        run.environment["host"] = "there";
        run.started_unix_seconds = 1.7e9;
        const auto notes = [&] { return text_of(notes_of(run)); };
        QVERIFY(notes().find("reused") == std::string::npos);
        run.reused = true;
        QVERIFY(notes().find("reused: measured 2023-11-14T22:13:20Z on there") !=
                std::string::npos);
    }

    void an_optimizations_effect_is_the_mean_ratio_of_equal_runs() {
        const auto all = effects(sweep());
        QCOMPARE(all.size(), std::size_t(2));
        QCOMPARE(all[0].field, std::string("attention"));
        QCOMPARE(all[0].from, std::string("naive"));
        QCOMPARE(all[0].to, std::string("flash"));
        QCOMPARE(all[0].pairs, 6);
        QVERIFY(std::abs(all[0].time_ratio - 0.5) < 1e-9);
        QVERIFY(std::abs(all[0].memory_greatest - 0.25) < 1e-9);
        QCOMPARE(all[1].field, std::string("layout"));
        QVERIFY(std::abs(all[1].time_ratio - 1) < 1e-9);
    }

    void runs_that_failed_have_no_effect() {
        auto runs = sweep();
        for (auto& run : runs)
            if (run.config.attention == AttentionVariant::naive) run.status = RunStatus::failed;
        const auto all = effects(runs);
        QCOMPARE(all.size(), std::size_t(1));
        QCOMPARE(all[0].field, std::string("layout"));
        QCOMPARE(all[0].pairs, 3);
    }

    void predictions_show_what_an_optimization_saves_in_memory() {
        auto runs = sweep();
        for (auto& run : runs) run.samples.clear();
        const auto text = text_of(findings(runs));
        QVERIFY2(
            text.find("attention flash instead of naive: peak memory × 0.250 (0.250 to 0.250), "
                      "over 6 pairs") != std::string::npos,
            text.c_str());
    }

    void an_estimate_follows_the_rate_that_was_measured() {
        RunRecord run;
        run.status = RunStatus::done;
        run.metrics = {{"flops", 1e9}, {"step_seconds", 0.1}}; // 1e10 FLOP/s
        const TimeEstimate none({}), known(std::span(&run, 1));
        RunConfig config;
        config.rounds = 1;
        QVERIFY(!none.run_seconds(config, 1e9));
        QCOMPARE(*known.step_seconds(config, 2e9), 0.2);
        config.warmup = 1;
        config.repeats = 5;
        config.max_repeats = 50;
        config.min_seconds = 2; // 10 steps of 0.2 s, one to warm up, one traced, 0.05 s to start
        QVERIFY(std::abs(*known.run_seconds(config, 2e9) - 2.45) < 1e-9);
        config.rounds = 2; // each starts and warms up for itself, and one traces
        QVERIFY(std::abs(*known.run_seconds(config, 2e9) - 2.7) < 1e-9);
        config.rounds = 1;
        config.timeout_seconds = 1;
        QCOMPARE(*known.run_seconds(config, 2e9), 1.0);
    }

    void findings_say_what_is_best_and_what_helped() {
        const auto text = text_of(findings(sweep()));
        QVERIFY2(text.find("12 runs: 12 done.") != std::string::npos, text.c_str());
        QVERIFY(text.find("Least peak memory: 12.2 MiB with sequence 128 flash padded") !=
                std::string::npos);
        QVERIFY(text.find("attention flash instead of naive: step time × 0.500 (0.500 to 0.500) "
                          "(faster), peak memory × 0.250 (0.250 to 0.250), over 6 pairs") !=
                std::string::npos);
        QVERIFY(text.find("Random weights") == std::string::npos);
        QVERIFY(text.find("(undecided)") == std::string::npos);
        auto few = sweep();
        for (auto& run : few) run.rounds.resize(1);
        QVERIFY(text_of(findings(few)).find("(0.500 to 0.500) (undecided), peak") !=
                std::string::npos);
        QVERIFY(text_of(findings(few)).find(", undecided against 11 other runs.") !=
                std::string::npos);
        auto runs = sweep();
        runs[0].metrics["perplexity"] = 33;
        runs[1].status = RunStatus::failed;
        const auto more = text_of(findings(runs));
        QVERIFY(more.find("11 done, 1 failed") != std::string::npos);
        QVERIFY(more.find("Random weights") != std::string::npos);
    }

    void a_tick_under_a_point_tells_its_value() {
        std::vector<RunRecord> runs;
        for (const double fraction : {0.1, 0.25, 0.5, 0.9}) {
            runs.push_back(run_at(128, AttentionVariant::flash, Layout::padded, 0.01, 1e6));
            runs.back().config.mask_fraction = fraction;
        }
        QStringList labels;
        const auto plots = plots_of(runs);
        for (const auto& tick : ticks_of_x(plots.front()))
            labels << QString::fromStdString(tick.label);
        QCOMPARE(labels, QStringList({"0.1", "0.25", "0.5", "0.9"}));
    }

    void there_is_a_plot_for_each_metric_with_values() {
        auto runs = sweep();
        QCOMPARE(plots_of(runs).size(), std::size_t(3));
        for (auto& run : runs) run.metrics["perplexity"] = 30;
        QCOMPARE(plots_of(runs).back().name, std::string("perplexity"));
        for (auto& run : runs) run.metrics["kl_mean"] = 0.01;
        QCOMPARE(plots_of(runs).back().name, std::string("divergence"));
        QCOMPARE(plots_of(runs).size(), std::size_t(5));
        QVERIFY(plots_of({}).empty());
    }

    void lengths_are_on_a_logarithmic_axis_with_every_value_labelled() {
        const auto plots = plots_of(sweep());
        const auto& plot = plot_named(plots, "memory");
        QVERIFY(plot.facets[0].x.scale == PlotScale::log2);
        QCOMPARE(axis_title(plot.facets[0].x), std::string("Sequence (tokens)"));
        const auto ticks = ticks_of_x(plot);
        QCOMPARE(ticks.size(), std::size_t(3));
        QCOMPARE(ticks[0].label, std::string("128"));
        const auto range = full_range(plot.facets);
        QVERIFY(std::abs(place_on(PlotScale::log2, 128, 512, 256) - 0.5) < 1e-9);
        QCOMPARE(axis_title(plot.facets[0].y), std::string("Peak memory (MiB)"));
        QCOMPARE(range.y_low, 0.0);
    }

    void a_series_has_its_colour_everywhere() {
        auto runs = sweep();
        const auto all = plots_of(runs);
        QCOMPARE(slot_of(all[0], "naive padded"), 1);
        QCOMPARE(slot_of(all[0], "flash padded"), 0);
        QCOMPARE(slot_of(all[0], "flash ragged"), 2);
        std::erase_if(runs, [](const RunRecord& run) {
            return run.config.attention == AttentionVariant::naive;
        });
        QCOMPARE(legend_of(plots_of(runs)[0].facets).size(), std::size_t(2));
    }

    void fields_without_another_place_become_rows_of_facets() {
        std::vector<RunRecord> runs;
        for (const auto precision : {Precision::f32, Precision::bf16})
            for (const int batch : {1, 2, 4})
                for (auto run : sweep()) {
                    run.config.precision = precision;
                    run.config.batch = batch;
                    runs.push_back(run);
                }
        const auto plots = plots_of(runs);
        QCOMPARE(plots[0].facets.size(), std::size_t(6));
        for (const auto& facet : plots[0].facets) QCOMPARE(facet.series.size(), std::size_t(4));
    }

    void a_drawing_is_as_large_as_it_says_and_not_empty() {
        QTemporaryDir folder;
        const auto path = folder.filePath("memory.png");
        const auto plots = plots_of(sweep());
        write_png(plots[0], light_palette, path.toStdString());
        const QImage image(path);
        const auto size = size_of(plots[0]);
        QCOMPARE(image.width(), int(2 * size.width));
        QCOMPARE(image.height(), int(2 * size.height));
        QCOMPARE(image.pixelColor(2, 2), QColor("#FFFFFF"));
        bool blue = false;
        for (int y = 0; y < image.height() && !blue; ++y)
            for (int x = 0; x < image.width() && !blue; ++x)
                blue = image.pixelColor(x, y) == QColor("#0072B2");
        QVERIFY2(blue, "no line of flash padded");
        QVERIFY_EXCEPTION_THROWN(write_png(plots[0], light_palette, "/proc/nowhere/x.png"), Error);
    }

    void a_failed_run_is_a_red_cross() {
        auto runs = sweep();
        runs.back().status = RunStatus::failed;
        runs.back().samples.clear();
        const auto plots = plots_of(runs);
        const auto svg = svg_of(plots[1], light_palette);
        QVERIFY(svg.find("rgb(70.") != std::string::npos); // #B3261E
        QVERIFY(svg_of(plots_of(sweep())[1], light_palette).find("rgb(70.") == std::string::npos);
    }

    void the_page_is_one_file_in_light_and_dark_and_quotes_what_it_shows() {
        const auto html = report_html({.title = "A <b> & c", .runs = sweep()});
        QVERIFY(html.find("A &lt;b&gt; &amp; c") != std::string::npos);
        QVERIFY(html.find("Alpha &amp; Sons") != std::string::npos);
        QVERIFY(html.find("<b>") == std::string::npos);
        QVERIFY(html.find("prefers-color-scheme: dark") != std::string::npos);
        QVERIFY(html.find("data:image/svg+xml;base64,PD94bW") != std::string::npos); // "<?xm"
        QVERIFY(html.find("http://") == std::string::npos &&
                html.find("src=\"/") == std::string::npos);
    }

    void a_page_tells_of_each_point_what_it_is_when_pointed_at() {
        const auto plots = plots_of(sweep());
        const Plot& plot = plot_named(plots, "memory");
        std::size_t all = 0;
        for (const auto& facet : plot.facets)
            for (const auto& series : facet.series) all += series.x.size();
        const auto points = points_of(plot);
        QCOMPARE(points.size(), all);
        for (const auto& point : points) {
            QVERIFY(point.x > 0 && point.x < 1 && point.y > 0 && point.y < 1);
            QVERIFY2(point.words.find("Peak memory: ") != std::string::npos &&
                         point.words.find("Sequence: ") != std::string::npos &&
                         point.words.find("run ") != std::string::npos,
                     point.words.c_str());
        }
        ReportInput input{.title = "page"};
        input.runs = sweep();
        const auto page = report_html(input);
        QVERIFY(page.find("data-words=\"flash") != std::string::npos);
    }

    void a_report_says_which_run_to_take_and_why() {
        const ReportInput input{.title = "A", .runs = sweep()};
        const auto html = report_html(input);
        for (const auto* part :
             {"Sweet spot", "Take run ", "A tie:", "Against run ", "attention naive → flash saved",
              "The front", "Against the baseline", "taken / baseline (95 %)",
              "What each optimization did", "class=\"sorts\"", "<script>"})
            QVERIFY2(html.find(part) != std::string::npos, part);
        const auto text = report_markdown(input);
        for (const auto* part : {"## Sweet spot", "- Take run ", "![Sweet spot](sweet-spot.png)",
                                 "## What each optimization did"})
            QVERIFY2(text.find(part) != std::string::npos, part);
        QVERIFY(text.find("## Quality") == std::string::npos);
        auto scored = input;
        for (auto& run : scored.runs) run.metrics["loss_nats"] = 2;
        QVERIFY(report_markdown(scored).find("## Quality") != std::string::npos);
        QVERIFY(report_html({.title = "A", .runs = {scored.runs[0]}}).find("Take run") ==
                std::string::npos);
    }

    void a_report_shows_how_far_a_run_is_from_its_reference() {
        ReportInput input{.title = "A", .runs = sweep()};
        RunRecord run = input.runs.front();
        run.scored = Scored{.reference = "run 1"};
        run.difference_bins = {{.from = -3, .to = -2, .count = 9},
                               {.from = -2, .to = -1, .count = 1}};
        run.batch_differences = {{.batch = 0, .largest = 0.05}, {.batch = 1, .largest = 0.002}};
        input.furthest = run;
        QCOMPARE(reference_plots(run).size(), std::size_t(2));
        QVERIFY(reference_plots(input.runs.front()).empty());
        const auto html = report_html(input), text = report_markdown(input);
        const auto without = report_html({.title = "A", .runs = input.runs});
        for (const auto* part : {"Against the reference", "in 1 of 2 batches", "0.05"})
            QVERIFY2(html.find(part) != std::string::npos, part);
        QVERIFY(without.find("Against the reference") == std::string::npos);
        QVERIFY(text.find("![Differences of logits](logit-differences.png)") != std::string::npos);
        QVERIFY(text.find("![Largest difference of each batch](logit-batches.png)") !=
                std::string::npos);
    }

    void the_command_to_reproduce_names_what_is_not_preset() {
        RunRecord run;
        run.config.batch = 4;
        run.config.prompt = "it's";
        QCOMPARE(how_to_reproduce({.runs = {run}}),
                 std::string("sweetspot run --batch 4 --prompt 'it'\\''s'"));
    }

    void a_table_has_units_in_its_heads_and_marks_what_must_be_known() {
        auto runs = sweep();
        runs[0].metrics["perplexity"] = 33.4;
        runs[1].status = RunStatus::failed;
        runs[1].failure = Failure::out_of_memory;
        runs[1].reason = "it needs 9 GiB | more";
        std::ostringstream out;
        write_markdown(out, runs);
        const auto text = out.str();
        for (const auto* part : {"| step time [ms] |", "| peak memory [MiB] |", "random weights",
                                 "out of memory: it needs 9 GiB \\| more", "| sequence |"})
            QVERIFY2(text.find(part) != std::string::npos, part);
        QVERIFY(text.find("| batch |") == std::string::npos);
    }

    void noise_over_the_limit_is_a_note() {
        auto run = run_at(128, AttentionVariant::flash, Layout::padded, 1, 1);
        run.config.noise = 0.01;
        QVERIFY(notes_of(run).empty());
        run.config.noise = 0.001;
        QCOMPARE(notes_of(run), (std::vector<std::string>{"noisy"}));
    }
};

SWEETSPOT_TEST(ReportTest)
#include "report_test.moc"
