#include "kernels/ops/activation.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/norm.h"
#include "tests/kernels/exact_activation.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"
#include <functional>

/// What the backward ops of norms, activations, tables and the loss give against finite differences
/// of the functions themselves, in double precision.
using namespace sweetspot;
using namespace sweetspot::check;

namespace {

using Numbers = std::vector<double>;

/// The gradient of f at x.
Numbers slope(const std::function<double(const Numbers&)>& f, Numbers x) {
    constexpr double step = 1e-5;
    Numbers y;
    for (double& number : x) {
        const double before = number;
        number = before + step;
        const double above = f(x);
        number = before - step;
        y.push_back((above - f(x)) / (2 * step));
        number = before;
    }
    return y;
}

/// A norm in double, and the loss whose gradients are asked for: the sum of dy · y.
struct NormLoss {
    std::int64_t rows, width;
    NormKind kind;
    DType type = DType::f32;
    Numbers x = rounded_to(DType::f32, random_normal(rows*width, 1, 2)),
            weight = rounded_to(DType::f32, random_normal(width, 2)),
            bias = rounded_to(DType::f32, random_normal(width, 3)),
            dy = rounded_to(type, random_normal(rows*width, 4));
    Numbers mean{}, rstd{};

    double at(const Numbers& from, const Numbers& gain, const Numbers& shift) {
        double loss = 0;
        mean.clear(), rstd.clear();
        for (std::int64_t row = 0; row < rows; ++row) {
            const double* r = from.data() + row * width;
            double m = 0, square = 0;
            if (kind == NormKind::layer)
                for (std::int64_t i = 0; i < width; ++i) m += r[i] / double(width);
            for (std::int64_t i = 0; i < width; ++i) square += (r[i] - m) * (r[i] - m);
            mean.push_back(m);
            rstd.push_back(1 / std::sqrt(square / double(width) + 1e-5));
            for (std::int64_t i = 0; i < width; ++i)
                loss += dy[std::size_t(row * width + i)] *
                        ((r[i] - m) * rstd.back() * gain[std::size_t(i)] + shift[std::size_t(i)]);
        }
        return loss;
    }
};

Numbers plus(const Numbers& a, double added) {
    Numbers y = a;
    for (double& x : y) x += added;
    return y;
}

} // namespace

class GradientsTest : public QObject {
    Q_OBJECT
private slots:
    void a_norms_gradients_match_hand_numbers() {
        // x̂ is (-1, 1): dy = (1, 0) has the mean 1/2 and the share -1/2 along it: nothing is left.
        Guarded x({1, 2}, {1, 3}), weight({2}, {1, 1}), mean({1}, {2}), rstd({1}, {1});
        Guarded dy({1, 2}, {1, 0}), dx({1, 2}, DType::f32), dweight({2}, {10, 10}),
            dbias({2}, {20, 20});
        run_on_cpu(NormBackward{.x = x,
                                .weight = weight,
                                .mean = mean,
                                .rstd = rstd,
                                .dy = dy,
                                .dx = dx,
                                .dweight = dweight,
                                .dbias = dbias});
        QCOMPARE(dx.values(), (Numbers{0, 0}));
        QCOMPARE(dweight.values(), (Numbers{9, 10}));
        QCOMPARE(dbias.values(), (Numbers{21, 20}));
    }

    void a_norms_gradients_are_finite_differences() {
        for (const NormKind kind : {NormKind::layer, NormKind::rms})
            for (const DType type : {DType::f32, DType::bf16})
                for (const std::int64_t width : {1, 3, 16, 65, 300})
                    for (const bool accumulate : {false, true}) {
                        if (width == 1 && kind == NormKind::layer) continue; // 0 everywhere
                        NormLoss loss{.rows = 5, .width = width, .kind = kind, .type = type};
                        const auto of_x = slope(
                            [&](auto& v) { return loss.at(v, loss.weight, loss.bias); }, loss.x);
                        const auto of_weight = slope(
                            [&](auto& v) { return loss.at(loss.x, v, loss.bias); }, loss.weight);
                        const auto of_bias = slope(
                            [&](auto& v) { return loss.at(loss.x, loss.weight, v); }, loss.bias);
                        loss.at(loss.x, loss.weight, loss.bias);
                        Guarded x({5, width}, loss.x), weight({width}, loss.weight),
                            mean({5}, loss.mean), rstd({5}, loss.rstd),
                            dy({5, width}, loss.dy, type);
                        Guarded dx({5, width}, Numbers(std::size_t(5 * width), accumulate ? 1 : 7));
                        Guarded dweight({width}, Numbers(std::size_t(width), 1.0)),
                            dbias({width}, Numbers(std::size_t(width), 1.0));
                        run_on_cpu(NormBackward{.x = x,
                                                .weight = weight,
                                                .mean = kind == NormKind::layer ? mean.in() : In{},
                                                .rstd = rstd,
                                                .dy = dy,
                                                .dx = dx,
                                                .dweight = dweight,
                                                .dbias = dbias,
                                                .kind = kind,
                                                .accumulate = accumulate});
                        const std::string what = "width " + std::to_string(width) + " " +
                                                 std::string(names_of(kind)[std::size_t(kind)]);
                        QVERIFY2(largest_difference(dx.values(), plus(of_x, accumulate)) < 2e-5,
                                 what.c_str());
                        QVERIFY2(relative_error(dweight.values(), plus(of_weight, 1)) < 1e-5,
                                 what.c_str());
                        QVERIFY2(relative_error(dbias.values(), plus(of_bias, 1)) < 1e-5,
                                 what.c_str());
                        QVERIFY(dx.intact() && dweight.intact() && dbias.intact());
                    }
    }

