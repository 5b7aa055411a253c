// Token losses in the order of the data, what logits differ by, and the file of a reference.
#include "engine/config/catalogue.h"
#include "engine/quality/reference.h"
#include "engine/tasks/tasks.h"
#include "tests/engine/data_support.h"
#include "tests/engine/files.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <random>

using namespace sweetspot;
using files::error_of;

namespace {

/// Task perplexity of a few lines of different lengths, by a small model with random weights.
RunConfig scoring(const std::string& data) {
    RunConfig run;
    run.model = "stories260k";
    run.task = Task::perplexity;
    run.data = data;
    run.tokenizer = "bytes+bos";
    run.batch = 3;
    run.sequence = 24;
    run.threads = 1;
    return run;
}

const std::string text = "once upon a time\nx\nthere was a small machine that counted\nwell\n"
                         "and it never stopped\nthe end\n";

ScoredTokens scored_of(const RunConfig& run) {
    CpuRun cpu(run);
    cpu.step();
    return *cpu.work->scored();
}

Reference kept_of(const RunConfig& run) {
    ReferenceKeeper keeper(load_model_config(run.model));
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    const auto work = make_workload(run, context, &keeper);
    work->run_phase(0);
    const auto scored = *work->scored();
    auto& head = keeper.kept.head;
    head.run = "run 12";
    head.data_sha256 = work->data()->sha256;
    head.tokenizer = scored.tokenizer;
    head.marks = scored.marks;
    head.tokens_sha256 = scored.sha256;
    head.window = scored.window;
    return std::move(keeper.kept);
}

/// What a run is found to be against a reference, with the places of its blocks.
struct Found {
    Agreement agreement{};
    std::vector<double> places{};
};
Found found_of(const RunConfig& run, const Reference& reference) {
    ReferenceComparison comparison(reference, load_model_config(run.model));
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    make_workload(run, context, &comparison)->run_phase(0);
    Found found{comparison.agreement()};
    comparison.each_place([&](int, BlockPlace, double v) { found.places.push_back(v); });
    return found;
}

long double brute_kl(const std::vector<float>& p, const std::vector<float>& q) {
    long double sum_p = 0, sum_q = 0, kl = 0;
    for (const float x : p) sum_p += std::exp((long double)x);
    for (const float x : q) sum_q += std::exp((long double)x);
    for (std::size_t i = 0; i < p.size(); ++i) {
        const long double a = std::exp((long double)p[i]) / sum_p,
                          b = std::exp((long double)q[i]) / sum_q;
        kl += a * std::log(a / b);
    }
    return kl;
}

} // namespace

class QualityTest : public QObject {
    Q_OBJECT

    Folder folder_;
    std::string data_;

private slots:
    void initTestCase() { data_ = folder_.write("text.lines", text); }

    void losses_come_in_the_order_of_the_data_whatever_the_layout() {
        RunConfig run = scoring(data_);
        const auto padded = scored_of(run);
        // One row a batch has no order but that of the data.
        run.batch = 1;
        const auto alone = scored_of(run);
        QCOMPARE(padded.losses.size(), alone.losses.size());
        run.batch = 3;
        for (const Layout layout : {Layout::padded, Layout::bucketed, Layout::ragged}) {
            run.layout = layout;
            const auto scored = scored_of(run);
            QCOMPARE(scored.sha256, padded.sha256);
            for (std::size_t i = 0; i < alone.losses.size(); ++i)
                QVERIFY(std::abs(scored.losses[i] - alone.losses[i]) < 1e-4);
        }
    }

    void random_rows_are_the_same_ones_in_every_layout() {
        RunConfig run = scoring("random");
        run.tokenizer = "auto";
        run.lengths = "uniform:2:20";
        run.batches = 2;
        run.max_tokens = 30;
        const auto padded = scored_of(run);
        run.layout = Layout::bucketed;
        QCOMPARE(scored_of(run).sha256, padded.sha256);
    }

