#include "app/analysis/run_plots.h"
#include "app/gui/models/run_table_model.h"
#include "app/gui/models/run_text.h"
#include "app/gui/models/strip_layout.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/theme/theme.h"
#include "tests/gui/run_data.h"
#include "tests/suite.h"
#include <QAbstractItemModelTester>
#include <QBuffer>
#include <QSignalSpy>
#include <QTest>
#include <ctime>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

int columnNamed(const QAbstractItemModel& model, const QString& name) {
    for (int i = 0; i < model.columnCount(); ++i)
        if (model.headerData(i, Qt::Horizontal).toString() == name) return i;
    return -1;
}

QVariant at(const QAbstractItemModel& model, int row, const QString& column,
            int role = Qt::DisplayRole) {
    return model.index(row, columnNamed(model, column)).data(role);
}

RunRecord failed_run(std::int64_t id, int batch) {
    RunRecord run;
    run.id = id;
    run.config.batch = batch;
    run.status = RunStatus::failed;
    run.failure = Failure::out_of_memory;
    run.reason = "it asked for 9 GiB and 2 GiB are free";
    return run;
}

RunRecord small_run(std::int64_t id, int batch, double seconds, double bytes) {
    RunConfig config;
    config.batch = batch;
    return done_run(id, config, seconds, bytes);
}

QStringList numbers(const QAbstractItemModel& model) {
    QStringList all;
    for (int i = 0; i < model.rowCount(); ++i) all << model.index(i, 0).data().toString();
    return all;
}

} // namespace

class RunTableModelTest : public QObject {
    Q_OBJECT
private slots:
    void varying_fields_and_metrics_are_columns() {
        RunTableModel model;
        const QAbstractItemModelTester tester(&model);
        model.setRuns(shared({small_run(1, 1, 0.010, 3 << 20), small_run(2, 4, 0.0404, 6 << 20)}));
        QCOMPARE(model.varying(), std::vector<std::string>{"batch"});
        QCOMPARE(model.rowCount(), 2);
        QCOMPARE(at(model, 1, "Batch").toString(), "4");
        QCOMPARE(columnNamed(model, "Sequence"), -1);
        const int time = columnNamed(model, "Step time");
        QCOMPARE(model.headerData(time, Qt::Horizontal, unit_role).toString(), "ms");
        QCOMPARE(model.index(0, time).data().toString().left(2), "10");
        QVERIFY(std::abs(model.index(1, time).data(sort_role).toDouble() - 0.0404) < 0.0004);
        QCOMPARE(at(model, 1, "Peak memory").toString(), "6.000");
        QCOMPARE(at(model, 1, "Peak memory", share_role).toDouble(), 0.92);
        QCOMPARE(at(model, 0, "Padding efficiency").toString(), "80.00");
        QCOMPARE(at(model, 0, "\u00b1", spread_role).toList().size(), 5);
        QVERIFY(model.column(time).usual);
        QVERIFY(!model.column(columnNamed(model, "Work")).usual);
    }

    void a_failed_run_says_why_and_shows_no_numbers() {
        RunTableModel model;
        model.setRuns(shared({small_run(1, 1, 0.01, 1e6), failed_run(2, 64)}));
        QCOMPARE(at(model, 1, "Flags", chips_role).toStringList(),
                 QStringList{"bad:out of memory"});
        QCOMPARE(at(model, 1, "Flags", Qt::ToolTipRole).toString(),
                 "out of memory: it asked for 9 GiB and 2 GiB are free");
        QCOMPARE(at(model, 1, "Reason").toString(), "it asked for 9 GiB and 2 GiB are free");
        QCOMPARE(at(model, 1, "Step time").toString(), "");
        QVERIFY(!at(model, 1, "Step time", sort_role).isValid());
    }

    void a_run_noisier_than_its_target_is_flagged() {
        auto quiet = small_run(1, 1, 0.01, 1e6), loud = small_run(2, 2, 0.01, 1e6);
        loud.config.noise = 1e-5;
        RunTableModel model;
        model.setRuns(shared({quiet, loud}));
        QCOMPARE(at(model, 0, "Flags", chips_role).toStringList(), QStringList());
        QCOMPARE(at(model, 1, "Flags", chips_role).toStringList(), QStringList{"warn:noisy"});
        QCOMPARE(at(model, 1, "\u00b1", tone_role).toInt(), int(Tone::warn));
        QVERIFY(isFlagged(loud) && !isFlagged(quiet));
    }

