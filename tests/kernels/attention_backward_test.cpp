#include "kernels/ops/attention_backward.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"
#include <numeric>

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

using Numbers = std::vector<double>;

struct Case {
    std::vector<std::int32_t> rows{5};
    std::vector<std::int32_t> lengths{}; ///< as rows if empty
    int heads = 2, kv_heads = 2, head_size = 16;
    bool causal = false;
    float scale = 0.3f;
    bool rotary = false;
    int window = 0;
};

/// Attention and its gradients, with all that they read and write.
class Setup {
public:
    explicit Setup(const Case& c, AttentionKind kind, DType dtype = DType::f32)
        : c(c), kind(kind), dtype(dtype), q_width(c.heads * c.head_size),
          kv_width(c.kv_heads * c.head_size) {
        segments.offsets = {0};
        for (const auto r : c.rows) segments.offsets.push_back(segments.offsets.back() + r);
        segments.lengths = c.lengths.empty() ? c.rows : c.lengths;
        q = random(q_width, 1), k = random(kv_width, 2), v = random(kv_width, 3);
        dy = random(q_width, 4);
        const int half = c.head_size / 2;
        for (int i = 0; i < segments.longest() * half; ++i) {
            cosine.push_back(float(std::cos(i / half * std::pow(100.0, -double(i % half) / half))));
            sine.push_back(float(std::sin(i / half * std::pow(100.0, -double(i % half) / half))));
        }
    }
    /// Each head's channels turned by its row's position, in halves, if they are to be.
    Numbers turned(const Numbers& x, std::int64_t width) const {
        Numbers y = x;
        const std::int64_t size = c.head_size, half = size / 2;
        for (int s = 0; c.rotary && s < segments.count(); ++s)
            for (std::int64_t row = segments.offsets[s]; row < segments.offsets[s + 1]; ++row)
                for (std::int64_t i = 0; i < width; ++i) {
                    const std::int64_t d = i % size, at = row * width + i;
                    const auto angle = std::size_t((row - segments.offsets[s]) * half + d % half);
                    const double other =
                        d < half ? -x[std::size_t(at + half)] : x[std::size_t(at - half)];
                    y[std::size_t(at)] = x[std::size_t(at)] * cosine[angle] + other * sine[angle];
                }
        return y;
    }
    /// Random numbers, as the type under test can hold them, in real rows; NaN in padding.
    Numbers random(std::int64_t width, unsigned seed) const {
        Numbers x = rounded_to(dtype, random_normal(segments.rows() * width, seed));
        for_padding(width, [&](std::size_t i) { x[i] = std::nan(""); });
        return x;
    }
    template <class Visit>
    void for_padding(std::int64_t width, Visit&& visit) const {
        for (int s = 0; s < segments.count(); ++s)
            for (std::int64_t i = (segments.offsets[s] + segments.lengths[s]) * width;
                 i < segments.offsets[s + 1] * width; ++i)
                visit(std::size_t(i));
    }

    /// y of Attention by the definition in double, and log_sum_exp.
    std::pair<Numbers, Numbers> forward() const {
        const Numbers q = turned(this->q, q_width), k = turned(this->k, kv_width);
        Numbers y(q.size(), std::nan("")), sums(std::size_t(c.heads * segments.rows()), 0.0);
        for (int s = 0; s < segments.count(); ++s)
            for (int head = 0; head < c.heads; ++head) {
                const std::int64_t key_column = head / (c.heads / c.kv_heads) * c.head_size;
                const int first = segments.offsets[s], end = first + segments.lengths[s];
                for (int i = first; i < end; ++i) {
                    double* out = &y[std::size_t(i * q_width + head * c.head_size)];
                    std::fill_n(out, c.head_size, 0.0);
                    double sum = 0;
                    const int begin = c.window ? std::max(first, i + 1 - c.window) : first;
                    for (int j = begin; j < (c.causal ? i + 1 : end); ++j) {
                        const double* a = &q[std::size_t(i * q_width + head * c.head_size)];
                        const double* b = &k[std::size_t(j * kv_width + key_column)];
                        const double weight =
                            std::exp(c.scale * std::inner_product(a, a + c.head_size, b, 0.0));
                        sum += weight;
                        for (int d = 0; d < c.head_size; ++d)
                            out[d] += weight * v[std::size_t(j * kv_width + key_column + d)];
                    }
                    for (int d = 0; d < c.head_size; ++d) out[d] /= sum;
                    sums[std::size_t(head * segments.rows() + i)] = std::log(sum);
                }
            }
        return {y, sums};
    }
    /// Sum of dy · y over real rows: the gradients are those of this number.
    double loss() const {
        Numbers y = forward().first, weight = dy;
        for_padding(q_width, [&](std::size_t i) { y[i] = weight[i] = 0; });
        return std::inner_product(y.begin(), y.end(), weight.begin(), 0.0);
    }

