#include "kernels/ops/matmul_backward.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

using Numbers = std::vector<double>;

Shape matrix(std::int64_t rows, std::int64_t width) {
    return {rows, width};
}

/// c = a · weightᵀ + bias with its gradients by dy, and all that they read.
struct Linear {
    std::int64_t m, n, k;
    DType type = DType::f32;
    int threads = 2;
    Numbers a = rounded_to(type, random_normal(m*k, 1)),
            w = rounded_to(type, random_normal(n*k, 2, 1 / std::sqrt(double(k)))),
            bias = rounded_to(DType::f32, random_normal(n, 3)),
            dy = rounded_to(type, random_normal(m*n, 4));

    /// Sum of dy · c, in double: the gradients are those of this number.
    double loss() const {
        double sum = 0;
        for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j) {
                double c = bias[std::size_t(j)];
                for (std::int64_t p = 0; p < k; ++p)
                    c += a[std::size_t(i * k + p)] * w[std::size_t(j * k + p)];
                sum += dy[std::size_t(i * n + j)] * c;
            }
        return sum;
    }
    Numbers expected_dx() const {
        Numbers dx(std::size_t(m * k), 0.0);
        for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j)
                for (std::int64_t p = 0; p < k; ++p)
                    dx[std::size_t(i * k + p)] +=
                        dy[std::size_t(i * n + j)] * w[std::size_t(j * k + p)];
        return dx;
    }
    Numbers expected_dw() const {
        Numbers dw(std::size_t(n * k), 0.0);
        for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j)
                for (std::int64_t p = 0; p < k; ++p)
                    dw[std::size_t(j * k + p)] +=
                        dy[std::size_t(i * n + j)] * a[std::size_t(i * k + p)];
        return dw;
    }
    Numbers expected_dbias() const {
        Numbers dbias(std::size_t(n), 0.0);
        for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j)
                dbias[std::size_t(j)] += dy[std::size_t(i * n + j)];
        return dbias;
    }

    struct Gradients {
        Numbers dx, dw, dbias;
    };
    /// Added to `before`, if that is not NaN. NaN where a guard word changed.
    Gradients gradients(double before = NAN, DType dx_type = DType::f32,
                        bool strided = false) const {
        const bool accumulate = !std::isnan(before);
        Guarded weight(matrix(n, k), w, type), packed(packed_shape(n, k, type), type);
        run_on_cpu(RepackWeight{.weight = weight, .packed = packed});
        Guarded dy_in(matrix(m, n), dy, type), x(matrix(m, k), a, type);
        Guarded strided_dy(matrix(m, n), dy, type, n + 3);
        Guarded dx(matrix(m, k), dx_type, strided ? k + 5 : 0), dw(matrix(n, k), DType::f32),
            dbias({n}, DType::f32);
        if (accumulate)
            for (Guarded* t : {&dx, &dw, &dbias}) t->set(Numbers(t->values().size(), before));
        run_on_cpu(MatMulBackward{.dy = strided ? strided_dy.in() : dy_in.in(),
                                  .weight = {.data = packed, .n = n, .k = k},
                                  .dx = dx,
                                  .accumulate = accumulate},
                   threads);
        run_on_cpu(
            WeightGradient{.dy = dy_in, .x = x, .dw = dw, .dbias = dbias, .accumulate = accumulate},
            threads);
        const bool whole = dx.intact() && dw.intact() && dbias.intact() && packed.intact();
        return whole ? Gradients{dx.values(), dw.values(), dbias.values()}
                     : Gradients{{NAN}, {NAN}, {NAN}};
    }
};

Numbers plus(Numbers x, double y) {
    for (double& number : x) number += y;
    return x;
}

QByteArray sentence(const Linear& c, const char* of, double error) {
    return QString("%1 of m %2, n %3, k %4, %5: error %6")
        .arg(of)
        .arg(c.m)
        .arg(c.n)
        .arg(c.k)
        .arg(names_of(c.type)[std::size_t(c.type)].data())
        .arg(error)
        .toUtf8();
}

void expect_close(const Linear& c, const Linear::Gradients& actual, double before = 0,
                  double dx_limit = 2e-6) {
    const auto verify = [&](const char* of, const Numbers& x, const Numbers& expected,
                            double limit) {
        const double error = relative_error(x, plus(expected, before));
        QVERIFY2(error < limit, sentence(c, of, error));
    };
    verify("dx", actual.dx, c.expected_dx(), dx_limit);
    verify("dw", actual.dw, c.expected_dw(), 2e-6);
    verify("dbias", actual.dbias, c.expected_dbias(), 2e-6);
}

