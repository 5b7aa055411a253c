#include "kernels/core/philox.h"
#include "kernels/ops/norm.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

/// Mean and 1 / standard deviation of a row, in double precision.
std::pair<double, double> statistics(const std::vector<double>& x, NormKind kind, double epsilon) {
    const double width = double(x.size());
    double mean = 0, squares = 0;
    if (kind == NormKind::layer)
        for (double v : x) mean += v / width;
    for (double v : x) squares += (v - mean) * (v - mean);
    return {mean, 1 / std::sqrt(squares / width + epsilon)};
}

/// One row, normalised in double precision.
std::vector<double> normalised(const std::vector<double>& x, const std::vector<double>& weight,
                               const std::vector<double>& bias, NormKind kind, double epsilon) {
    const auto [mean, rstd] = statistics(x, kind, epsilon);
    std::vector<double> y;
    for (std::size_t i = 0; i < x.size(); ++i)
        y.push_back((x[i] - mean) * rstd * weight[i] + bias[i]);
    return y;
}

struct Case {
    std::int64_t rows, width;
    NormKind kind;
    DType delta_type, y_type;
    bool delta, bias;
    bool apart = false; ///< the sum goes to a tensor of its own, and the statistics are kept
};

/// The error against double precision; infinite if the sum or the statistics are wrong, x changed
/// where it should not, or a guard word did.
double error_of(const Case& t) {
    const auto x_values = rounded_to(DType::f32, random_normal(t.rows * t.width, 1, 3));
    const auto delta_values = rounded_to(t.delta_type, random_normal(t.rows * t.width, 2));
    const auto weight_values = rounded_to(DType::f32, random_normal(t.width, 3));
    const auto bias_values = rounded_to(DType::f32, random_normal(t.width, 4));
    Guarded x({t.rows, t.width}, x_values), delta({t.rows, t.width}, delta_values, t.delta_type);
    Guarded weight({t.width}, weight_values), bias({t.width}, bias_values);
    Guarded y({t.rows, t.width}, t.y_type), sum({t.rows, t.width}, DType::f32);
    Guarded mean({t.rows}, DType::f32), rstd({t.rows}, DType::f32);
    const bool layer = t.kind == NormKind::layer;
    run_on_cpu(Norm{.x = x,
                    .delta = t.delta ? delta.in() : In{},
                    .weight = weight,
                    .bias = t.bias ? bias.in() : In{},
                    .sum = !t.delta  ? Out{}
                           : t.apart ? sum.out()
                                     : x.out(),
                    .y = y,
                    .mean = t.apart && layer ? mean.out() : Out{},
                    .rstd = t.apart ? rstd.out() : Out{},
                    .kind = t.kind});
    std::vector<double> sums = x_values, expected;
    if (t.delta)
        for (std::size_t i = 0; i < sums.size(); ++i)
            sums[i] = float(float(sums[i]) + float(delta_values[i]));
    bool whole = x.intact() && y.intact() && sum.intact() && mean.intact() && rstd.intact();
    for (std::int64_t row = 0; row < t.rows; ++row) {
        const auto first = sums.begin() + row * t.width;
        const std::vector<double> one_row{first, first + t.width};
        const auto y_row = normalised(
            one_row, weight_values,
            t.bias ? bias_values : std::vector<double>(std::size_t(t.width), 0.0), t.kind, 1e-5);
        expected.insert(expected.end(), y_row.begin(), y_row.end());
        if (!t.apart) continue;
        const auto [row_mean, row_rstd] = statistics(one_row, t.kind, 1e-5);
        if (layer) whole &= std::abs(mean.values()[std::size_t(row)] - row_mean) < 1e-6;
        whole &= std::abs(rstd.values()[std::size_t(row)] / row_rstd - 1) < 1e-6;
    }
    whole &= x.values() == (t.apart ? x_values : sums);
    if (t.delta && t.apart) whole &= sum.values() == sums;
    return whole ? relative_error(y.values(), expected) : INFINITY;
}

Norm good() {
    static float data[8];
    return {.x = {data, {2, 4}}, .weight = {data, {4}}, .y = {data, {2, 4}}};
}

template <class Spoil>
std::string after(Spoil spoil) {
    Norm op = good();
    spoil(op);
    return complaint(op);
}

} // namespace

class NormTest : public QObject {
    Q_OBJECT
private slots:
    void layernorm_of_a_row_matches_hand_numbers() {
        Guarded x({1, 4}, {1, 1, 5, 5}), weight({4}, {1, 2, 1, 2}), bias({4}, {0, 0, 10, 10});
        Guarded y({1, 4}, DType::f32);
        Guarded mean({1}, DType::f32), rstd({1}, DType::f32);
        run_on_cpu(Norm{.x = x,
                        .weight = weight,
                        .bias = bias,
                        .y = y,
                        .mean = mean,
                        .rstd = rstd,
                        .epsilon = 0});
        QCOMPARE(y.values(), (std::vector<double>{-1, -2, 11, 12}));
        QCOMPARE(mean.values(), (std::vector<double>{3}));
        QCOMPARE(rstd.values(), (std::vector<double>{0.5}));
    }

