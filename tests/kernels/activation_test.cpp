#include "kernels/ops/activation.h"
#include "tests/kernels/exact_activation.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

/// x and activation(x), in place, for a row of numbers.
std::vector<double> activated(Activation activation, const std::vector<double>& values,
                              DType type = DType::f32) {
    Guarded x({1, std::int64_t(values.size())}, values, type);
    run_on_cpu(Activate{.x = x, .activation = activation});
    return x.intact() ? x.values() : std::vector<double>(values.size(), NAN);
}

} // namespace

class ActivationTest : public QObject {
    Q_OBJECT
private slots:
    void a_few_values_match_hand_numbers() {
        QVERIFY(largest_difference(activated(Activation::gelu, {-1, 0, 1, 3}),
                                   {-0.15865525, 0, 0.84134475, 2.99595031}) < 1e-6);
        QVERIFY(largest_difference(activated(Activation::gelu_tanh, {-1, 0, 1, 3}),
                                   {-0.15880801, 0, 0.84119199, 2.99636271}) < 1e-6);
        QVERIFY(largest_difference(activated(Activation::silu, {-1, 0, 1, 3}),
                                   {-0.26894142, 0, 0.73105858, 2.85772238}) < 1e-6);
    }

    void every_activation_is_within_two_millionths_everywhere() {
        std::vector<double> x;
        for (int i = -60000; i <= 60000; ++i) x.push_back(float(i * 0.0005));
        for (const Activation activation : all) {
            std::vector<double> expected;
            for (double v : x) expected.push_back(exact(activation, v));
            // Beyond |x| = 16 a float is coarser than that.
            auto y = activated(activation, x);
            for (std::size_t i = 0; i < x.size(); ++i)
                QVERIFY2(std::abs(y[i] - expected[i]) <= 2e-6 + 1e-6 * std::abs(expected[i]) / 8,
                         qPrintable(QString("activation %1 of %2: %3, not %4")
                                        .arg(int(activation))
                                        .arg(x[i])
                                        .arg(y[i])
                                        .arg(expected[i])));
        }
    }

    void extremes_stay_finite_and_nan_stays_nan() {
        for (const Activation activation : all) {
            const auto y = activated(activation, {1e30, 1000, -1000, NAN});
            QCOMPARE(y[0], double(1e30f));
            QCOMPARE(y[1], 1000.0);
            QVERIFY(activation == Activation::none ? y[2] == -1000 : std::abs(y[2]) < 1e-6);
            QVERIFY(std::isnan(y[3]));
        }
    }

    void rows_of_any_width_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t width : {1, 3, 17, 65, 640})
                for (const std::int64_t rows : {1, 3, 65}) {
                    const auto values = rounded_to(type, random_normal(rows * width, 1, 2));
                    for (const Activation activation : all) {
                        Guarded x({rows, width}, values, type);
                        run_on_cpu(Activate{.x = x, .activation = activation});
                        std::vector<double> expected;
                        for (double v : values) expected.push_back(exact(activation, v));
                        QVERIFY(x.intact());
                        QVERIFY(relative_error(x.values(), expected) <
                                (type == DType::bf16 ? 4e-3 : 1e-6));
                    }
                }
    }

    void swiglu_of_two_halves_of_a_product_matches_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t width : {1, 17, 64, 65})
                for (const std::int64_t rows : {1, 3, 130}) {
                    const auto values = rounded_to(type, random_normal(rows * 2 * width, 1, 2));
                    Guarded both({rows, 2 * width}, values, type), y({rows, width}, type);
                    run_on_cpu(SwiGlu{.gate = columns(both.in(), 0, width),
                                      .up = columns(both.in(), width, width),
                                      .y = y});
                    std::vector<double> expected;
                    for (std::int64_t i = 0; i < rows; ++i)
                        for (std::int64_t j = 0; j < width; ++j)
                            expected.push_back(exact(Activation::silu, values[i * 2 * width + j]) *
                                               values[i * 2 * width + width + j]);
                    QVERIFY(y.intact() && both.intact());
                    QVERIFY(relative_error(y.values(), expected) <
                            (type == DType::bf16 ? 4e-3 : 1e-6));
                }
    }

    void f16_is_refused_on_the_cpu() {
        Guarded x({2, 4}, DType::f16), y({2, 4}, DType::f16);
        QCOMPARE(refusal(Activate{.x = x}), no_f16);
        QCOMPARE(refusal(SwiGlu{.gate = x, .up = x, .y = y}), no_f16);
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        QCOMPARE(complaint(Activate{.x = {data, {2, 4}}}), std::string());
        QCOMPARE(complaint(Activate{.x = {data, {8}}}), std::string("x is [rows, width], dense"));
        QCOMPARE(complaint(Activate{.x = {data, {2, 4}, DType::i32}}),
                 std::string("x is f32, bf16 or f16"));
        const SwiGlu good{.gate = {data, {2, 2}}, .up = {data, {2, 2}}, .y = {data, {2, 2}}};
        QCOMPARE(complaint(good), std::string());
        SwiGlu op = good;
        op.up.shape = {2, 3};
        QCOMPARE(complaint(op), std::string("up is like gate"));
        op = good;
        op.y.dtype = DType::bf16;
        QCOMPARE(complaint(op), std::string("y is like gate"));
        op = good;
        op.y.row_stride = 4;
        QCOMPARE(complaint(op), std::string("y is dense"));
    }
};

SWEETSPOT_TEST(ActivationTest)
#include "activation_test.moc"