    void a_run_that_is_not_the_model_says_in_what_way() {
        auto run = small_run(1, 1, 0.01, 1e6);
        run.texts["caveat"] = "its layers share one norm";
        run.metrics["device_seconds"] = 0.008;
        RunTableModel model;
        model.setRuns(shared({run}));
        QCOMPARE(at(model, 0, "Flags", chips_role).toStringList(),
                 QStringList{"warn:not the model"});
        QCOMPARE(at(model, 0, "Flags", Qt::ToolTipRole).toString(), "its layers share one norm");
        QVERIFY(!model.column(columnNamed(model, "Device time")).usual); // in the chooser
    }

    void quality_of_random_weights_is_greyed_and_flagged() {
        auto random = small_run(1, 1, 0.01, 1e6), loaded = small_run(2, 2, 0.01, 1e6);
        random.metrics["loss_nats"] = loaded.metrics["loss_nats"] = std::log(12.5);
        loaded.weights->loaded = true;
        RunTableModel model;
        model.setRuns(shared({random, loaded}));
        QCOMPARE(at(model, 0, "Perplexity").toString(), "12.50");
        QVERIFY(at(model, 0, "Perplexity", muted_role).toBool());
        QVERIFY(!at(model, 1, "Perplexity", muted_role).toBool());
        QCOMPARE(at(model, 0, "Flags", chips_role).toStringList(),
                 QStringList{"warn:random weights"});
    }

    void a_run_that_goes_on_changes_its_row_only() {
        auto runs = std::make_shared<std::vector<RunRecord>>(grid(24, 5));
        const RunRecord whole = runs->at(3);
        runs->at(3).status = RunStatus::running;
        RunTableModel model;
        const QAbstractItemModelTester tester(&model);
        model.setRuns(runs);
        QCOMPARE(at(model, 3, "Flags", chips_role).toStringList(), QStringList{"accent:running"});
        QSignalSpy reset(&model, &QAbstractItemModel::modelReset);
        QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
        model.setRuns(runs); // nothing happened
        QCOMPARE(changed.size(), 0);
        runs->at(3) = whole;
        model.setRuns(runs);
        QCOMPARE(reset.size(), 0);
        QCOMPARE(changed.size(), 1);
        QCOMPARE(changed[0][0].toModelIndex().row(), 3);
        QCOMPARE(changed[0][1].toModelIndex().row(), 3);
        QVERIFY(!at(model, 3, "Step time").toString().isEmpty());
    }

    void sorting_goes_by_number_and_leaves_failed_runs_last() {
        RunTableModel model;
        RunProxy proxy(&model);
        const QAbstractItemModelTester tester(&proxy);
        model.setRuns(shared({small_run(1, 16, 0.9, 1e6), failed_run(2, 64),
                              small_run(3, 2, 10.5, 1e6), small_run(4, 4, 2.5, 1e6)}));
        const int time = columnNamed(proxy, "Step time");
        proxy.sort(time, Qt::AscendingOrder);
        QCOMPARE(numbers(proxy), QStringList({"1", "4", "3", "2"}));
        proxy.sort(time, Qt::DescendingOrder);
        QCOMPARE(numbers(proxy), QStringList({"3", "4", "1", "2"}));
        proxy.sort(columnNamed(proxy, "Batch"), Qt::AscendingOrder);
        QCOMPARE(numbers(proxy), QStringList({"3", "4", "1", "2"}));
    }