    struct Gradients {
        Numbers dq, dk, dv;
    };
    Gradients gradients(int threads = 2) {
        const auto [y_values, sum_values] = forward();
        const std::int64_t n = segments.rows(), width = q_width + 2 * kv_width;
        Guarded fused({n, width}, Numbers(std::size_t(n * width)), dtype);
        Guarded y({n, q_width}, y_values, dtype), dy_in({n, q_width}, dy, dtype, q_width + 3);
        Guarded sums({c.heads, n}, sum_values);
        const Shape table{segments.longest(), c.head_size / 2};
        Guarded cosines(table, cosine), sines(table, sine);
        Guarded dq({n, q_width}, dtype, q_width + 1), dk({n, kv_width}, dtype),
            dv({n, kv_width}, dtype, kv_width + 5);
        Numbers side_by_side;
        for (std::int64_t i = 0; i < n; ++i)
            for (const auto& [x, columns] :
                 {std::pair{&q, q_width}, {&k, kv_width}, {&v, kv_width}})
                side_by_side.insert(side_by_side.end(), x->begin() + i * columns,
                                    x->begin() + (i + 1) * columns);
        fused.set(side_by_side);
        AttentionBackward op{.q = columns(fused.in(), 0, q_width),
                             .k = columns(fused.in(), q_width, kv_width),
                             .v = columns(fused.in(), q_width + kv_width, kv_width),
                             .cosine = c.rotary ? cosines.in() : In{},
                             .sine = c.rotary ? sines.in() : In{},
                             .dy = dy_in,
                             .dq = dq,
                             .dk = dk,
                             .dv = dv,
                             .segments = &segments,
                             .heads = c.heads,
                             .kv_heads = c.kv_heads,
                             .causal = c.causal,
                             .window = c.window,
                             .scale = c.scale,
                             .kind = kind};
        Guarded weights({score_count(segments, c.heads)}, DType::f32);
        Guarded d_weights({score_count(segments, c.heads)}, DType::f32);
        if (kind == AttentionKind::flash) {
            op.y = y, op.log_sum_exp = sums;
        } else {
            op.weights = weights, op.d_weights = d_weights;
            Attention before = op.forward();
            before.y = y;
            run_on_cpu(before, threads);
        }
        run_on_cpu(op, threads);
        intact = dq.intact() && dk.intact() && dv.intact() && d_weights.intact();
        return {dq.values(), dk.values(), dv.values()};
    }

    Case c;
    AttentionKind kind;
    DType dtype;
    Segments segments{};
    std::int64_t q_width, kv_width;
    Numbers q{}, k{}, v{}, dy{}, cosine{}, sine{};
    bool intact = false;
};

/// The derivative of the loss along random directions in x, by central differences, is what the
/// gradient says. In double, so a small step leaves nine digits.
void compare_with_differences(Setup& setup, Numbers& x, std::int64_t width,
                              const Numbers& gradient) {
    const Numbers at = x;
    for (unsigned seed = 10; seed < 13; ++seed) {
        const Numbers direction = setup.random(width, seed);
        const double step = 1e-5;
        const auto loss_at = [&](double distance) {
            for (std::size_t i = 0; i < x.size(); ++i) x[i] = at[i] + distance * direction[i];
            return setup.loss();
        };
        const double measured = (loss_at(step) - loss_at(-step)) / (2 * step);
        x = at;
        double expected = 0, size = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (std::isnan(direction[i])) continue;
            expected += gradient[i] * direction[i];
            size += std::abs(gradient[i] * direction[i]);
        }
        QVERIFY2(std::abs(measured - expected) <= 1e-5 * size,
                 qPrintable(QString("%1, not %2").arg(expected).arg(measured)));
    }
}

constexpr std::array kinds{AttentionKind::flash, AttentionKind::naive};

const std::vector<Case> cases{
    {},
    {.rows = {7, 1, 4}},
    {.rows = {7, 5}, .causal = true},
    {.rows = {6, 9}, .lengths = {4, 9}, .heads = 4, .kv_heads = 2, .head_size = 10},
    {.rows = {6, 9}, .lengths = {1, 7}, .heads = 3, .kv_heads = 1, .head_size = 33, .causal = true},
    {.rows = {7, 4}, .head_size = 6, .rotary = true},
    {.rows = {6, 9},
     .lengths = {4, 9},
     .heads = 4,
     .kv_heads = 2,
     .head_size = 34,
     .causal = true,
     .rotary = true},
    {.rows = {70, 131}, .lengths = {69, 130}, .kv_heads = 1, .head_size = 8, .causal = true},
    {.rows = {70, 4}, .lengths = {69, 4}, .head_size = 8, .causal = true, .window = 3},
    {.rows = {70, 19}, .kv_heads = 1, .head_size = 8, .causal = true, .rotary = true, .window = 21},
};

} // namespace