    void a_norms_gradients_are_those_of_any_number_of_threads() {
        const NormLoss loss{.rows = 100, .width = 300, .kind = NormKind::layer};
        std::vector<Numbers> found;
        for (const int threads : {1, 3}) {
            Guarded x({100, 300}, loss.x), weight({300}, loss.weight), dy({100, 300}, loss.dy),
                mean({100}, random_normal(100, 5)), rstd({100}, random_normal(100, 6));
            Guarded dx({100, 300}, DType::f32), dweight({300}, loss.bias), dbias({300}, loss.bias);
            run_on_cpu(NormBackward{.x = x,
                                    .weight = weight,
                                    .mean = mean,
                                    .rstd = rstd,
                                    .dy = dy,
                                    .dx = dx,
                                    .dweight = dweight,
                                    .dbias = dbias},
                       threads);
            found.push_back(dx.values());
            found.push_back(dweight.values());
        }
        QCOMPARE(found[0], found[2]);
        QCOMPARE(found[1], found[3]);
    }

    void gradients_of_a_norm_by_head_match_hand_numbers() {
        // Two heads: x̂ is (0.6, 0.8) · √2, and (1, -1). Of g = dy · weight the share along x̂ goes.
        Guarded x({1, 4}, {3, 4, 2, -2}), weight({2}, {2, 1}), dx({1, 4}, {1, 0, 0, 1}),
            dweight({2}, {10, 20});
        run_on_cpu(
            HeadNormBackward{.x = x, .weight = weight, .dx = dx, .dweight = dweight, .epsilon = 0});
        // rstd √2 / 5: g (2, 0) less 1.2 of (0.6, 0.8); rstd 1/2: g (0, 1) less -1/2 of (1, -1).
        const double rstd = std::sqrt(2.0) / 5;
        QVERIFY(largest_difference(dx.values(), {1.28 * rstd, -0.96 * rstd, 0.25, 0.25}) < 1e-6);
        QVERIFY(largest_difference(dweight.values(), {10 + 3 * rstd, 19}) < 2e-6);
    }