    void losses_add_up_to_the_mean_loss() {
        for (const bool pseudo : {false, true})
            for (const char* model : {"stories260k", "esm2-8m"}) {
                RunConfig run = scoring(folder_.write("p.lines", "MKTAYIA\nGG\nMLLVVSQ\n"));
                run.model = model;
                if (std::string(model) == "esm2-8m")
                    run.tokenizer = "auto";
                else if (pseudo)
                    continue;
                run.pseudo_perplexity = pseudo;
                run.layout = Layout::bucketed;
                CpuRun cpu(run);
                cpu.step();
                const auto outcome = cpu.step(); // a second step's losses replace the first's
                const auto losses = cpu.work->scored()->losses;
                QCOMPARE(std::int64_t(losses.size()), outcome.scored_tokens);
                double sum = 0;
                for (const float loss : losses) sum += double(loss);
                QVERIFY(std::abs(sum / double(losses.size()) - *outcome.loss_nats) < 1e-9);
            }
    }

    void other_tokens_have_another_hash() {
        RunConfig run = scoring(data_);
        const auto usual = scored_of(run).sha256;
        run.batch = 2, run.attention = AttentionVariant::naive;
        QCOMPARE(scored_of(run).sha256, usual);
        RunConfig other = run;
        other.sequence = 23;
        QVERIFY(scored_of(other).sha256 != usual);
        other = run, other.tokenizer = "bytes";
        QVERIFY(scored_of(other).sha256 != usual);
        other = run, other.max_tokens = 20;
        QVERIFY(scored_of(other).sha256 != usual);
    }

    void hand_made_logits_have_the_differences_that_paper_has() {
        Agreement a;
        // softmax: (1/2, 1/4, 1/4) against (1/4, 1/4, 1/2).
        const float l2 = std::log(2.0F);
        a.add(std::vector<float>{l2, 0, 0}, std::vector<float>{0, 0, l2});
        QCOMPARE(a.largest(), double(l2));
        QVERIFY(std::abs(a.mean() - 2 * std::log(2.0) / 3) < 1e-7);
        QVERIFY(std::abs(a.divergences()[0] - 0.25 * std::log(2.0)) < 1e-7);
        QCOMPARE(a.top1(), 0.0);
        QCOMPARE(a.counts().equal, 1);
        a.add(std::vector<float>{1, 2, 3}, std::vector<float>{1, 2, 3});
        QCOMPARE(a.divergences()[1], 0.0);
        QCOMPARE(a.top1(), 0.5);
        QCOMPARE(a.counts().equal, 4);
    }

    void a_difference_is_in_the_bin_that_holds_its_logarithm() {
        DifferenceCounts counts;
        for (const double v : {1e-30, 2e-3, 1.0, 1e9, double(NAN), 0.0}) counts.add(v);
        QCOMPARE(counts.equal, 1);
        QCOMPARE(counts.bins.front(), 1);
        QCOMPARE(counts.bins.back(), 2); // too large, and not a number
        const auto bin_of = [&](double v) {
            for (int i = 0; i < DifferenceCounts::size; ++i)
                if (std::log10(v) >= DifferenceCounts::from(i) &&
                    std::log10(v) < DifferenceCounts::from(i + 1))
                    return counts.bins[std::size_t(i)];
            return std::int64_t(-1);
        };
        QCOMPARE(bin_of(2e-3), 1);
        QCOMPARE(bin_of(1.0), 1);
    }

    void a_spread_counts_both_sides_in_bins_of_the_reference() {
        const std::vector<float> reference{0, 64, 32, 63.9F}, run{-5, 99, 32.5F, NAN};
        Spread spread(reference);
        spread.add(reference, run);
        QCOMPARE(spread.from(0), 0.0);
        QCOMPARE(spread.from(32), 32.0);
        QCOMPARE(spread.reference(0), 1);
        QCOMPARE(spread.reference(63), 2);
        QCOMPARE(spread.reference(32), 1);
        QCOMPARE(spread.run(0), 1);
        QCOMPARE(spread.run(32), 1);
        QCOMPARE(spread.run(63), 2); // too large, and not a number
        Spread flat(std::vector<float>{3, 3});
        flat.add(std::vector<float>{3, 3}, std::vector<float>{3, 4});
        QCOMPARE(flat.from(1) > flat.from(0), true);
    }