template <class Op, class Spoil>
std::string after(Op op, Spoil spoil) {
    spoil(op);
    return complaint(op);
}

MatMulBackward good_backward() {
    static float data[1];
    return {.dy = {data, {2, 4}},
            .weight = {.data = {data, {64, 16}}, .n = 4, .k = 3},
            .dx = {data, {2, 3}}};
}

WeightGradient good_gradient() {
    static float data[1];
    return {.dy = {data, {2, 4}}, .x = {data, {2, 3}}, .dw = {data, {4, 3}}, .dbias = {data, {4}}};
}

} // namespace

class MatMulBackwardTest : public QObject {
    Q_OBJECT
private slots:
    void gradients_match_hand_numbers() {
        Linear c{.m = 2, .n = 2, .k = 3};
        c.a = {1, 0, -1, 2, 1, 0};
        c.w = {1, 2, 3, 4, 5, 6};
        c.dy = {1, 0, 10, 100};
        const auto [dx, dw, dbias] = c.gradients();
        QCOMPARE(dx, (Numbers{1, 2, 3, 410, 520, 630}));
        QCOMPARE(dw, (Numbers{21, 10, -1, 200, 100, 0}));
        QCOMPARE(dbias, (Numbers{11, 100}));
    }

    void gradients_are_those_of_finite_differences() {
        Linear c{.m = 5, .n = 7, .k = 6};
        const auto [dx, dw, dbias] = c.gradients();
        // The loss is linear in each of the three: any step is exact.
        const auto compare = [&](Numbers& x, const Numbers& gradient) {
            for (std::size_t i = 0; i < x.size(); i += 3) {
                const double at = x[i], step = 0.5;
                x[i] = at + step;
                const double more = c.loss();
                x[i] = at - step;
                const double less = c.loss();
                x[i] = at;
                const double measured = (more - less) / (2 * step);
                QVERIFY2(std::abs(measured - gradient[i]) < 1e-5 * (1 + std::abs(measured)),
                         qPrintable(QString("%1, not %2").arg(gradient[i]).arg(measured)));
            }
        };
        compare(c.a, dx);
        compare(c.w, dw);
        compare(c.bias, dbias);
    }