class AttentionBackwardTest : public QObject {
    Q_OBJECT
private slots:
    void gradients_of_two_tokens_are_those_computed_by_hand() {
        // Queries of zeros: both weights are 1/2 and y is (1, 2).
        for (const AttentionKind kind : kinds) {
            Setup setup({.rows = {2}, .heads = 1, .kv_heads = 1, .head_size = 2, .scale = 2}, kind);
            setup.q = {0, 0, 0, 0};
            setup.k = {1, 0, 0, 1};
            setup.v = {2, 0, 0, 4};
            setup.dy = {1, 0, 0, 1};
            const auto [dq, dk, dv] = setup.gradients();
            // d score = weight · (dy · v - dy · y): 1/2, -1/2 for the first query, -1, 1 for the
            // other.
            QVERIFY(largest_difference(dq, {1, -1, -2, 2}) < 1e-6);
            QVERIFY(largest_difference(dk, {0, 0, 0, 0}) < 1e-6);
            QVERIFY(largest_difference(dv, {0.5, 0.5, 0.5, 0.5}) < 1e-6);
        }
    }
    void gradients_are_those_of_finite_differences() {
        for (const AttentionKind kind : kinds)
            for (const Case& c : cases) {
                Setup setup(c, kind);
                const auto [dq, dk, dv] = setup.gradients();
                QVERIFY(setup.intact);
                compare_with_differences(setup, setup.q, setup.q_width, dq);
                compare_with_differences(setup, setup.k, setup.kv_width, dk);
                compare_with_differences(setup, setup.v, setup.kv_width, dv);
            }
    }
    void padding_gets_zeros_and_gives_nothing() {
        for (const AttentionKind kind : kinds)
            for (const Case& c : cases) {
                Setup setup(c, kind); // NaN in its padding
                const auto [dq, dk, dv] = setup.gradients();
                const auto sound = [&](const Numbers& x, std::int64_t width) {
                    bool zeros = true;
                    setup.for_padding(width, [&](std::size_t i) { zeros &= x[i] == 0; });
                    return zeros && std::ranges::none_of(x, [](double y) { return std::isnan(y); });
                };
                QVERIFY(sound(dq, setup.q_width));
                QVERIFY(sound(dk, setup.kv_width));
                QVERIFY(sound(dv, setup.kv_width));
            }
    }
    void brain_floats_give_the_same_but_for_rounding() {
        for (const AttentionKind kind : kinds)
            for (const Case& c : cases) {
                Setup brain(c, kind, DType::bf16), exact(c, kind);
                exact.q = brain.q, exact.k = brain.k, exact.v = brain.v, exact.dy = brain.dy;
                const auto rounded = brain.gradients(), expected = exact.gradients();
                QVERIFY(brain.intact);
                QVERIFY(relative_error(rounded.dq, expected.dq) < 0x1p-8);
                QVERIFY(relative_error(rounded.dk, expected.dk) < 0x1p-8);
                QVERIFY(relative_error(rounded.dv, expected.dv) < 0x1p-8);
            }
    }
    void any_number_of_threads_gives_the_same_numbers() {
        for (const AttentionKind kind : kinds) {
            Setup setup({.rows = {9, 3, 8, 1}, .heads = 4, .kv_heads = 2}, kind);
            const auto one = setup.gradients(1), many = setup.gradients(3);
            QVERIFY(one.dq == many.dq && one.dk == many.dk && one.dv == many.dv);
        }
    }
    void kept_weights_give_what_those_computed_again_do() {
        for (const Case& c : cases) {
            Setup flash(c, AttentionKind::flash), naive(c, AttentionKind::naive);
            const auto again = flash.gradients(), kept = naive.gradients();
            QVERIFY(relative_error(kept.dq, again.dq) < 2e-6);
            QVERIFY(relative_error(kept.dk, again.dk) < 2e-6);
            QVERIFY(relative_error(kept.dv, again.dv) < 2e-6);
        }
    }
    void cost_is_five_products_where_attention_has_two() {
        const Segments segments{{0, 10, 30}, {8, 20}};
        AttentionBackward op{};
        op.q = op.y = op.dy = {nullptr, {30, 64}};
        op.k = op.v = {nullptr, {30, 32}};
        op.dq = {nullptr, {30, 64}};
        op.dk = op.dv = {nullptr, {30, 32}};
        op.log_sum_exp = {nullptr, {4, 30}};
        op.segments = &segments;
        op.heads = 4, op.kv_heads = 2;
        op.check();
        QCOMPARE(op.cost().flops, 5 * 2.0 * (10 * 10 + 20 * 20) * 64);
        QCOMPARE(op.gpu_workspace_bytes(), std::size_t(4 * 30 * 2 * 4));
        op.cosine = op.sine = {nullptr, {20, 8}};
        op.check();
        QCOMPARE(op.gpu_workspace_bytes(), std::size_t(4 * 30 * 2 * 4 + 4 * 30 * (64 + 32)));
    }
    void kept_weights_save_a_product_and_cost_their_bytes() {
        const Segments segments{{0, 10, 30}, {8, 20}};
        AttentionBackward op{};
        op.q = op.y = op.dy = {nullptr, {30, 64}};
        op.k = op.v = {nullptr, {30, 32}};
        op.dq = {nullptr, {30, 64}};
        op.dk = op.dv = {nullptr, {30, 32}};
        op.log_sum_exp = {nullptr, {4, 30}};
        op.segments = &segments;
        op.heads = 4, op.kv_heads = 2;
        const Cost flash = op.cost();
        const double scores = 4 * (10 * 10 + 20 * 20);
        op.kind = AttentionKind::naive;
        op.y = op.log_sum_exp = {};
        op.weights = {nullptr, {std::int64_t(scores)}};
        op.d_weights = {nullptr, {std::int64_t(scores)}};
        op.check();
        QCOMPARE(op.cost().flops, 4 * flash.flops / 5);
        // Weights are read, their gradients written and read; y and its sums are not.
        QCOMPARE(op.cost().bytes, flash.bytes + 4 * (3 * scores - 30 * 64 - 4 * 30));
        QCOMPARE(op.gpu_workspace_bytes(), std::size_t(0));
    }
    void ops_that_do_not_fit_say_what_should_be() {
        const auto broken = [](auto&& change) {
            const Segments segments{{0, 3}, {3}};
            AttentionBackward op{};
            op.q = op.k = op.v = op.y = op.dy = {nullptr, {3, 4}};
            op.dq = op.dk = op.dv = {nullptr, {3, 4}};
            op.log_sum_exp = {nullptr, {2, 3}};
            op.segments = &segments;
            op.heads = op.kv_heads = 2;
            if (const std::string valid = complaint(op); !valid.empty()) return valid;
            change(op);
            return complaint(op);
        };
        const auto says = [](const std::string& actual, const char* expected) {
            QVERIFY2(actual.find(expected) != std::string::npos, actual.c_str());
        };
        using Op = AttentionBackward;
        says(broken([](Op& op) {
                 op.cosine = {nullptr, {3, 1}};
             }),
             "cosine and sine are both present or absent");
        says(broken([](Op& op) {
                 op.cosine = op.sine = {nullptr, {2, 1}};
             }),
             "cosine and sine cover every position");
        says(broken([](Op& op) { op.heads = 3; }), "q is [rows, heads * head_size]");
        says(broken([](Op& op) { op.segments = nullptr; }), "attention needs segments");
        says(broken([](Op& op) { op.log_sum_exp.shape = {3, 2}; }), "[heads, rows]");
        says(broken([](Op& op) { op.log_sum_exp = {}; }), "[heads, rows]");
        says(broken([](Op& op) { op.dy.shape = {3, 2}; }), "dy is like y");
        says(broken([](Op& op) { op.dq.dtype = DType::bf16; }),
             "dq, dk and dv are like q, k and v");
        says(broken([](Op& op) { op.dk.shape = {2, 4}; }), "dq, dk and dv are like q, k and v");
        says(broken([](Op& op) { op.dv.row_stride = 3; }), "dq, dk and dv are like q, k and v");
        says(broken([](Op& op) { op.kind = AttentionKind::vendor; }), "flash or naive");
        says(broken([](Op& op) { op.kind = AttentionKind::naive; }), "has room for f32 scores");
        says(broken([](Op& op) {
                 op.kind = AttentionKind::naive;
                 op.weights = {nullptr, {2 * 3 * 3}};
                 op.log_sum_exp = {};
             }),
             "d_weights are like weights");
        says(broken([](Op& op) {
                 op.d_weights = {nullptr, {2 * 3 * 3}};
             }),
             "d_weights are like weights");
    }
};

SWEETSPOT_TEST(AttentionBackwardTest)
#include "attention_backward_test.moc"
