#include "kernels/ops/attention.h"
#include "kernels/ops/attention_cache.h"
#include "kernels/ops/rotary.h"
#include "tests/kernels/attention_case.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

/// The definition, in double, for real queries; zeros for padded ones.
std::vector<double> expected(Setup& setup) {
    const Case& c = setup.c;
    const std::vector<double> x = setup.fused.values(), cosine = setup.cosine.values(),
                              sine = setup.sine.values();
    const std::int64_t size = c.head_size, half = size / 2;
    const auto element = [&](std::int64_t row, std::int64_t column, std::int64_t d, int position,
                             bool turn) {
        const double* head = &x[std::size_t(row * setup.width + column)];
        if (!turn || !c.rotary) return head[d];
        const double co = cosine[std::size_t(position * half + d % half)];
        const double si = sine[std::size_t(position * half + d % half)];
        return d < half ? head[d] * co - head[d + half] * si : head[d] * co + head[d - half] * si;
    };
    std::vector<double> y(std::size_t(setup.segments.rows() * setup.q_width), 0.0);
    for (int s = 0; s < setup.segments.count(); ++s)
        for (int h = 0; h < c.heads; ++h) {
            const std::int64_t first = setup.segments.offsets[s], n = setup.segments.lengths[s];
            const std::int64_t kv = h / (c.heads / c.kv_heads) * size;
            std::vector<double> q, k;
            for (int i = 0; i < n; ++i)
                for (std::int64_t d = 0; d < size; ++d) {
                    q.push_back(element(first + i, h * size, d, i, true));
                    k.push_back(element(first + i, setup.q_width + kv, d, i, true));
                }
            for (std::int64_t i = 0; i < n; ++i) {
                std::vector<double> score;
                const std::int64_t begin =
                    c.window ? std::max<std::int64_t>(0, i + 1 - c.window) : 0;
                for (std::int64_t j = begin; j < (c.causal ? i + 1 : n); ++j) {
                    double dot = 0;
                    for (std::int64_t d = 0; d < size; ++d)
                        dot += q[std::size_t(i * size + d)] * k[std::size_t(j * size + d)];
                    score.push_back(dot / std::sqrt(double(size)));
                }
                const double most = *std::max_element(score.begin(), score.end());
                double sum = 0;
                for (double& z : score) sum += z = std::exp(z - most);
                for (std::size_t j = 0; j < score.size(); ++j)
                    for (std::int64_t d = 0; d < size; ++d)
                        y[std::size_t((first + i) * setup.q_width + h * size + d)] +=
                            score[j] / sum *
                            element(first + begin + std::int64_t(j),
                                    setup.q_width + setup.kv_width + kv, d, 0, false);
            }
        }
    return y;
}

/// The real rows of y; padded ones only must not be NaN.
std::vector<double> real_rows(Setup& setup, std::vector<double> y) {
    for (int s = 0; s < setup.segments.count(); ++s)
        for (std::int64_t i = setup.segments.offsets[s] + setup.segments.lengths[s];
             i < setup.segments.offsets[s + 1]; ++i)
            for (std::int64_t d = 0; d < setup.q_width; ++d) {
                double& x = y[std::size_t(i * setup.q_width + d)];
                if (!std::isnan(x)) x = 0;
            }
    return y;
}

void verify(const Case& c) {
    Setup setup(c);
    setup.run_guarded();
    const double error = relative_error(real_rows(setup, setup.y.values()), expected(setup));
    const double limit = c.dtype == DType::f32 ? (c.spread > 1 ? 3e-5 : 2e-6) : 6e-3 * c.spread;
    QVERIFY2(error <= limit, (text(c) + ": error " + std::to_string(error)).c_str());
}

void says(const std::string& actual, const char* expected) {
    QCOMPARE(actual, std::string(expected));
}

/// Calls f for both kinds and types.
template <class F>
void for_variants(F&& f) {
    for (const auto kind : {AttentionKind::naive, AttentionKind::flash})
        for (const auto dtype : {DType::f32, DType::bf16}) f(kind, dtype);
}

} // namespace

