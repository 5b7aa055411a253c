#include "app/analysis/columns.h"
#include "app/analysis/run_plots.h"
#include "app/gui/pages/aligned_table.h"
#include "app/gui/pages/compare_page.h"
#include "app/gui/pages/groups_card.h"
#include "app/gui/pages/quality_page.h"
#include "app/gui/pages/quality_table.h"
#include "app/gui/pages/reference_card.h"
#include "app/gui/pages/sweet_spot_page.h"
#include "app/gui/pages/texts_card.h"
#include "app/gui/pages/timeline_page.h"
#include "app/gui/pages/waterfall_plot.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/table/table_view.h"
#include "app/gui/theme/theme.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/message.h"
#include "tests/gui/run_data.h"
#include "tests/gui/scored_runs.h"
#include "tests/gui/shown_results.h"
#include "tests/suite.h"
#include <QSettings>
#include <QSlider>
#include <QTemporaryDir>
#include <QTextEdit>

using namespace sweetspot;
using namespace sweetspot::gui;
using namespace sweetspot::gui_test;

namespace {

/// A run, and another that was held against it.
std::vector<RunRecord> referred() {
    auto runs = scored({6.4, 6.5});
    for (auto& run : runs) {
        run.scored = Scored{.data = "text.txt", .window = 64, .tokens_sha256 = "same"};
        run.token_losses.assign(100, 1.5F);
    }
    runs[1].token_losses.assign(100, 1.6F);
    runs[1].scored->reference = "run 1";
    runs[1].scored->reference_tokens = 100;
    runs[1].difference_bins = {
        {-std::numeric_limits<double>::infinity(), -12, 60}, {-3, -2.5, 30}, {-1, -0.5, 10}};
    runs[1].layer_differences = {{0, BlockPlace::attention, 0.001},
                                 {0, BlockPlace::mlp, 0.002},
                                 {1, BlockPlace::attention, 0.03}};
    runs[1].batch_differences = {{0, 0.25}, {1, 0.75}};
    runs[1].logit_bins = {{-2, 0, 30, 29}, {0, 2, 10, 11}};
    return runs;
}

RunRecord traced(std::int64_t id, AttentionVariant attention, double attention_seconds,
                 double mlp_seconds) {
    RunConfig config;
    config.attention = attention;
    RunRecord run = done_run(id, config, attention_seconds + mlp_seconds, 1e6 * double(id));
    run.regions = {{"model", 1, 0, attention_seconds + mlp_seconds, 3e6, 1e6},
                   {"model/attention", 1, 0, attention_seconds, 1e6, 5e5},
                   {"model/mlp", 1, attention_seconds, mlp_seconds, 2e6, 5e5}};
    return run;
}

} // namespace

class DecidePagesTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QCoreApplication::setOrganizationName("sweetspot-tests");
        QCoreApplication::setApplicationName("decide-pages");
        QSettings().clear();
        applyTheme(lightTheme());
    }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void without_runs_each_page_says_how_to_get_some() {
        Session session;
        SweetSpotPage spot(session);
        ComparePage compare(session);
        QualityPage quality(session);
        for (SweepPage* page : std::initializer_list<SweepPage*>{&spot, &compare, &quality}) {
            page->show();
            QVERIFY(page->isEmpty());
        }
    }

    void two_runs_are_compared_by_verdicts_and_bars_that_add_up() {
        const RunRecord a = traced(1, AttentionVariant::naive, 0.03, 0.02),
                        b = traced(2, AttentionVariant::flash, 0.01, 0.02);
        const PlotSpec spec = plotOf(waterfall(a, b, Quantity::time, By::region));
        // From A's bar each begins where the one before ended, and B's is reached.
        std::vector<std::pair<double, double>> bars(spec.x.categories.size());
        for (const PlotSeries& series : spec.series)
            for (std::size_t i = 0; i < series.x.size(); ++i)
                bars[std::size_t(series.x[i])] = {series.lo[i], series.hi[i]};
        QVERIFY(bars.size() > 2);
        double at = bars.front().second;
        for (std::size_t i = 1; i + 1 < bars.size(); ++i) {
            const bool down = std::abs(bars[i].second - at) < 1e-9;
            QVERIFY(down || std::abs(bars[i].first - at) < 1e-9);
            at = down ? bars[i].first : bars[i].second;
        }
        QVERIFY(std::abs(at - bars.back().second) < 1e-9);
    }

    void a_and_b_are_what_was_picked_and_can_be_swapped() {
        On<ComparePage> shown(path(), grid(12, 4));
        QVERIFY(shown.ready);
        Selection& selection = shown.session.selection();
        QVERIFY(!shown.page.plot()->isVisible()); // nothing is picked yet
        selection.setRuns({shown.run(0).id, shown.run(6).id});
        QTRY_VERIFY(!shown.page.verdicts().isEmpty());
        QVERIFY2(shown.page.verdicts().contains("MEMORY"), qPrintable(shown.page.verdicts()));
        const RunPair before = selection.pair();
        shown.page.swapButton()->click();
        QCOMPARE(selection.pair().a, before.b);
        QSignalSpy again(&shown.page, &ComparePage::againRequested);
        shown.page.againButton()->click();
        const auto order = again.at(0)[0].value<SweepOrder>();
        QVERIFY(order.again);
        QCOMPARE(plan(order.spec).size(), std::size_t(2)); // both, and nothing else
    }

    void two_groups_are_matched_point_by_point() {
        On<ComparePage> shown(path(), grid(12, 4));
        QVERIFY(shown.ready);
        ComparePage& page = shown.page;
        page.what()->setCurrent(1);
        GroupsCard* groups = page.groups();
        QVERIFY(groups->isVisible() && !page.plot()->isVisible());
        const auto choose = [](Select* side, const QString& name) {
            side->setCurrentIndex(side->findText(name));
            emit side->activated(side->currentIndex());
        };
        choose(groups->a(), "attention naive");
        choose(groups->b(), "attention flash");
        QCOMPARE(groups->found().pairs.size(), std::size_t(6));
        QCOMPARE(groups->table()->model()->rowCount(), 6);
        // Flash takes half the time of naive at each point.
        QVERIFY2(groups->saying().contains("Step time over 6 pairs: × 0.500 in the geometric mean"),
                 qPrintable(groups->saying()));
        // What the card says is what `compare` says.
        for (const std::string& sentence : warnings_of(groups->found()))
            QVERIFY(groups->saying().contains(QString::fromStdString(sentence)));
        const Pair& pair = groups->found().pairs.front();
        const RunPair ids{pair.a->id, pair.b->id};
        emit groups->table()->doubleClicked(groups->table()->model()->index(0, 0));
        QCOMPARE(page.what()->current(), 0);
        QVERIFY(shown.session.selection().pair() == ids);
        QTRY_VERIFY(!page.verdicts().isEmpty());
        page.what()->setCurrent(1);
        choose(groups->b(), "attention naive");
        QCOMPARE(groups->table()->model()->rowCount(), int(groups->found().pairs.size()));
        QVERIFY(!groups->saying().isEmpty());
        QCOMPARE(page.context(), "attention naive against attention naive");
    }

    void groups_without_common_points_are_a_sentence_and_no_empty_table() {
        auto runs = grid(4, 4); // naive and flash, at batches of their own
        for (RunRecord& run : runs) {
            run.config.batch = 1 << run.id;
            run.hash = hash_of(run.config);
        }
        On<ComparePage> shown(path(), runs);
        QVERIFY(shown.ready);
        shown.page.what()->setCurrent(1);
        GroupsCard* groups = shown.page.groups();
        for (auto [side, name] :
             {std::pair(groups->a(), "attention naive"), {groups->b(), "attention flash"}}) {
            side->setCurrentIndex(side->findText(name));
            emit side->activated(side->currentIndex());
        }
        QVERIFY2(groups->saying().contains("no points in common"), qPrintable(groups->saying()));
        QVERIFY(!groups->table()->isVisible());
    }

    void changes_inside_the_noise_are_in_no_colour() {
        RunRecord a = traced(1, AttentionVariant::naive, 0.03, 0.02),
                  b = traced(2, AttentionVariant::flash, 0.01, 0.0201);
        AlignedTable table;
        table.present(a, b);
        table.which()->setCurrent(3);
        const QAbstractItemModel* model = table.table()->model();
        QMap<QString, Tone> tones;
        for (int row = 0; row < model->rowCount(); ++row)
            tones[model->index(row, 0).data(Qt::ToolTipRole).toString()] =
                Tone(model->index(row, 3).data(tone_role).toInt());
        QCOMPARE(tones["model/attention"], Tone::good);
        QCOMPARE(tones["model/mlp"], Tone::neutral); // 0.5 % more of one pass
    }

    void a_run_without_a_trace_says_how_to_get_one_and_in_the_middle_of_the_page() {
        On<TimelinePage> shown(path(), grid(2, 4));
        QVERIFY(shown.ready);
        const EmptyState* found = nullptr;
        for (const EmptyState* each : shown.page.findChildren<EmptyState*>())
            if (each->isVisible()) found = each;
        QVERIFY(found && found->button());
        QVERIFY(found->button()->isEnabled());
        QTRY_VERIFY(found->height() > shown.page.height() / 2);
        QStringList words;
        for (const QLabel* label : found->findChildren<QLabel*>()) words << label->text();
        QVERIFY2(words.contains("Run 1 was not traced in full"), qPrintable(words.join('|')));
    }

    void aligned_rows_are_those_that_changed_until_all_are_asked_for() {
        AlignedTable table;
        table.resize(900, 300);
        table.show();
        table.present(traced(1, AttentionVariant::naive, 0.03, 0.02),
                      traced(2, AttentionVariant::flash, 0.01, 0.02));
        table.which()->setCurrent(3);
        QCOMPARE(table.table()->model()->rowCount(), 3);
        table.filter()->setText("mlp");
        QCOMPARE(table.table()->model()->rowCount(), 1);
        table.which()->setCurrent(1);
        QCOMPARE(table.table()->model()->rowCount(), 0);
    }

    void by_name_a_stretch_comes_before_what_is_inside_it() {
        RunRecord a = traced(1, AttentionVariant::naive, 0.03, 0.02),
                  b = traced(2, AttentionVariant::flash, 0.01, 0.02);
        for (RunRecord* run : {&a, &b}) {
            run->regions.push_back({"model/layer 10", 1, 0.05, 0.01, 1e6, 5e5});
            run->regions.push_back({"model/layer 2", 1, 0.06, 0.01, 1e6, 5e5});
            run->regions.push_back({"model/layer 2/mlp", 1, 0.06, 0.005, 1e6, 5e5});
            run->regions.push_back({"model 2", 1, 0.08, 0.01, 1e6, 5e5});
        }
        AlignedTable table;
        table.show();
        table.present(a, b);
        table.which()->setCurrent(3);
        QCOMPARE(table.table()->model()->index(0, 0).data(Qt::ToolTipRole).toString(), "model");
        const auto order = [&](Qt::SortOrder by) {
            table.table()->sortByColumn(0, by);
            QStringList paths;
            const QAbstractItemModel* model = table.table()->model();
            for (int row = 0; row < model->rowCount(); ++row)
                paths << model->index(row, 0).data(Qt::ToolTipRole).toString();
            return paths;
        };
        QCOMPARE(order(Qt::AscendingOrder),
                 QStringList({"model", "model/attention", "model/layer 2", "model/layer 2/mlp",
                              "model/layer 10", "model/mlp", "model 2"}));
        QCOMPARE(order(Qt::DescendingOrder),
                 QStringList({"model 2", "model", "model/mlp", "model/layer 10", "model/layer 2",
                              "model/layer 2/mlp", "model/attention"}));
    }

    void quality_is_held_against_the_reference_that_is_set() {
        On<QualityPage> shown(path(), scored({6.4, 6.4, 7.0}));
        QVERIFY(shown.ready);
        shown.session.selection().setBaseline(shown.run(1).id);
        QVERIFY2(shown.page.reference().startsWith(QString("#%1 ").arg(shown.run(1).id)),
                 qPrintable(shown.page.reference()));
        QCOMPARE(shown.page.table()->table()->model()->rowCount(), 3);
        shown.session.selection().setRuns({shown.run(2).id});
        const QString verdicts = shown.page.verdicts();
        QVERIFY2(!verdicts.isEmpty(), qPrintable(verdicts));
        // What the page says is what compare says.
        for (const MetricComparison& metric : compare(shown.run(1), shown.run(2)).metrics)
            if (metric.metric == "perplexity")
                QVERIFY2(
                    verdicts.contains(
                        QString::fromStdString(std::string(to_text(metric.verdict))).toUpper()),
                    qPrintable(verdicts));
    }

    void differences_of_quality_are_drawn_with_their_intervals() {
        auto runs = scored({6.4, 6.4, 7.0});
        for (RunRecord& run : runs)
            run.scored = Scored{.data = "text.txt", .window = 64, .tokens_sha256 = "same"};
        for (std::size_t i = 0; i < runs.size(); ++i)
            for (int token = 0; token < 100; ++token)
                runs[i].token_losses.push_back(
                    float(std::log(i == 2 ? 7.0 : 6.4) + 0.01 * (token % 7) * double(i)));
        On<QualityPage> shown(path(), runs);
        QVERIFY(shown.ready);
        shown.session.selection().setBaseline(shown.run(0).id);
        const auto worse = [&]() -> const PlotSeries* {
            if (shown.page.plot()->views().isEmpty()) return nullptr;
            for (const PlotSeries& series : shown.page.plot()->views()[0]->spec().series)
                for (const auto id : series.ids)
                    if (id == shown.run(2).id) return &series;
            return nullptr;
        };
        QTRY_VERIFY(worse() && !worse()->lo.empty());
        const auto paired = paired_loss(runs[0].token_losses, runs[2].token_losses);
        QCOMPARE(worse()->lo.front(), paired->difference_low);
        QCOMPARE(worse()->hi.front(), paired->difference_high);
        QVERIFY(worse()->lo.front() < worse()->hi.front());
        const QAbstractItemModel* table = shown.page.table()->table()->model();
        QCOMPARE(table->headerData(3, Qt::Horizontal).toString(), "95 % interval");
        QVERIFY(table->index(2, 3).data().toString().contains(" to "));
    }

    void of_runs_that_are_the_same_the_one_that_rounds_nothing_is_the_reference() {
        auto runs = scored({6.4001, 6.4, 7.0});
        runs[1].config.precision = Precision::bf16;
        runs[1].hash = hash_of(runs[1].config);
        On<QualityPage> shown(path(), runs);
        QVERIFY(shown.ready);
        QVERIFY2(shown.page.reference().startsWith(QString("#%1 ").arg(shown.run(0).id)),
                 qPrintable(shown.page.reference()));
    }

    void runs_of_which_none_is_done_say_why_and_draw_nothing() {
        auto runs = grid(4, 4);
        for (RunRecord& run : runs) {
            run.status = RunStatus::failed;
            run.failure = Failure::bad_input;
            run.reason = "the reference was changed since it was written";
        }
        write(path(), runs);
        Session session;
        SweetSpotPage spot(session);
        QualityPage quality(session);
        QVERIFY(opens(session, path()));
        session.selection().setSweep(session.sweeps()->front().id);
        QTRY_COMPARE(session.runs()->size(), std::size_t(4));
        for (SweepPage* page : std::initializer_list<SweepPage*>{&spot, &quality}) {
            page->show();
            QTRY_VERIFY(page->isEmpty());
            QStringList words;
            for (const QLabel* label : page->findChildren<QLabel*>())
                if (label->isVisible()) words << label->text();
            QVERIFY2(words.join('|').contains("4 bad input: the reference was changed"),
                     qPrintable(words.join('|')));
        }
    }

    void a_run_that_was_held_against_another_experiments_is_explained() {
        On<QualityPage> shown(path(), {referred()[1]});
        QVERIFY(shown.ready);
        QTRY_VERIFY(shown.page.against()->isVisible());
    }

    void one_run_alone_is_a_sentence() {
        On<QualityPage> shown(path(), scored({6.4}));
        QVERIFY(shown.ready);
        const auto states = shown.page.findChildren<EmptyState*>();
        QTRY_VERIFY(std::ranges::any_of(states, &EmptyState::isVisible));
    }

    void trainings_have_loss_curves() {
        auto runs = scored({6.4, 6.5, 7.0});
        for (std::size_t i = 0; i < 2; ++i) {
            runs[i].config.task = Task::train;
            runs[i].hash = hash_of(runs[i].config);
            for (int step = 0; step < 5; ++step)
                runs[i].samples["train_loss"].push_back({"train_loss", step, 3.0 - 0.1 * step});
            runs[i].samples["validation_loss"] = {{"validation_loss", 4, 2.8}};
        }
        On<QualityPage> shown(path(), runs);
        QVERIFY(shown.ready);
        QTRY_VERIFY(shown.page.curves()->isVisible());
        const auto views = shown.page.curves()->views();
        QCOMPARE(views.size(), 2); // what it learns from, and what is held out
        QCOMPARE(views[0]->spec().series.size(), std::size_t(2));
        QCOMPARE(views[0]->spec().series[0].x, (std::vector<double>{1, 2, 3, 4, 5}));
        QCOMPARE(views[1]->spec().series[1].y, std::vector<double>{2.8});
        // What they are scored with is no file's, nor random.
        const auto chips = shown.page.findChildren<Chip*>();
        QVERIFY(std::ranges::any_of(
            chips, [](const Chip* chip) { return chip->text() == "weights as trained"; }));
        // Without a training there are none.
        QVERIFY(loss_curves(std::span(runs).subspan(2)).facets.empty());
    }

    void a_run_with_a_reference_shows_its_logits_batches_and_layers() {
        On<QualityPage> shown(path(), referred());
        QVERIFY(shown.ready);
        Selection& selection = shown.session.selection();
        ReferenceCard* card = shown.page.against();
        selection.setBaseline(shown.run(0).id);
        // Until one is chosen, the run that is furthest from the reference is explained.
        QTRY_VERIFY(card->isVisible());
        QVERIFY(shown.page.verdicts().contains("PERPLEXITY"));
        selection.setRuns({shown.run(1).id});
        QTRY_VERIFY2(shown.page.told().contains("of 100 tokens of text.txt"),
                     qPrintable(shown.page.told()));
        QVERIFY2(shown.page.told().contains("leaves run 1 first in attention's output in layer 1"),
                 qPrintable(shown.page.told()));
        QVERIFY(card->plot()->values().contains("30"));
        for (const auto& [view, word] :
             {std::pair(ReferenceCard::batches, "0.75"), std::pair(ReferenceCard::logits, "run 1"),
              std::pair(ReferenceCard::layers, "attention")}) {
            card->views()->setCurrent(view);
            QVERIFY2(card->plot()->values().contains(word), qPrintable(card->plot()->values()));
        }
        selection.setRuns({shown.run(0).id}); // which was held against nothing
        QTRY_VERIFY(!card->isVisible());
    }

    void what_counts_as_a_difference_is_typed_or_dragged() {
        On<QualityPage> shown(path(), referred());
        QVERIFY(shown.ready);
        Selection& selection = shown.session.selection();
        selection.setBaseline(shown.run(0).id);
        selection.setRuns({shown.run(1).id});
        ReferenceCard* card = shown.page.against();
        QTRY_VERIFY(card->isVisible());
        const auto type = [&](const char* text) {
            card->toleranceField()->clear();
            QTest::keyClicks(card->toleranceField(), text);
        };
        type("0.05");
        QCOMPARE(card->tolerance(), 0.05);
        QVERIFY2(shown.page.told().contains("No layer of Run 2 is off by more than 5"),
                 qPrintable(shown.page.told()));
        type("much");
        QVERIFY(card->toleranceField()->property("wrong").toBool());
        QCOMPARE(card->tolerance(), 0.05);
        // A line of layers lies at percents, and means shares.
        card->views()->setCurrent(ReferenceCard::layers);
        emit card->plot()->views()[0]->limitMoved(0, 2.5);
        QCOMPARE(card->tolerance(), 0.025);
        QVERIFY2(shown.page.told().contains("first in attention's output in layer 1"),
                 qPrintable(shown.page.told()));
        QVERIFY(!card->toleranceField()->property("wrong").toBool());
    }

    void the_first_difference_of_two_texts_is_found() {
        const auto wrote = [](const char* text, const char* tokens = nullptr) {
            RunRecord run;
            run.texts["generated"] = text;
            if (tokens) run.texts["generated_tokens"] = tokens;
            return run;
        };
        const auto places = [&](const RunRecord& a, const RunRecord& b) {
            const TextDifference at = firstDifference(a, b);
            return at.differ ? QString("%1-%2 %3-%4")
                                   .arg(QString::number(at.begin[0]), QString::number(at.end[0]),
                                        QString::number(at.begin[1]), QString::number(at.end[1]))
                             : QString("the same");
        };
        // Two tokens a word: "up" is the same, what follows it is another one.
        const auto upon = wrote("once upon a", "7:4 8:3 9:2 10:2");
        QCOMPARE(places(upon, wrote("once upper", "7:4 8:3 11:3")), QString("7-9 7-10"));
        QCOMPARE(firstDifference(upon, wrote("once upper", "7:4 8:3 11:3")).where,
                 QString("they differ from token 3 on"));
        QCOMPARE(places(upon, upon), QString("the same"));
        QCOMPARE(places(upon, wrote("once up", "7:4 8:3")), QString("7-9 7-7"));
        QCOMPARE(places(upon, wrote("once upon a", "7:4 12:5 10:2")), QString("4-7 4-9"));
        // Letters of several bytes, a token that is half of one, and a second sequence.
        const auto two = wrote("\u00e4b\n\u00e9", "1:2 2:1\n3:1 4:1");
        QCOMPARE(places(two, wrote("\u00e4b\n\u00e8", "1:2 2:1\n3:1 5:1")), QString("3-4 3-4"));
        QVERIFY(firstDifference(two, wrote("\u00e4b\nx", "1:2 2:1\n9:1"))
                    .where.contains("token 1 of sequence 2"));
        // Runs that do not tell, or tell what their text is not: by character.
        QCOMPARE(places(wrote("once upon"), wrote("once again")), QString("5-6 5-6"));
        QCOMPARE(places(wrote("same"), wrote("same")), QString("the same"));
        QCOMPARE(places(wrote("same"), wrote("same and more")), QString("4-4 4-5"));
        QCOMPARE(places(wrote("", ""), wrote("")), QString("the same"));
        QCOMPARE(places(upon, wrote("once again", "7:99")), QString("5-6 5-6"));
    }

private:
    QString path() const { return folder_->filePath("runs.sweetspot"); }

    std::unique_ptr<QTemporaryDir> folder_;
};

SWEETSPOT_TEST(DecidePagesTest)
#include "decide_pages_test.moc"