    void rmsnorm_of_a_row_matches_hand_numbers() {
        Guarded x({1, 2}, {3, 4}), delta({1, 2}, {-2, 3}), weight({2}, {5, 10});
        Guarded y({1, 2}, DType::f32);
        Guarded sum({1, 2}, DType::f32), rstd({1}, DType::f32);
        run_on_cpu(Norm{.x = x,
                        .delta = delta,
                        .weight = weight,
                        .sum = sum,
                        .y = y,
                        .rstd = rstd,
                        .kind = NormKind::rms,
                        .epsilon = 0});
        QCOMPARE(x.values(), (std::vector<double>{3, 4}));
        QCOMPARE(sum.values(), (std::vector<double>{1, 7}));
        QVERIFY(largest_difference(rstd.values(), {0.2}) < 1e-6);
        QVERIFY(largest_difference(y.values(), {1, 14}) < 1e-6);
    }

    void rows_of_any_width_match_double_precision() {
        for (const NormKind kind : {NormKind::layer, NormKind::rms})
            for (const std::int64_t width : {1, 3, 15, 16, 17, 63, 65, 130, 640})
                for (const DType type : {DType::f32, DType::bf16})
                    for (const bool delta : {false, true})
                        for (const bool bias : {false, true}) {
                            const double error =
                                std::max(error_of({5, width, kind, type, type, delta, bias}),
                                         error_of({5, width, kind, type, type, delta, bias, true}));
                            const double limit = type == DType::bf16 ? 4e-3 : 1e-6;
                            QVERIFY2(error < limit,
                                     qPrintable(QString("width %1: %2").arg(width).arg(error)));
                        }
    }

    void many_rows_on_several_threads_match_double_precision() {
        QVERIFY(error_of({301, 100, NormKind::layer, DType::bf16, DType::f32, true, true}) < 1e-6);
        QVERIFY(error_of({301, 100, NormKind::rms, DType::f32, DType::bf16, true, false}) < 4e-3);
    }

    void a_large_mean_does_not_spoil_the_variance() {
        auto values = random_normal(640, 1, 1);
        for (double& v : values) v += 1000;
        Guarded x({1, 640}, values), y({1, 640}, DType::f32);
        const std::vector<double> one(640, 1.0), zero(640, 0.0);
        Guarded weight({640}, one);
        run_on_cpu(Norm{.x = x, .weight = weight, .y = y});
        const auto expected = normalised(x.values(), one, zero, NormKind::layer, 1e-5);
        QVERIFY(relative_error(y.values(), expected) < 1e-4);
    }