    void each_batch_has_its_largest_difference() {
        RunConfig run = scoring(data_);
        const auto reference = kept_of(run);
        run.precision = Precision::bf16;
        ReferenceComparison comparison(reference, load_model_config(run.model));
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        make_workload(run, context, &comparison)->run_phase(0);
        const auto& batches = comparison.largest_of_batches();
        QCOMPARE(batches.size(), 3u); // six lines, one of them longer than a window: 7 rows
        double largest = 0;
        for (const auto& [batch, most] : batches) largest = std::max(largest, most);
        QCOMPARE(largest, comparison.agreement().largest());
        QVERIFY(batches.at(0) > 0 && batches.at(1) > 0 && batches.at(2) > 0);
    }

    void divergences_are_those_of_brute_force() {
        std::mt19937 random(1);
        std::normal_distribution<float> draw(0, 4);
        for (int i = 0; i < 200; ++i) {
            std::vector<float> p(std::size_t(1 + i)), q(p.size());
            for (auto* all : {&p, &q})
                for (float& x : *all) x = draw(random);
            const double kl = kl_divergence(p, q);
            QVERIFY(std::abs(kl - double(brute_kl(p, q))) <= 1e-12 + 1e-10 * kl);
            QCOMPARE(kl_divergence(p, p), 0.0);
        }
        // Large logits do not overflow, and what is not a number is not hidden.
        QVERIFY(
            std::isfinite(kl_divergence(std::vector<float>{3e4F, 0}, std::vector<float>{0, 9})));
        QVERIFY(std::isnan(kl_divergence(std::vector<float>{0, 1}, std::vector<float>{NAN, 1})));
        Agreement a;
        a.add(std::vector<float>{0, 1, 2}, std::vector<float>{NAN, 1, 2});
        a.add(std::vector<float>{0, 1, 2}, std::vector<float>{5, 1, 2});
        QVERIFY(std::isnan(a.largest()) && std::isnan(a.mean()));
    }

    void relative_norms_are_of_all_tokens_together() {
        RelativeNorm norm;
        norm.add(std::vector<float>{3, 0}, std::vector<float>{3, 1});
        norm.add(std::vector<float>{0, 4}, std::vector<float>{2, 4});
        QCOMPARE(norm.value(), std::sqrt(5.0) / 5);
        QCOMPARE(RelativeNorm{}.value(), 0.0);
        RelativeNorm from_nothing;
        from_nothing.add(std::vector<float>{0}, std::vector<float>{1});
        QVERIFY(std::isinf(from_nothing.value()));
    }

    void a_run_against_itself_differs_in_nothing() {
        for (const Layout layout : {Layout::padded, Layout::bucketed, Layout::ragged}) {
            RunConfig run = scoring(data_);
            run.layout = layout;
            const auto reference = kept_of(run);
            QVERIFY(reference.head.tokens > 50);
            const auto found = found_of(run, reference);
            QCOMPARE(found.agreement.tokens(), reference.head.tokens);
            QCOMPARE(found.agreement.largest(), 0.0);
            QCOMPARE(found.agreement.top1(), 1.0);
            for (const double kl : found.agreement.divergences()) QCOMPARE(kl, 0.0);
            QCOMPARE(found.places.size(), 15u); // of five layers
            for (const double place : found.places) QCOMPARE(place, 0.0);
        }
    }

    void bf16_is_a_little_off_and_layouts_hardly() {
        RunConfig run = scoring(data_);
        const auto reference = kept_of(run);
        run.precision = Precision::bf16;
        const auto bf16 = found_of(run, reference);
        QVERIFY(bf16.agreement.mean() > 1e-5 && bf16.agreement.mean() < 0.1);
        for (const double kl : bf16.agreement.divergences()) QVERIFY(kl > 0 && kl < 0.01);
        for (const double place : bf16.places) QVERIFY(place > 1e-4 && place < 0.1);
        run.precision = Precision::f32;
        for (const Layout layout : {Layout::bucketed, Layout::ragged}) {
            run.layout = layout;
            const auto same = found_of(run, reference);
            QVERIFY(same.agreement.largest() < 1e-4);
            for (const double place : same.places) QVERIFY(place < 1e-4);
        }
        // Where nothing is fused the same outputs are seen.
        run.layout = Layout::padded;
        run.fusion = Fusion::none;
        const auto unfused = found_of(run, reference);
        QCOMPARE(unfused.places.size(), 15u);
        for (const double place : unfused.places) QVERIFY(place < 1e-4);
    }