    void a_norms_gradients_by_head_are_finite_differences() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t size : {1, 3, 16, 33, 64})
                for (const std::int64_t rows : {1, 7, 300}) {
                    const std::int64_t heads = 2, width = heads * size;
                    NormLoss loss{.rows = rows * heads, .width = size, .kind = NormKind::rms};
                    loss.x = rounded_to(type, loss.x), loss.dy = rounded_to(type, loss.dy);
                    loss.bias.assign(std::size_t(size), 0);
                    Numbers of_x; // row by row: no row has a part in another's
                    for (std::int64_t row = 0; row < rows * heads; ++row) {
                        NormLoss one{.rows = 1, .width = size, .kind = NormKind::rms};
                        const auto cut = [&](const Numbers& all) {
                            return Numbers(all.begin() + row * size,
                                           all.begin() + (row + 1) * size);
                        };
                        one.x = cut(loss.x), one.dy = cut(loss.dy);
                        const Numbers some = slope(
                            [&](auto& v) { return one.at(v, loss.weight, loss.bias); }, one.x);
                        of_x.insert(of_x.end(), some.begin(), some.end());
                    }
                    const Numbers of_weight =
                        slope([&](auto& v) { return loss.at(loss.x, v, loss.bias); }, loss.weight);
                    for (const int threads : {1, 3}) {
                        Guarded x({rows, width}, loss.x, type, width + 3),
                            dx({rows, width}, loss.dy, type, width + 1),
                            weight({size}, loss.weight),
                            dweight({size}, Numbers(std::size_t(size), 1.0));
                        run_on_cpu(HeadNormBackward{.x = x,
                                                    .weight = weight,
                                                    .dx = dx,
                                                    .dweight = dweight,
                                                    .epsilon = 1e-5f},
                                   threads);
                        const double limit = type == DType::f32 ? 2e-5 : 4e-3;
                        const std::string what = "size " + std::to_string(size);
                        // Of one channel's direction there is nothing left but rounding.
                        if (size > 1)
                            QVERIFY2(relative_error(dx.values(), of_x) < limit, what.c_str());
                        else
                            QVERIFY(largest_difference(dx.values(), of_x) < limit);
                        QVERIFY2(relative_error(dweight.values(), plus(of_weight, 1)) < 1e-5,
                                 what.c_str());
                        QVERIFY(x.intact() && dx.intact() && dweight.intact());
                    }
                }
        static float data[8];
        const auto complaint_of = [&](auto&& change) {
            HeadNormBackward op{.x = {data, {2, 4}}, .weight = {data, {2}}, .dx = {data, {2, 4}}};
            if (const std::string valid = complaint(op); !valid.empty()) return valid;
            change(op);
            return complaint(op);
        };
        QCOMPARE(complaint_of([](auto& op) { op.dx.dtype = DType::bf16; }),
                 std::string("dx is like x"));
        QCOMPARE(complaint_of([](auto& op) { op.weight.shape = {3}; }),
                 std::string("weight is [head_size], f32, and x's width a multiple of it"));
        QCOMPARE(complaint_of([](auto& op) {
                     op.dweight = {data, {3}};
                 }),
                 std::string("dweight is like weight"));
    }

    void an_activations_gradient_is_its_finite_difference() {
        Numbers x;
        for (int i = -3000; i <= 3000; ++i) x.push_back(float(i * 0.01));
        for (const double far : {1e30, -1e30, 1000.0, -1000.0}) x.push_back(far);
        const auto count = std::int64_t(x.size());
        for (const Activation activation : all)
            for (const bool in_place : {false, true}) {
                Guarded given({1, count}, x), dy({1, count}, Numbers(x.size(), 2.0)),
                    other({1, count}, DType::f32);
                run_on_cpu(ActivateBackward{.x = given,
                                            .dy = dy,
                                            .dx = in_place ? dy.out() : other.out(),
                                            .activation = activation});
                const auto dx = (in_place ? dy : other).values();
                for (std::size_t i = 0; i < x.size(); ++i) {
                    const bool far = std::abs(x[i]) > 100;
                    const double step = 1e-6,
                                 expected = far ? double(x[i] > 0 || activation == Activation::none)
                                                : (exact(activation, x[i] + step) -
                                                   exact(activation, x[i] - step)) /
                                                      (2 * step);
                    QVERIFY2(std::abs(dx[i] - 2 * expected) < 5e-6,
                             qPrintable(QString("activation %1 of %2: %3, not %4")
                                            .arg(int(activation))
                                            .arg(x[i])
                                            .arg(dx[i])
                                            .arg(2 * expected)));
                }
                QVERIFY(given.intact() && dy.intact() && other.intact());
            }
    }

    void a_gated_units_gradients_are_finite_differences() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t width : {1, 17, 65}) {
                const std::int64_t rows = 3;
                const Numbers gate = rounded_to(type, random_normal(rows * width, 1, 2)),
                              up = rounded_to(type, random_normal(rows * width, 2)),
                              dy = rounded_to(type, random_normal(rows * width, 3));
                Numbers of_gate, of_up;
                for (std::size_t i = 0; i < gate.size(); ++i) {
                    const double step = 1e-6;
                    of_gate.push_back(dy[i] * up[i] *
                                      (exact(Activation::silu, gate[i] + step) -
                                       exact(Activation::silu, gate[i] - step)) /
                                      (2 * step));
                    of_up.push_back(dy[i] * exact(Activation::silu, gate[i]));
                }
                Guarded g({rows, width}, gate, type, 2 * width + 3),
                    u({rows, width}, up, type, width + 1), d({rows, width}, dy, type);
                Guarded dgate({rows, width}, type, 2 * width), dup({rows, width}, type, width + 5);
                run_on_cpu(SwiGluBackward{.gate = g, .up = u, .dy = d, .dgate = dgate, .dup = dup});
                const double limit = type == DType::bf16 ? 4e-3 : 2e-6;
                QVERIFY(relative_error(dgate.values(), of_gate) < limit);
                QVERIFY(relative_error(dup.values(), of_up) < limit);
                QVERIFY(dgate.intact() && dup.intact() && g.intact() && u.intact());
            }
    }

    void a_tables_gradient_adds_up_the_rows_that_read_it() {
        Guarded ids({3}, {2, 0, 2}, DType::i32), scale({3}, {1, 2, 10});
        Guarded positions({3}, {0, 1, 1}, DType::i32), dy({3, 2}, {1, 2, 3, 4, 5, 6});
        Guarded dtable({3, 2}, {100, 0, 0, 0, 0, 0}), dplaces({2, 2}, {0, 0, 0, 1000});
        run_on_cpu(EmbeddingBackward{.ids = ids,
                                     .scale = scale,
                                     .positions = positions,
                                     .dy = dy,
                                     .dtable = dtable,
                                     .dposition_table = dplaces});
        QCOMPARE(dtable.values(), (Numbers{106, 8, 0, 0, 51, 62}));
        QCOMPARE(dplaces.values(), (Numbers{1, 2, 8, 1010}));
        QVERIFY(dtable.intact() && dplaces.intact() && dy.intact());
    }

    void a_tables_gradient_is_that_of_any_number_of_threads() {
        const std::int64_t rows = 700, width = 130;
        Numbers which;
        for (std::int64_t i = 0; i < rows; ++i) which.push_back(double(i * i % 7));
        Numbers expected(std::size_t(7 * width), 0.0);
        const Numbers values = rounded_to(DType::f32, random_normal(rows * width, 1));
        for (std::int64_t i = 0; i < rows * width; ++i)
            expected[std::size_t(which[std::size_t(i / width)]) * width + i % width] +=
                values[std::size_t(i)];
        std::vector<Numbers> found;
        for (const int threads : {1, 3}) {
            Guarded ids({rows}, which, DType::i32), dy({rows, width}, values);
            Guarded dtable({7, width}, Numbers(std::size_t(7 * width), 0.0));
            run_on_cpu(EmbeddingBackward{.ids = ids, .dy = dy, .dtable = dtable}, threads);
            found.push_back(dtable.values());
            QVERIFY(relative_error(found.back(), expected) < 1e-6);
        }
        QCOMPARE(found[0], found[1]);
    }

    void the_losss_gradient_matches_hand_numbers() {
        Guarded logits({2, 2}, {0, std::log(3.0), 5, 5}), targets({2}, {1, -1}, DType::i32);
        Guarded losses({2}, DType::f32), dlogits({2, 2}, DType::f32);
        run_on_cpu(CrossEntropyGradient{.logits = logits,
                                        .targets = targets,
                                        .losses = losses,
                                        .dlogits = dlogits,
                                        .scale = 0.5f});
        QVERIFY(largest_difference(losses.values(), {std::log(4.0 / 3), 0}) < 1e-6);
        QVERIFY(largest_difference(dlogits.values(), {0.125, -0.125, 0, 0}) < 1e-6);
        QVERIFY(dlogits.intact() && losses.intact());
    }

    void the_losss_gradient_is_its_finite_difference() {
        for (const std::int64_t vocabulary : {1, 3, 33, 257, 5000})
            for (const DType type : {DType::f32, DType::bf16})
                for (const bool in_place : {false, true}) {
                    if (in_place && type != DType::f32) continue;
                    const std::int64_t rows = 3;
                    const Numbers values =
                        rounded_to(DType::f32, random_normal(rows * vocabulary, 1, 4));
                    Numbers expected, wanted, expected_losses;
                    for (std::int64_t row = 0; row < rows; ++row) {
                        const double* x = values.data() + row * vocabulary;
                        const std::int64_t target = row * 7 % vocabulary;
                        wanted.push_back(double(target));
                        double sum = 0;
                        for (std::int64_t i = 0; i < vocabulary; ++i) sum += std::exp(x[i]);
                        expected_losses.push_back(std::log(sum) - x[target]);
                        for (std::int64_t i = 0; i < vocabulary; ++i) {
                            const double step = 1e-5, share = std::exp(x[i]) / sum;
                            const auto loss = [&](double by) { // of the logit moved by so much
                                return std::log(1 + share * std::expm1(by)) - (i == target) * by;
                            };
                            expected.push_back(0.25 * (loss(step) - loss(-step)) / (2 * step));
                        }
                    }
                    Guarded logits({rows, vocabulary}, values), targets({rows}, wanted, DType::i32),
                        losses({rows}, DType::f32), other({rows, vocabulary}, type);
                    run_on_cpu(
                        CrossEntropyGradient{.logits = logits,
                                             .targets = targets,
                                             .losses = losses,
                                             .dlogits = in_place ? logits.out() : other.out(),
                                             .scale = 0.25f});
                    const auto found = (in_place ? logits : other).values();
                    QVERIFY2(largest_difference(found, expected) <
                                 3e-7 + (type == DType::bf16) * 1e-3,
                             qPrintable(QString("vocabulary %1: %2")
                                            .arg(vocabulary)
                                            .arg(largest_difference(found, expected))));
                    QVERIFY(largest_difference(losses.values(), expected_losses) < 3e-6);
                    QVERIFY(logits.intact() && other.intact() && losses.intact());
                }
    }

    void zeros_fill_a_tensor_of_any_size_and_no_more() {
        for (const std::int64_t count : {1, 70, 300000}) {
            Guarded x({count}, DType::bf16);
            run_on_cpu(Zero{.x = x});
            QCOMPARE(x.values(), Numbers(std::size_t(count), 0.0));
            QVERIFY(x.intact());
        }
    }

    void f16_is_refused_on_the_cpu() {
        Guarded half({2, 4}, DType::f16), full({2, 4}, DType::f32), ids({2}, {0, 1}, DType::i32);
        Guarded four({4}, DType::f32), two({2}, DType::f32);
        QCOMPARE(refusal(ActivateBackward{.x = half, .dy = half, .dx = half}), no_f16);
        QCOMPARE(refusal(SwiGluBackward{
                     .gate = half, .up = half, .dy = half, .dgate = half, .dup = half}),
                 no_f16);
        QCOMPARE(refusal(CrossEntropyGradient{
                     .logits = full, .targets = ids, .losses = two, .dlogits = half}),
                 no_f16);
        QCOMPARE(refusal(NormBackward{.x = full,
                                      .weight = four,
                                      .mean = two,
                                      .rstd = two,
                                      .dy = half,
                                      .dx = full,
                                      .dweight = four}),
                 no_f16);
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        const In matrix{data, {2, 4}}, rows{data, {2}}, width{data, {4}};
        const Out out{data, {2, 4}}, out_width{data, {4}};
        const NormBackward norm{.x = matrix,
                                .weight = width,
                                .mean = rows,
                                .rstd = rows,
                                .dy = matrix,
                                .dx = out,
                                .dweight = out_width};
        QCOMPARE(complaint(norm), std::string());
        NormBackward op = norm;
        op.kind = NormKind::rms;
        QCOMPARE(complaint(op), std::string("mean is present with the layer kind"));
        op = norm;
        op.rstd.shape = {4};
        QCOMPARE(complaint(op), std::string("rstd is [rows], f32"));
        op = norm;
        op.dx.dtype = DType::bf16;
        QCOMPARE(complaint(op), std::string("dx has x's shape, f32, dense"));
        op = norm;
        op.dweight.shape = {2};
        QCOMPARE(complaint(op), std::string("dweight is [width], f32"));
        ActivateBackward activate{.x = matrix, .dy = matrix, .dx = out};
        QCOMPARE(complaint(activate), std::string());
        activate.dy.dtype = DType::bf16;
        QCOMPARE(complaint(activate), std::string("dy is like x"));
        SwiGluBackward gated{.gate = matrix, .up = matrix, .dy = matrix, .dgate = out, .dup = out};
        QCOMPARE(complaint(gated), std::string());
        gated.dup.shape = {4, 2};
        QCOMPARE(complaint(gated), std::string("dgate and dup are like gate"));
        EmbeddingBackward table{.ids = {data, {2}, DType::i32}, .dy = matrix, .dtable = out};
        QCOMPARE(complaint(table), std::string());
        table.positions = table.ids;
        QCOMPARE(complaint(table), std::string("positions and dposition_table come together"));
        CrossEntropyGradient loss{.logits = matrix,
                                  .targets = {data, {2}, DType::i32},
                                  .losses = {data, {2}},
                                  .dlogits = out};
        QCOMPARE(complaint(loss), std::string());
        loss.dlogits.shape = {4, 2};
        QCOMPARE(complaint(loss),
                 std::string("dlogits has logits' shape, f32, bf16 or f16, dense"));
        QCOMPARE(complaint(Zero{}), std::string("x is dense"));
    }
};

SWEETSPOT_TEST(GradientsTest)
#include "gradients_test.moc"
