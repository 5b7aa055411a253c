// What was paid in quality, against hand-made cases and brute force.
#include "app/analysis/compare.h"
#include "app/analysis/quality.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <random>

using namespace sweetspot;

namespace {

/// A finished run that scored some tokens.
RunRecord scored(std::vector<float> losses, const std::string& tokens = "t") {
    RunRecord run;
    run.status = RunStatus::done;
    run.scored = Scored{.data = "a.txt",
                        .data_sha256 = "d",
                        .tokenizer = "bpe",
                        .vocabulary = 9,
                        .window = 64,
                        .marks = "no marks",
                        .tokens_sha256 = tokens};
    double sum = 0;
    for (const float loss : losses) sum += double(loss);
    run.metrics["loss_nats"] = sum / double(losses.size());
    run.metrics["perplexity"] = std::exp(run.metrics["loss_nats"]);
    run.metrics["scored_tokens"] = double(losses.size());
    run.token_losses = std::move(losses);
    return run;
}

} // namespace

class QualityTest : public QObject {
    Q_OBJECT

private slots:
    void equal_losses_differ_in_nothing_for_certain() {
        const std::vector<float> losses{1, 2, 3, 0.5F};
        const auto y = *paired_loss(losses, losses);
        QCOMPARE(y.tokens, 4);
        QCOMPARE(y.difference, 0.0);
        QCOMPARE(y.difference_low, 0.0);
        QCOMPARE(y.difference_high, 0.0);
        QCOMPARE(y.ratio_high, 1.0);
        QVERIFY(!y.told());
    }

    void perplexities_are_those_of_the_mean_losses() {
        const float l2 = std::log(2.0F), l8 = std::log(8.0F);
        const auto y = *paired_loss(std::vector<float>{l2, l8}, std::vector<float>{l8, l8});
        QVERIFY(std::abs(y.a - 4) < 1e-6);
        QVERIFY(std::abs(y.b - 8) < 1e-6);
        QVERIFY(std::abs(y.ratio - 2) < 1e-6);
        QVERIFY(std::abs(y.difference - 4) < 1e-6);
    }

    void two_tokens_have_the_interval_of_all_their_resamples() {
        // Losses differ by 0 in one and by log 4 in the other: a resample's ratio is 1, 2 or 4 with
        // probabilities 1/4, 1/2, 1/4.
        const float l4 = std::log(4.0F);
        const auto y = *paired_loss(std::vector<float>{0, 0}, std::vector<float>{0, l4});
        QVERIFY(std::abs(y.ratio_low - 1) < 1e-6 && std::abs(y.ratio_high - 4) < 1e-6);
        QVERIFY(!y.told());
    }

    void a_shift_of_every_token_is_told_however_the_tokens_vary() {
        std::mt19937 random(2);
        std::exponential_distribution<float> draw(0.5F);
        std::vector<float> a, b;
        for (int i = 0; i < 5000; ++i) {
            a.push_back(draw(random));
            b.push_back(a.back() + 0.01F);
        }
        const auto y = *paired_loss(a, b);
        QVERIFY(y.told());
        QVERIFY(std::abs(y.ratio_low - std::exp(0.01)) < 1e-4);
        QVERIFY(std::abs(y.ratio_high - std::exp(0.01)) < 1e-4);
    }

    void intervals_hold_what_they_promise() {
        // Losses that differ by independent noise around nothing: of 200 pairs about 190 intervals
        // hold 1. The tolerance is four standard deviations.
        std::mt19937 random(3);
        std::normal_distribution<float> noise(0, 0.2F);
        int held = 0;
        for (int pair = 0; pair < 200; ++pair) {
            std::vector<float> a(300, 2), b(300, 2);
            for (float& loss : b) loss += noise(random);
            const auto y = *paired_loss(a, b);
            held += y.ratio_low <= 1 && y.ratio_high >= 1;
        }
        QVERIFY2(held >= 177 && held <= 199, std::to_string(held).c_str());
    }

    void neighbours_that_are_alike_widen_the_interval() {
        std::mt19937 random(4);
        std::normal_distribution<float> noise(0, 0.2F);
        std::vector<float> a(100'000, 2), b(100'000, 2), shuffled;
        for (std::size_t i = 0; i < b.size(); i += 100) {
            const float change = noise(random);
            for (std::size_t j = i; j < i + 100; ++j) b[j] += change;
        }
        shuffled = b;
        std::shuffle(shuffled.begin(), shuffled.end(), random);
        const auto whole = *paired_loss(a, b), apart = *paired_loss(a, shuffled);
        QVERIFY(whole.ratio_high - whole.ratio_low > 5 * (apart.ratio_high - apart.ratio_low));
    }