    void a_filter_takes_words_fields_and_metrics() {
        RunTableModel model;
        RunProxy proxy(&model);
        auto naive = small_run(3, 8, 0.5, 3e9);
        naive.config.attention = AttentionVariant::naive;
        model.setRuns(shared({small_run(1, 1, 0.01, 1e6), failed_run(2, 64), naive}));
        const auto left = [&](const QString& text) {
            const RunTerms parsed = parseTerms(text);
            if (!parsed.problem.isEmpty()) return QStringList{parsed.problem};
            proxy.setTerms(parsed.terms);
            return numbers(proxy);
        };
        QCOMPARE(left(""), QStringList({"1", "2", "3"}));
        QCOMPARE(left("NAIVE"), QStringList({"3"}));
        QCOMPARE(left("attention=flash batch>=2"), QStringList({"2"}));
        QCOMPARE(left("batch >= 2"), QStringList({"2", "3"}));
        QCOMPARE(left("naive, batch>=4"), QStringList({"3"})); // as the field's own example
        QCOMPARE(left("peak_memory<2GiB"), QStringList({"1"}));
        QCOMPARE(left("step_seconds>100ms"), QStringList({"3"}));
        QCOMPARE(left("status!=done"), QStringList({"2"}));
        QCOMPARE(left("memory"), QStringList({"2"})); // in the reason
        QCOMPARE(left("nothing"), QStringList());
        QCOMPARE(left("/^(naive|vendor)$/"), QStringList({"3"}));
        QCOMPARE(left("/^FLASH$/ batch>=2"), QStringList({"2"}));
        QCOMPARE(left("/^lash/"), QStringList());
    }

    void a_wrong_term_is_a_sentence_with_the_nearest_name() {
        QCOMPARE(parseTerms("btach=4").problem,
                 "There is no field or metric \"btach\"; did you mean \"batch\"?");
        QCOMPARE(parseTerms("peak_bytes<large").problem,
                 "peak_bytes is compared with a number, and \"large\" is none.");
        QCOMPARE(parseTerms("batch>=").problem,
                 "\"batch>=\" is not complete: write for example batch>=8.");
        QCOMPARE(parseTerms("/na(ive/").problem,
                 "/na(ive/ is no regular expression: missing closing parenthesis, at character 7.");
    }

    void csv_has_units_and_all_digits() {
        RunTableModel model;
        RunProxy proxy(&model);
        model.setRuns(shared({small_run(1, 1, 0.01, 1e6), failed_run(2, 64)}));
        proxy.setTerms(parseTerms("status=failed").terms);
        QBuffer file;
        file.open(QIODevice::WriteOnly);
        QVERIFY(writeCsv(proxy, file));
        const QStringList lines = QString::fromUtf8(file.data()).split("\r\n");
        QCOMPARE(lines.size(), 3);
        QVERIFY2(lines[0].startsWith("Run,Batch,Step time (ms)"), qPrintable(lines[0]));
        QVERIFY2(lines[1].startsWith("2,64,,"), qPrintable(lines[1]));
        QVERIFY2(lines[1].endsWith(",out of memory,it asked for 9 GiB and 2 GiB are free"),
                 qPrintable(lines[1]));
    }

    void a_series_keeps_its_slot_when_others_have_no_points() {
        auto runs = grid(48, 3);
        PlotChoice choice{.x = "sequence",
                          .y = "step_seconds",
                          .colour = {"attention", "layout"},
                          .facet = {"batch"}};
        const PlotLayout layout = plot_layout(runs, choice);
        using Names = std::vector<std::string>;
        QCOMPARE(layout.series, Names({"naive padded", "naive bucketed", "naive ragged",
                                       "flash padded", "flash bucketed", "flash ragged"}));
        QCOMPARE(layout.colours, std::vector<int>({1, 3, 4, 0, 5, 2})); // as they are everywhere
        QCOMPARE(layout.facets, Names({"batch 1", "batch 2", "batch 4", "batch 8"}));
        QVERIFY(layout.x.scale == PlotScale::log2); // 64 and 128
        std::erase_if(runs, [](const RunRecord& run) {
            return run.config.attention == AttentionVariant::naive || run.config.batch != 4;
        });
        const auto specs = plot_specs(facets(runs, choice), layout);
        QCOMPARE(specs.size(), size_t(1));
        QCOMPARE(specs[0].title, std::string("batch 4"));
        QCOMPARE(specs[0].series.size(), size_t(3));
        QCOMPARE(specs[0].series[0].slot, 0);
        QCOMPARE(specs[0].y.unit, std::string("ms"));
        QVERIFY(!specs[0].series[0].lo.empty());
        QCOMPARE(plot_specs(facets(runs, choice), layout, true).size(), size_t(4));
    }