    void a_planted_difference_is_found_where_it_is() {
        const RunConfig run = scoring(data_);
        Reference reference = kept_of(run);
        const auto at = reference.head.block_at(0, 2, BlockPlace::mlp);
        reference.blocks[at] += 1;
        const auto places = found_of(run, reference).places;
        for (std::size_t i = 0; i < places.size(); ++i)
            QCOMPARE(places[i] > 0, i == 2 * 3 + std::size_t(BlockPlace::mlp));
    }

    void a_witness_takes_no_memory_of_the_device() {
        const RunConfig run = scoring(data_);
        const auto peak = [&](Witness* witness) {
            HostAllocator allocator;
            Context context(CpuStream{.threads = 1}, allocator);
            make_workload(run, context, witness)->run_phase(0);
            return allocator.use().peak_total;
        };
        ReferenceKeeper keeper(load_model_config(run.model));
        QCOMPARE(peak(&keeper), peak(nullptr));
    }

    void a_file_gives_back_what_was_kept() {
        const auto kept = kept_of(scoring(data_));
        const auto path = folder_.path("12.reference");
        write_reference(kept, path);
        const auto read = read_reference(path);
        QVERIFY(read.logits == kept.logits && read.blocks.size() == kept.blocks.size());
        QCOMPARE(read.head.run, std::string("run 12"));
        QCOMPARE(read.head.tokens, kept.head.tokens);
        QCOMPARE(read.head.stride, kept.head.stride);
        QCOMPARE(read.sha256.size(), 64u);
    }

    void a_missing_changed_or_foreign_file_is_refused() {
        const auto path = folder_.path("13.reference");
        QVERIFY(error_of([&] { read_reference(path); }).contains("is missing"));
        write_reference(kept_of(scoring(data_)), path);
        const std::string whole = files::read(path);
        std::string changed = whole;
        changed[changed.size() - 5] ^= 1;
        files::written(path, changed);
        QVERIFY(error_of([&] { read_reference(path); }).contains("was changed or cut"));
        files::written(path, whole.substr(0, whole.size() - 4));
        QVERIFY(error_of([&] { read_reference(path); }).contains("was changed or cut"));
        files::written(path, "a text\n");
        QVERIFY(error_of([&] { read_reference(path); }).contains("is no reference"));
    }

    void what_scored_other_tokens_is_refused_with_the_reason() {
        const RunConfig run = scoring(data_);
        const auto head = kept_of(run).head;
        CpuRun cpu(run);
        cpu.step();
        const auto scored = *cpu.work->scored();
        const auto hash = cpu.work->data()->sha256;
        QCOMPARE(why_not_held_against(head, scored, hash), std::string());
        const auto refused = [&](auto change, const char* with) {
            ScoredTokens other = scored;
            change(other);
            const auto why = why_not_held_against(head, other, hash);
            QVERIFY2(why.find(with) != why.npos, why.c_str());
        };
        refused([](auto& s) { s.vocabulary = 32000; },
                "its vocabulary is 512, this run's is 32000");
        refused([](auto& s) { s.tokenizer = "esm"; }, "its tokenizer is bytes+bos");
        refused([](auto& s) { s.window = 512; }, "its window is 24 tokens, this run's is 512");
        refused([](auto& s) { s.marks = "no marks"; }, "way to mark sequences");
        refused([](auto& s) { s.sha256 = "0"; }, "scored other tokens of the same data");
        QVERIFY(why_not_held_against(head, scored, "77").find("its data is") != std::string::npos);
    }

    void a_pass_is_task_perplexity_with_data_and_window_of_its_own() {
        RunConfig run;
        run.model = "stories260k";
        run.task = Task::generate;
        run.prompt = "a";
        run.quality = QualityPass::perplexity;
        run.quality_data = data_;
        run.quality_window = 24;
        run.tokenizer = "bytes+bos";
        run.batch = 3;
        run.token_budget = 999;
        RunConfig same = scoring(data_);
        same.threads = 0;
        QVERIFY(quality_pass_of(run) == canonical(same));
        // What the pass does not ask for leaves no trace.
        run.quality = QualityPass::none;
        QCOMPARE(canonical(run).quality_data, std::string());
    }
};

SWEETSPOT_TEST(QualityTest)
#include "quality_test.moc"