    void gradients_of_odd_sizes_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t m : {1, 3, 17, 65})
                for (const std::int64_t n : {1, 17, 64, 130})
                    for (const std::int64_t k : {1, 16, 33, 96}) {
                        const Linear c{.m = m, .n = n, .k = k, .type = type};
                        expect_close(c, c.gradients());
                    }
    }

    void gradients_of_many_tiles_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const int threads : {1, 3}) {
                const Linear c{.m = 300, .n = 192, .k = 160, .type = type, .threads = threads};
                expect_close(c, c.gradients());
            }
    }

    void rows_beyond_one_piece_are_added_up() {
        for (const DType type : {DType::f32, DType::bf16}) {
            const Linear c{.m = 2 * WeightGradient::most_rows + 37, .n = 20, .k = 24, .type = type};
            expect_close(c, c.gradients());
            expect_close(c, c.gradients(0.5), 0.5);
        }
    }

    void a_large_weight_is_turned_around_in_pieces() {
        for (const DType type : {DType::f32, DType::bf16}) {
            const std::int64_t m = type == DType::f32 ? MatMulBackward::tile_rows + 2 : 2;
            const Linear c{.m = m, .n = 33001, .k = 300, .type = type};
            const MatMulBackward op{.dy = {nullptr, {c.m, c.n}, type},
                                    .weight = {.data = {nullptr, {}, type}, .n = c.n, .k = c.k}};
            QCOMPARE(op.by_rows(), type == DType::f32);
            const std::size_t all = packed_bytes(WeightFormat::dense, c.k, c.n, type);
            QVERIFY(op.turned_bytes(2) < all);
            if (!op.by_rows()) QCOMPARE(op.columns_at_once(2), std::int64_t(256));
            Linear other = c;
            const Numbers dx = c.gradients().dx;
            for (const int threads : {1, 64}) {
                other.threads = threads;
                QCOMPARE(dx, other.gradients().dx);
            }
            const double error = relative_error(dx, c.expected_dx()); // of 33,001 in a sum
            QVERIFY2(error < 1e-5, sentence(c, "dx", error));
        }
    }

    void a_large_weight_adds_to_what_is_there_in_strided_rows() {
        const Linear c{.m = 3, .n = 33001, .k = 300};
        const double error =
            relative_error(c.gradients(0.5, DType::f32, true).dx, plus(c.expected_dx(), 0.5));
        QVERIFY2(error < 1e-5, sentence(c, "dx", error));
    }

    void gradients_are_added_to_what_is_there() {
        for (const DType type : {DType::f32, DType::bf16}) {
            const Linear c{.m = 33, .n = 40, .k = 48, .type = type};
            expect_close(c, c.gradients(-2), -2);
        }
    }

    void rows_may_be_strided_and_dx_may_be_rounded() {
        const Linear c{.m = 20, .n = 70, .k = 40, .type = DType::bf16};
        expect_close(c, c.gradients(NAN, DType::bf16, true), 0, 3e-3);
    }

    void f16_is_refused_on_the_cpu() {
        Guarded half(matrix(2, 3), DType::f16), dw(matrix(3, 3), DType::f32);
        Guarded packed(packed_shape(3, 3, DType::f16), DType::f16);
        QCOMPARE(refusal(MatMulBackward{
                     .dy = half, .weight = {.data = packed, .n = 3, .k = 3}, .dx = half}),
                 no_f16);
        QCOMPARE(refusal(WeightGradient{.dy = half, .x = half, .dw = dw}), no_f16);
    }

    void what_does_not_fit_together_is_said() {
        static float data[1];
        const MatMulBackward backward = good_backward();
        QCOMPARE(complaint(backward), std::string());
        QCOMPARE(after(backward, [](MatMulBackward& op) { op.dy.dtype = DType::i32; }),
                 std::string("dy is [m, n], f32, bf16 or f16"));
        QCOMPARE(after(backward, [](MatMulBackward& op) { op.weight.n = 3; }),
                 std::string("weight is [n, k], of dy's type or in blocks"));
        QCOMPARE(after(backward,
                       [](MatMulBackward& op) {
                           op.dx.shape = {2, 4};
                       }),
                 std::string("dx is [m, k]"));
        QCOMPARE(after(backward, [](MatMulBackward& op) { op.dx.dtype = DType::bf16; }),
                 std::string("dx is f32 or of dy's type"));
        const WeightGradient gradient = good_gradient();
        QCOMPARE(complaint(gradient), std::string());
        QCOMPARE(after(gradient, [](WeightGradient& op) { op.dy.row_stride = 5; }),
                 std::string("dy is [m, n], f32, bf16 or f16, dense"));
        QCOMPARE(after(gradient,
                       [](WeightGradient& op) {
                           op.x.shape = {3, 3};
                       }),
                 std::string("x is [m, k], of dy's type, dense"));
        QCOMPARE(after(gradient, [](WeightGradient& op) { op.dw.dtype = DType::bf16; }),
                 std::string("dw is [n, k], f32, dense"));
        QCOMPARE(after(gradient,
                       [](WeightGradient& op) {
                           op.dbias = {data, {3}};
                       }),
                 std::string("dbias is [n], f32"));
    }

    void each_costs_as_much_as_the_product_itself() {
        QCOMPARE(good_backward().cost().flops, 2.0 * 2 * 3 * 4);
        QCOMPARE(good_backward().cost().bytes, 4.0 * (2 * 4 + 4 * 3 + 2 * 3));
        QCOMPARE(good_gradient().cost().flops, 2.0 * 2 * 3 * 4 + 2 * 4);
        QCOMPARE(good_gradient().cost().bytes, 4.0 * (2 * 4 + 2 * 3 + 4 * 3 + 4));
        WeightGradient added = good_gradient();
        added.accumulate = true;
        QCOMPARE(added.cost().bytes, 4.0 * (2 * 4 + 2 * 3 + 2 * (4 * 3 + 4)));
    }

    void scratch_does_not_grow_with_the_batch() {
        WeightGradient op = good_gradient();
        op.dy.shape = {1024, 4}, op.x.shape = {1024, 3};
        const std::size_t bytes = op.workspace_bytes(2);
        op.dy.shape = {1 << 20, 4}, op.x.shape = {1 << 20, 3};
        QCOMPARE(op.workspace_bytes(2), bytes);
    }
};

SWEETSPOT_TEST(MatMulBackwardTest)
#include "matmul_backward_test.moc"