class AttentionTest : public QObject {
    Q_OBJECT
private slots:
    void two_keys_match_hand_numbers() {
        // Scores 0 and ln 3 give weights 1/4 and 3/4.
        for (const auto kind : {AttentionKind::naive, AttentionKind::flash}) {
            Guarded q({2, 2}, {std::log(3.0), 0, std::log(3.0), 0});
            Guarded k({2, 2}, {0, 5, 1, 7}), v({2, 2}, {4, 0, 0, 8});
            Guarded y({2, 2}, DType::f32), scores({4}, DType::f32);
            const Segments one{{0, 2}, {2}};
            Attention op{.q = q, .k = k, .v = v, .y = y, .segments = &one, .kind = kind};
            if (kind == AttentionKind::naive) op.scores = scores;
            run_on_cpu(op);
            QVERIFY(largest_difference(y.values(), {1, 6, 1, 6}) < 1e-5);
            op.causal = true;
            run_on_cpu(op);
            QVERIFY(largest_difference(y.values(), {4, 0, 1, 6}) < 1e-5);
            QVERIFY(y.intact() && scores.intact());
        }
    }
    void log_sum_exp_matches_hand_numbers() {
        for (const DType dtype : {DType::f32, DType::bf16})
            for (const double score : {1.0, 300.0}) { // large ones need the running maximum
                Guarded q({2, 16}, dtype), k({2, 16}, dtype), y({2, 16}, dtype);
                Guarded log_sum_exp({1, 2}, DType::f32);
                std::vector<double> ones(32, 0.0), keys(32, 0.0);
                ones[0] = ones[16] = 1, keys[0] = keys[16] = score;
                q.set(ones), k.set(keys);
                const Segments one{{0, 2}, {2}};
                Attention op{.q = q, .k = k, .v = k, .y = y, .segments = &one};
                op.log_sum_exp = log_sum_exp;
                run_on_cpu(op);
                const double both = score + std::log(2.0);
                // Scaled queries are rounded to bf16.
                const double limit = (dtype == DType::bf16 ? 0x1p-8 : 1e-6) * both;
                QVERIFY(largest_difference(log_sum_exp.values(), {both, both}) < limit);
                op.causal = true;
                run_on_cpu(op);
                QVERIFY(largest_difference(log_sum_exp.values(), {score, both}) < limit);
                QVERIFY(log_sum_exp.intact());
            }
    }
    void every_length_agrees_with_the_definition() {
        for_variants([](AttentionKind kind, DType dtype) {
            for (const int n : {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 130, 200})
                for (const bool causal : {false, true})
                    verify({.rows = {n}, .causal = causal, .dtype = dtype, .kind = kind});
        });
    }
    void every_head_size_agrees_with_the_definition() {
        for_variants([](AttentionKind kind, DType dtype) {
            for (const int size : {2, 6, 16, 24, 32, 48, 64, 80, 96, 128, 130, 170})
                for (const bool rotary : {false, true})
                    verify({.rows = {70},
                            .head_size = size,
                            .causal = rotary,
                            .rotary = rotary,
                            .dtype = dtype,
                            .kind = kind});
        });
    }
    void an_odd_head_size_works_without_rotary() {
        for_variants([](AttentionKind kind, DType dtype) {
            for (const int size : {1, 5, 33})
                verify({.rows = {19}, .head_size = size, .dtype = dtype, .kind = kind});
        });
    }
    void heads_share_keys_in_groups() {
        for_variants([](AttentionKind kind, DType dtype) {
            for (const int kv_heads : {1, 2, 3, 6})
                verify({.rows = {40, 3, 77},
                        .heads = 6,
                        .kv_heads = kv_heads,
                        .head_size = 32,
                        .causal = true,
                        .rotary = true,
                        .dtype = dtype,
                        .kind = kind});
        });
    }
    void more_threads_than_work_change_nothing() {
        for (const int threads : {1, 3, 16})
            verify({.rows = {300, 1}, .head_size = 32, .threads = threads});
    }
    void padding_is_not_attended_to_and_does_not_leak() {
        for_variants([](AttentionKind kind, DType dtype) {
            for (const bool causal : {false, true})
                for (const int size : {16, 24, 64, 80}) {
                    const Case c{.rows = {70, 70, 70, 70},
                                 .lengths = {70, 1, 33, 64},
                                 .head_size = size,
                                 .causal = causal,
                                 .rotary = true,
                                 .dtype = dtype,
                                 .kind = kind};
                    verify(c);
                    Setup setup(c);
                    setup.run_guarded();
                    for (const double x : setup.y.values()) QVERIFY(!std::isnan(x));
                    const std::vector<double> before = real_rows(setup, setup.y.values());
                    // Now with NaN as padding: real rows stay as they were.
                    std::vector<double> x = setup.fused.values();
                    for (int s = 0; s < 4; ++s)
                        for (std::int64_t i = 70 * s + c.lengths[s]; i < 70 * (s + 1); ++i)
                            for (std::int64_t d = 0; d < setup.width; ++d)
                                x[std::size_t(i * setup.width + d)] = NAN;
                    setup.fused.set(x);
                    setup.run_guarded();
                    std::vector<double> after = setup.y.values();
                    for (int s = 0; s < 4; ++s)
                        for (std::int64_t i = 70 * s + c.lengths[s]; i < 70 * (s + 1); ++i)
                            for (std::int64_t d = 0; d < setup.q_width; ++d)
                                after[std::size_t(i * setup.q_width + d)] = 0;
                    QVERIFY2(relative_error(after, before) < (dtype == DType::f32 ? 2e-6 : 6e-3),
                             text(c).c_str());
                }
        });
    }
    void wide_scores_need_the_running_maximum() {
        for (const auto kind : {AttentionKind::naive, AttentionKind::flash})
            for (const bool causal : {false, true}) {
                verify({.rows = {200}, .causal = causal, .kind = kind, .spread = 10});
                verify(
                    {.rows = {200}, .head_size = 64, .causal = causal, .kind = kind, .spread = 30});
                verify({.rows = {200},
                        .causal = causal,
                        .dtype = DType::bf16,
                        .kind = kind,
                        .spread = 10});
            }
    }
    void a_window_hides_what_is_further_back() {
        for (const auto kind : {AttentionKind::naive, AttentionKind::flash})
            for (const DType dtype : {DType::f32, DType::bf16})
                for (const double spread : {1.0, 10.0})
                    for (const int window : {1, 7, 64, 100, 299, 300}) {
                        verify({.rows = {300, 5},
                                .heads = 4,
                                .head_size = 32,
                                .causal = true,
                                .rotary = true,
                                .dtype = dtype,
                                .kind = kind,
                                .spread = spread,
                                .window = window});
                        // Padding far behind what it could see is no NaN.
                        verify({.rows = {300},
                                .lengths = {20},
                                .causal = true,
                                .dtype = dtype,
                                .kind = kind,
                                .spread = spread,
                                .window = window});
                    }
    }
    void naive_and_flash_agree() {
        for (const bool causal : {false, true}) {
            Case c{.rows = {260, 90}, .lengths = {260, 50}, .head_size = 32, .causal = causal};
            Setup flash(c);
            flash.run_guarded();
            c.kind = AttentionKind::naive;
            Setup naive(c);
            naive.run_guarded();
            QVERIFY(relative_error(flash.y.values(), naive.y.values()) < 1e-6);
        }
    }
    void rotary_inside_agrees_with_rotary_outside() {
        for (const int size : {24, 32, 64}) {
            const Case inside{.rows = {50, 20}, .head_size = size, .causal = true, .rotary = true};
            Setup fused(inside);
            fused.run_guarded();
            Case outside = inside;
            outside.rotary = false;
            Setup apart(outside);
            std::vector<double> counting;
            for (const int n : {50, 20})
                for (int i = 0; i < n; ++i) counting.push_back(i);
            Guarded positions({70}, counting, DType::i32);
            for (const std::int64_t first : {std::int64_t(0), apart.q_width})
                run_on_cpu(Rotary{.x = columns(apart.fused.out(), first, apart.q_width),
                                  .positions = positions,
                                  .cosine = apart.cosine,
                                  .sine = apart.sine});
            apart.run_guarded();
            QVERIFY(relative_error(fused.y.values(), apart.y.values()) < 1e-6);
        }
    }
    void costs_match_hand_numbers() {
        const Segments two{{0, 3, 5}, {3, 1}};
        QCOMPARE(two.longest(), 3);
        QCOMPARE(score_count(two, 2), std::int64_t(26)); // 2 · (9 + 4)
        Guarded q({5, 8}, DType::bf16), k({5, 4}, DType::bf16), y({5, 8}, DType::bf16);
        Attention op{.q = q, .k = k, .v = k, .y = y, .segments = &two, .heads = 2, .kv_heads = 1};
        QCOMPARE(op.cost().flops, 416.0); // 4 · 4 · 26
        QCOMPARE(op.cost().bytes, 240.0); // 2 · (40 + 20 + 20 + 40)
        op.causal = true;
        QCOMPARE(op.cost().flops, 288.0); // 4 · 4 · 2 · (6 + 3)
        QVERIFY(op.workspace_bytes(3) == 3 * op.workspace_bytes(1));
    }
    void flash_memory_grows_with_the_length_only() {
        const Segments one{{0, 16384}, {16384}};
        Attention op{.q = {nullptr, {16384, 320}}, .k = {}, .v = {}, .y = {}, .segments = &one};
        op.heads = 20;
        // Keys and values of one head, and one block of 64 queries with 128 keys.
        QCOMPARE(op.workspace_bytes(1), std::size_t(2 * 16384 * 32 * 4 + 3 * 32 * 64 * 4 +
                                                    128 * 64 * (4 + 2) + 4 * 64 * 4));
    }
    void ops_that_do_not_fit_say_what_should_be() {
        const auto broken = [](auto&& change) {
            Setup setup(Case{.rows = {4, 6}, .rotary = true});
            Attention op = setup.op();
            if (const std::string valid = complaint(op); !valid.empty()) return valid;
            Segments segments = setup.segments;
            op.segments = &segments;
            change(op, segments);
            return complaint(op);
        };
        using S = Segments;
        using A = Attention;
        says(broken([](A& op, S&) { op.heads = 3; }), "q is [rows, heads * head_size]");
        says(broken([](A& op, S&) { op.kv_heads = 3; }), "heads is a multiple of kv_heads");
        says(broken([](A& op, S&) { op.k.shape.sizes[1] = 16; }),
             "k and v are [rows, kv_heads * head_size]");
        says(broken([](A& op, S&) { op.v.dtype = DType::bf16; }), "k, v and y have q's type");
        says(broken([](A& op, S&) { op.y.shape.sizes[0] = 9; }), "y is like q");
        says(broken([](A& op, S&) { op.q.row_stride = 5; }), "y is like q");
        says(broken([](A& op, S&) { op.segments = nullptr; }), "attention needs segments");
        says(broken([](A&, S& s) { s.offsets.back() = 9; }),
             "segments cover the rows of q, k and v");
        says(broken([](A&, S& s) { s.lengths[0] = 5; }),
             "each sequence has at least one token and no more than its rows");
        says(broken([](A&, S& s) { s.lengths[0] = 0; }),
             "each sequence has at least one token and no more than its rows");
        says(broken([](A& op, S&) { op.sine = {}; }), "cosine and sine are both present or absent");
        says(broken([](A& op, S&) { op.cosine.shape.sizes[0] = op.sine.shape.sizes[0] = 5; }),
             "cosine and sine cover every position");
        says(broken([](A& op, S&) { op.kind = AttentionKind::naive; }),
             "naive attention has room for f32 scores of each sequence and head");
        says(broken([](A& op, S&) { op.scores = op.y; }), "only naive attention stores scores");
        says(broken([](A& op, S&) { op.q.dtype = DType::i32; }), "q is f32, bf16 or f16");
        says(broken([](A& op, S&) { op.scale = 0; }), "the scale of scores is positive");
        says(broken([](A& op, S&) { op.log_sum_exp = op.y; }),
             "log_sum_exp is dense f32 [heads, rows]");
        says(broken([](A& op, S&) {
                 op.log_sum_exp = op.y;
                 op.kind = AttentionKind::vendor;
             }),
             "flash attention alone gives log_sum_exp");
    }
    void attention_of_a_vendor_is_refused_on_the_cpu() {
        Setup setup(Case{});
        Attention op = setup.op();
        op.kind = AttentionKind::vendor;
        says(refusal(op), "attention of a vendor runs on a GPU only; a CPU has flash and naive");
    }
    void f16_is_refused_on_the_cpu() {
        Guarded q({2, 16}, DType::f16), y({2, 16}, DType::f16), cached({2, 4, 3, 4}, DType::f16);
        const Segments two{{0, 1, 2}, {1, 1}};
        const std::vector<std::int32_t> starts{0, 0}, lengths{1, 1};
        says(refusal(Attention{
                 .q = q, .k = q, .v = q, .y = y, .segments = &two, .heads = 4, .kv_heads = 4}),
             no_f16.c_str());
        says(refusal(AppendKeyValue{
                 .k = q, .v = q, .cache = {cached, cached}, .segments = &two, .starts = &starts}),
             no_f16.c_str());
        says(refusal(CachedAttention{
                 .q = q, .cache = {cached, cached}, .y = y, .lengths = &lengths, .heads = 4}),
             no_f16.c_str());
    }
};

SWEETSPOT_TEST(AttentionTest)
#include "attention_test.moc"