    void philox_gives_the_published_words() {
        // kat_vectors of Random123 (Salmon et al., 2011).
        const auto words = [](PhiloxWords counter, std::uint32_t key0, std::uint32_t key1) {
            const PhiloxWords y = philox(counter, key0, key1);
            return std::vector<std::uint32_t>(y.x, y.x + 4);
        };
        using Words = std::vector<std::uint32_t>;
        const std::uint32_t ones = 0xffffffff;
        QCOMPARE(words({{0, 0, 0, 0}}, 0, 0),
                 (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
        QCOMPARE(words({{ones, ones, ones, ones}}, ones, ones),
                 (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
        QCOMPARE(words({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
                 (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
        QCOMPARE(philox_word(2, 0), 0xbc57ac4cu);
    }

    void dropout_keeps_some_of_delta_scaled_and_the_same_for_a_seed() {
        const std::vector<double> zeros(100 * 65, 0.0), ones(100 * 65, 1.0), one(65, 1.0);
        const auto sums = [&](float probability, std::uint64_t seed, int threads) {
            Guarded x({100, 65}, zeros), delta({100, 65}, ones, DType::bf16), weight({65}, one);
            Guarded y({100, 65}, DType::f32);
            run_on_cpu(Norm{.x = x,
                            .delta = delta,
                            .weight = weight,
                            .sum = x,
                            .y = y,
                            .dropout = {.probability = probability, .seed = seed}},
                       threads);
            return x.values();
        };
        QCOMPARE(sums(0, 1, 2), ones);
        const auto some = sums(0.25f, 1, 2);
        int kept = 0;
        for (double x : some) {
            QVERIFY(x == 0 || x == double(1 / 0.75f));
            kept += x != 0;
        }
        QVERIFY(std::abs(kept - 0.75 * 6500) < 150); // four standard deviations
        QCOMPARE(sums(0.25f, 1, 1), some);
        QVERIFY(sums(0.25f, 2, 1) != some);
        // Elements 0 to 3 of seed 0 have the words 0x66..., 0xe1..., 0xbc... and 0x9b...
        const auto half = sums(0.5f, 0, 1);
        QCOMPARE(std::vector<double>(half.begin(), half.begin() + 4),
                 (std::vector<double>{0, 2, 2, 2}));
    }

    void f16_is_refused_on_the_cpu() {
        Guarded x({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), weight({4}, {1, 1, 1, 1});
        Guarded half({2, 4}, DType::f16), y({2, 4}, DType::f32);
        QCOMPARE(refusal(Norm{.x = x, .weight = weight, .y = half}), no_f16);
        QCOMPARE(refusal(Norm{.x = x, .delta = half, .weight = weight, .sum = x, .y = y}), no_f16);
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        QCOMPARE(complaint(good()), std::string());
        QCOMPARE(after([](Norm& op) { op.x.dtype = DType::bf16; }),
                 std::string("x is [rows, width], f32, dense"));
        QCOMPARE(after([](Norm& op) {
                     op.delta = {data, {2, 3}};
                 }),
                 std::string("delta has x's shape, dense"));
        QCOMPARE(after([](Norm& op) { op.weight.shape = {3}; }),
                 std::string("weight is [width], f32"));
        QCOMPARE(after([](Norm& op) {
                     op.bias = {data, {2, 4}};
                 }),
                 std::string("bias is [width], f32"));
        QCOMPARE(after([](Norm& op) {
                     op.y.shape = {4, 2};
                 }),
                 std::string("y has x's shape, dense"));
        QCOMPARE(after([](Norm& op) { op.y.dtype = DType::i32; }),
                 std::string("y is f32, bf16 or f16"));
        QCOMPARE(after([](Norm& op) {
                     op.delta = {data, {2, 4}};
                 }),
                 std::string("sum is present with delta"));
        QCOMPARE(after([](Norm& op) {
                     op.delta = {data, {2, 4}};
                     op.sum = {data, {2, 4}, DType::bf16};
                 }),
                 std::string("sum has x's shape, f32, dense"));
        QCOMPARE(after([](Norm& op) {
                     op.mean = {data, {4}};
                 }),
                 std::string("mean is [rows], f32, of the layer kind"));
        QCOMPARE(after([](Norm& op) {
                     op.mean = {data, {2}};
                     op.kind = NormKind::rms;
                 }),
                 std::string("mean is [rows], f32, of the layer kind"));
        QCOMPARE(after([](Norm& op) {
                     op.rstd = {data, {2}, DType::bf16};
                 }),
                 std::string("rstd is [rows], f32"));
        QCOMPARE(after([](Norm& op) { op.dropout.probability = 1; }),
                 std::string("dropout's probability is in [0, 1)"));
    }

    void heads_are_normalised_each_by_itself() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t size : {1, 3, 16, 33, 64, 128})
                for (const std::int64_t rows : {1, 301}) {
                    const std::int64_t heads = 3, width = heads * size;
                    const auto x_values = rounded_to(type, random_normal(rows * width, 1, 3));
                    const auto gains = rounded_to(DType::f32, random_normal(size, 2));
                    Guarded x({rows, width}, x_values, type, width + 5), weight({size}, gains);
                    run_on_cpu(HeadNorm{.x = x, .weight = weight, .epsilon = 1e-5f});
                    std::vector<double> expected;
                    for (auto at = x_values.begin(); at != x_values.end(); at += size) {
                        const auto head = normalised({at, at + size}, gains,
                                                     std::vector<double>(std::size_t(size), 0.0),
                                                     NormKind::rms, 1e-5);
                        expected.insert(expected.end(), head.begin(), head.end());
                    }
                    QVERIFY(x.intact() && relative_error(x.values(), expected) <
                                              (type == DType::f32 ? 1e-6 : 4e-3));
                }
        static float data[8];
        QCOMPARE(complaint(HeadNorm{.x = {data, {2, 4}}, .weight = {data, {3}}}),
                 std::string("weight is [head_size], f32, and x's width a multiple of it"));
    }

    void the_residual_is_counted_where_there_is_one() {
        Norm op = good();
        QCOMPARE(op.cost().bytes, 4.0 * (8 + 8 + 4));
        static float data[8];
        op.delta = op.x;
        op.sum = {data, {2, 4}};
        QCOMPARE(op.cost().bytes, 4.0 * (8 + 8 + 4 + 8 + 8));
    }
};

SWEETSPOT_TEST(NormTest)
#include "norm_test.moc"