    void losses_that_are_not_as_many_have_no_pairs() {
        QVERIFY(!paired_loss(std::vector<float>{1, 2}, std::vector<float>{1}));
        QVERIFY(!paired_loss(std::vector<float>{}, std::vector<float>{}));
        const auto nan = *paired_loss(std::vector<float>{1, 2}, std::vector<float>{NAN, 2});
        QVERIFY(std::isnan(nan.difference) && !nan.told());
    }

    void runs_of_other_tokens_are_refused_with_the_reason() {
        const auto a = scored({1, 2});
        const auto refused = [&](auto change, const char* with) {
            auto b = scored({1, 2}, "other");
            change(*b.scored);
            const auto why = why_scored_apart(a, b, "perplexity");
            QVERIFY2(why.find(with) != why.npos, why.c_str());
            QVERIFY(!paired_loss(a, b));
            for (const auto& metric : compare(a, b).metrics)
                if (metric.metric == "perplexity") {
                    QCOMPARE(metric.verdict, Verdict::not_comparable);
                    QCOMPARE(metric.needs, why);
                }
        };
        refused([](Scored& s) { s.tokenizer = "esm"; }, "their tokenizers (bpe, esm)");
        refused([](Scored& s) { s.vocabulary = 8; }, "their vocabularies (9, 8)");
        refused([](Scored& s) { s.data_sha256 = "e"; }, "the data that they scored");
        refused([](Scored& s) { s.window = 32; }, "their windows (64, 32 tokens)");
        refused([](Scored& s) { s.marks = "each"; }, "how sequences are marked");
        refused([](Scored&) {}, "different tokens of the same data");
        QCOMPARE(why_scored_apart(a, scored({2, 2}), "perplexity"), std::string());
    }

    void another_reference_makes_only_what_is_of_it_not_comparable() {
        auto a = scored({1, 2}), b = scored({1, 2});
        a.scored->reference_sha256 = "1", b.scored->reference_sha256 = "2";
        QCOMPARE(why_scored_apart(a, b, "perplexity"), std::string());
        QVERIFY(!why_scored_apart(a, b, "kl_mean").empty());
    }

    void another_task_that_scored_the_same_tokens_is_comparable() {
        auto a = scored({1, 2}), b = scored({1, 3});
        b.config.task = Task::perplexity;
        b.config.data = "a.txt";
        a.config.quality_data = "a.txt";
        QCOMPARE(why_scored_apart(a, b, "perplexity"), std::string());
    }

    void a_comparison_has_the_interval_of_the_perplexity() {
        const auto c = compare(scored({1, 2, 3}), scored({1, 2.5, 3}));
        for (const auto& metric : c.metrics)
            if (metric.metric == "perplexity") {
                QVERIFY(metric.ratio_low < metric.ratio && metric.ratio < metric.ratio_high);
                QVERIFY(std::abs(metric.ratio - std::exp(0.5 / 3)) < 1e-6);
            }
        QVERIFY(c.paired && !c.paired->told());
    }

    void the_share_over_a_tolerance_counts_whole_bins() {
        const double none = -std::numeric_limits<double>::infinity();
        const std::vector<DifferenceBin> bins{
            {none, -12, 50}, {-4, -3, 20}, {-2, -1, 20}, {0, 1, 10}};
        QCOMPARE(share_over(bins, 0.01), 0.3);
        QCOMPARE(share_over(bins, 0.1), 0.1);
        QCOMPARE(share_over(bins, 1e-5), 0.5);
        QCOMPARE(share_over({}, 0.01), 0.0);
    }