    void a_failed_run_is_a_cross_and_repeated_x_are_points() {
        const std::vector<RunRecord> runs{small_run(1, 1, 0.01, 1e6), failed_run(2, 64)};
        const PlotChoice choice{.x = "batch", .y = "peak_bytes", .colour = {}, .facet = {}};
        auto specs = plot_specs(facets(runs, choice), plot_layout(runs, choice));
        QCOMPARE(specs[0].series[0].misfit_x, std::vector<double>{64});
        QCOMPARE(specs[0].series[0].ids, std::vector<std::int64_t>{1});
        QVERIFY(specs[0].kind == PlotKind::lines);
        const auto all = grid(48, 1);
        const PlotLayout layout = plot_layout(all, choice);
        QVERIFY(plot_specs(facets(all, choice), layout)[0].kind == PlotKind::points);
        QCOMPARE(plot_note(layout, varying_fields(all)),
                 std::string("sequence, attention and layout vary within a series"));
    }

    void a_strip_groups_a_full_grid_by_x() {
        const auto runs = grid(48, 1);
        const auto choice = default_choice(runs, "step_seconds");
        const StripLayout strip =
            stripLayout(runs, plot_layout(runs, choice), varying_fields(runs));
        QCOMPARE(strip.rows.size(), 6);
        int cells = 0;
        for (const StripRow& row : strip.rows) cells += int(row.cells.size());
        QCOMPARE(cells, 48);
        QVERIFY(strip.groups.size() > 1);
        for (size_t i = 0; i < runs.size(); ++i) {
            const QPoint place = strip.places[i];
            QCOMPARE(strip.runs[size_t(place.y())][size_t(place.x())], int(i));
        }
    }

    void a_strip_of_single_points_has_one_group() {
        auto runs = grid(48, 1);
        runs.erase(runs.begin() + 5);
        const auto choice = default_choice(runs, "step_seconds");
        const StripLayout strip =
            stripLayout(runs, plot_layout(runs, choice), varying_fields(runs));
        QCOMPARE(strip.groups.size(), 1);
    }

    void a_strip_counts_one_sequence() {
        std::vector<RunRecord> runs;
        for (const int batch : {1, 2}) {
            runs.push_back(grid(1, 1)[0]);
            runs.back().config.batch = batch;
        }
        const StripLayout strip = stripLayout(
            runs, plot_layout(runs, {.x = "batch", .y = "step_seconds"}), varying_fields(runs));
        QCOMPARE(strip.groups, QStringList({"1 sequence", "2 sequences"}));
    }

    void a_strip_puts_fractions_in_their_order() {
        std::vector<RunRecord> runs;
        for (const double fraction : {0.9, 0.25, 0.1}) {
            runs.push_back(grid(1, 1)[0]);
            runs.back().config.mask_fraction = fraction;
        }
        const auto choice = default_choice(runs, "step_seconds");
        const StripLayout strip =
            stripLayout(runs, plot_layout(runs, choice), varying_fields(runs));
        QCOMPARE(strip.groups, QStringList({"0.1", "0.25", "0.9"}));
    }

    void a_thousand_runs_of_a_hundred_samples_are_taken_quickly() {
        const Shared runs = shared(grid(1000, 100));
        // Time of the processor: what others do on it does not count.
        const auto cpu_ms = [] { return 1e3 * double(std::clock()) / CLOCKS_PER_SEC; };
        const double begin = cpu_ms();
        RunTableModel model;
        model.setRuns(runs);
        const double took = cpu_ms() - begin;
        qInfo("1,000 runs x 100 samples into the model: %.1f ms", took);
        const auto choice = default_choice(*runs, "step_seconds");
        const auto specs = plot_specs(facets(*runs, choice), plot_layout(*runs, choice));
        qInfo("and into plots: %.1f ms", cpu_ms() - begin - took);
        const double before = cpu_ms();
        model.setRuns(runs);
        qInfo("again without a change: %.2f ms", cpu_ms() - before);
        QVERIFY(!specs.empty());
        QVERIFY2(took < 300, qPrintable(QString("%1 ms").arg(took)));
    }
};

SWEETSPOT_TEST(RunTableModelTest)
#include "run_table_model_test.moc"