    void sentences_say_what_was_paid_and_where() {
        auto a = scored({1, 2, 3}), b = scored({1, 2.5, 3});
        a.id = 1, b.id = 2;
        auto said = explain_quality(a, b);
        QCOMPARE(said.size(), 1u);
        QVERIFY2(said[0].starts_with("Perplexity 7.3891 → 8.7291 (+18.1 %; 95 %: "),
                 said[0].c_str());
        QVERIFY2(said[0].ends_with("of 3 tokens of a.txt in windows of 64, no marks: inside the "
                                   "noise of so many tokens."),
                 said[0].c_str());
        b.scored->reference = "run 1";
        b.scored->reference_tokens = 3;
        b.metrics["logit_difference_max"] = 0.5;
        b.metrics["top1_agreement"] = 0.75;
        b.layer_differences = {{0, BlockPlace::attention, 0.001}, {1, BlockPlace::mlp, 0.02}};
        said = explain_quality(a, b);
        QCOMPARE(said.size(), 4u);
        QVERIFY2(said[1].starts_with("Run 2 against run 1, 3 tokens: logits differ by at most 0.5"),
                 said[1].c_str());
        QVERIFY2(said[2].ends_with("the same for 75.0 % of them."), said[2].c_str());
        QCOMPARE(said[3], std::string("Run 2 leaves run 1 first in the MLP's output in layer 1, "
                                      "which is off by 2.00 % (more than 1.00 %)."));
        b.layer_differences.back().relative = 0.002;
        QCOMPARE(explain_reference(b).back(),
                 std::string("No layer of Run 2 is off by more than 1.00 %; the furthest is the "
                             "MLP's output in layer 1, by 0.200 %."));
        // With another tolerance other layers and batches are beyond it.
        QVERIFY(explain_reference(b, 0.001).back().ends_with(
            "layer 1, which is off by 0.200 % (more than 0.100 %)."));
        b.batch_differences = {{0, 0.5}, {1, 0.001}, {2, NAN}};
        QCOMPARE(explain_reference(b)[2],
                 std::string("Some logit differs by 0.0100 or more in 2 of 3 batches."));
        QVERIFY(explain_quality(a, scored({1, 2}, "other")).empty());
    }

    void plots_show_shares_and_places() {
        auto run = scored({1});
        run.difference_bins = {
            {-std::numeric_limits<double>::infinity(), -12, 60}, {-3, -1, 30}, {0, 2, 10}};
        const auto plot = difference_plot(run);
        QCOMPARE(plot.series.size(), 1u);
        // From one bin to the next that has some there are none.
        QCOMPARE(plot.series[0].x, (std::vector<double>{0.01, 0.1, 1, 10}));
        QCOMPARE(plot.series[0].y, (std::vector<double>{30, 0, 0, 10}));
        QCOMPARE(plot.y.detail, std::string("60.0 % are equal"));
        QCOMPARE(difference_plot(run, 0.5).limits[0].value, 0.5);
        run.layer_differences = {{0, BlockPlace::attention, 0.01},
                                 {1, BlockPlace::attention, 0.02}};
        const auto layers = layer_plot(run);
        QCOMPARE(layers.series.size(), 1u);
        QCOMPARE(layers.series[0].y, (std::vector<double>{1, 2}));
        QCOMPARE(layers.limits[0].value * layers.y.factor, usual_tolerance);
        run.batch_differences = {{0, 0.5}, {1, NAN}, {2, 0.25}};
        const auto batches = batch_plot(run);
        QCOMPARE(batches.series[0].x, (std::vector<double>{0, 2}));
        QCOMPARE(batches.series[0].y, (std::vector<double>{0.5, 0.25}));
        QCOMPARE(batches.y.detail, std::string("1 are no numbers"));
        // Densities have an area of 1 each, whatever was counted.
        run.logit_bins = {{-1, 0, 30, 1}, {0, 1, 10, 3}};
        const auto logits = logit_plot(run);
        QCOMPARE(logits.series.size(), 2u);
        QCOMPARE(logits.series[0].y, (std::vector<double>{0.75, 0.25}));
        QCOMPARE(logits.series[1].y, (std::vector<double>{0.25, 0.75}));
        QVERIFY(logit_plot(RunRecord{}).series.empty());
        QVERIFY(difference_plot(RunRecord{}).series.empty());
    }

    void the_first_divergence_is_the_first_beyond_the_tolerance() {
        const std::vector<LayerDifference> places{{0, BlockPlace::attention, 0.001},
                                                  {0, BlockPlace::mlp, 0.009},
                                                  {1, BlockPlace::attention, 0.02},
                                                  {1, BlockPlace::mlp, 0.5}};
        QCOMPARE(first_divergence(places), &places[2]);
        QCOMPARE(first_divergence(places, 0.1), &places[3]);
        QCOMPARE(first_divergence(places, 1), nullptr);
        const std::vector<LayerDifference> broken{{0, BlockPlace::attention, NAN}};
        QCOMPARE(first_divergence(broken), &broken[0]);
    }
};

SWEETSPOT_TEST(QualityTest)
#include "quality_test.moc"
