#include "kernels/ops/optimizer.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

using Numbers = std::vector<double>;

/// AdamW by its formula, in double: what `steps` steps on one number with these gradients give.
double adamw(double weight, const Numbers& gradients, double rate, double decay) {
    double m = 0, v = 0, power1 = 1, power2 = 1;
    for (const double g : gradients) {
        power1 *= 0.9, power2 *= 0.999;
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        weight -= rate * decay * weight;
        weight -= rate * (m / (1 - power1)) / (std::sqrt(v / (1 - power2)) + 1e-8);
    }
    return weight;
}

} // namespace

class OptimizerTest : public QObject {
    Q_OBJECT
private slots:
    void the_first_step_of_adamw_is_the_learning_rate_whatever_the_gradient() {
        Guarded weight({3}, {1, 1, 1}), gradient({3}, {1e-3, -5, 100});
        Guarded mean({3}, {0, 0, 0}), square({3}, {0, 0, 0});
        run_on_cpu(AdamW{.weight = weight,
                         .gradient = gradient,
                         .mean = mean,
                         .square = square,
                         .learning_rate = 0.5});
        QVERIFY(largest_difference(weight.values(), {0.5, 1.5, 0.5}) < 1e-5);
        QVERIFY(largest_difference(mean.values(), {1e-4, -0.5, 10}) < 1e-6);
        QVERIFY(relative_error(square.values(), {1e-9, 0.025, 10}) < 1e-6);
    }

    void ten_steps_of_adamw_match_double_precision_on_any_number_of_threads() {
        for (const std::int64_t count : {1, 17, 1000, 50000})
            for (const int threads : {1, 3}) {
                const Numbers first = random_normal(count, 1);
                Guarded weight({count}, first), mean({count}, Numbers(count, 0.0)),
                    square({count}, Numbers(count, 0.0));
                std::vector<Numbers> gradients;
                for (int step = 1; step <= 10; ++step) {
                    gradients.push_back(
                        rounded_to(DType::f32, random_normal(count, unsigned(step + 1), 0.1)));
                    Guarded gradient({count}, gradients.back());
                    run_on_cpu(AdamW{.weight = weight,
                                     .gradient = gradient,
                                     .mean = mean,
                                     .square = square,
                                     .step = step,
                                     .learning_rate = 0.01,
                                     .decay = 0.1},
                               threads);
                    QVERIFY(gradient.intact());
                }
                Numbers expected;
                for (std::int64_t i = 0; i < count; ++i) {
                    Numbers own;
                    for (const Numbers& g : gradients) own.push_back(g[std::size_t(i)]);
                    expected.push_back(adamw(float(first[std::size_t(i)]), own, 0.01, 0.1));
                }
                QVERIFY2(
                    largest_difference(weight.values(), expected) < 2e-6,
                    qPrintable(QString::number(largest_difference(weight.values(), expected))));
                QVERIFY(weight.intact() && mean.intact() && square.intact());
            }
    }

    void rounding_at_random_is_right_on_average_and_never_further_than_the_next() {
        constexpr std::int64_t count = 100000;
        // 1 + 2⁻⁷ is the next number of bf16 after 1: a quarter of the way there, and back.
        for (const double x : {1 + 0x1p-9, -1 - 0x1p-9}) {
            Guarded from({count}, Numbers(count, x));
            Guarded to({count}, DType::bf16);
            run_on_cpu(StochasticRound{.x = from, .y = to, .seed = 4}, 3);
            double sum = 0, sign = x > 0 ? 1 : -1;
            for (const double y : to.values()) {
                QVERIFY(y == sign || y == sign * (1 + 0x1p-7));
                sum += (std::abs(y) - 1) / 0x1p-7;
            }
            QVERIFY(std::abs(sum / count - 0.25) < 0.007); // five deviations
            QVERIFY(from.intact() && to.intact());
        }
    }

    void what_bf16_has_is_not_rounded_and_what_is_drawn_depends_on_seed_and_place_alone() {
        const Numbers kept{0, 1, -1.5, 0x1p-130, INFINITY, -INFINITY, 3.25};
        Guarded from({7}, kept), to({7}, DType::bf16);
        run_on_cpu(StochasticRound{.x = from, .y = to, .seed = 4});
        QCOMPARE(to.values(), kept);
        Guarded nan({1}, {NAN}), still({1}, DType::bf16);
        run_on_cpu(StochasticRound{.x = nan, .y = still});
        QVERIFY(std::isnan(still.values()[0]));
        const Numbers random = random_normal(40001, 3);
        const auto rounded = [&](std::uint64_t seed, int threads) {
            Guarded x({40001}, random), y({40001}, DType::bf16);
            run_on_cpu(StochasticRound{.x = x, .y = y, .seed = seed}, threads);
            return y.values();
        };
        QCOMPARE(rounded(1, 1), rounded(1, 3));
        QVERIFY(rounded(1, 1) != rounded(2, 1));
        Numbers all = rounded(1, 1), rest(random.begin() + 8, random.end());
        Guarded x({40001 - 8}, rest), y({40001 - 8}, DType::bf16); // a part draws as the whole does
        run_on_cpu(StochasticRound{.x = x, .y = y, .seed = 1, .first = 8}, 2);
        QCOMPARE(y.values(), Numbers(all.begin() + 8, all.end()));
    }

    void gradients_are_scaled_before_they_enter_the_moments() {
        Guarded a({2}, {1, 2}), b({2}, {1, 2}), scale({1}, {0.5});
        Guarded full({2}, {4, -6}), half({2}, {2, -3});
        Guarded mean_a({2}, {0, 0}), square_a({2}, {0, 0}), mean_b({2}, {0, 0}),
            square_b({2}, {0, 0});
        run_on_cpu(AdamW{
            .weight = a, .gradient = full, .mean = mean_a, .square = square_a, .scale = scale});
        run_on_cpu(AdamW{.weight = b, .gradient = half, .mean = mean_b, .square = square_b});
        QCOMPARE(mean_a.values(), mean_b.values());
        QCOMPARE(square_a.values(), square_b.values());
        QCOMPARE(a.values(), b.values());
    }

    void sgd_matches_hand_numbers() {
        Guarded weight({2}, {1, 2}), gradient({2}, {10, -10}), velocity({2}, {0, 100});
        run_on_cpu(Sgd{.weight = weight, .gradient = gradient, .learning_rate = 0.01});
        QVERIFY(largest_difference(weight.values(), {0.9, 2.1}) < 1e-6);
        run_on_cpu(Sgd{.weight = weight,
                       .gradient = gradient,
                       .velocity = velocity,
                       .learning_rate = 0.01,
                       .momentum = 0.5,
                       .decay = 1});
        // velocity 0 + 10 + 0.9 and 50 - 10 + 2.1
        QVERIFY(largest_difference(velocity.values(), {10.9, 42.1}) < 1e-5);
        QVERIFY(largest_difference(weight.values(), {0.791, 1.679}) < 1e-6);
        QVERIFY(weight.intact() && velocity.intact());
    }

    void a_sum_of_squares_is_that_of_any_number_of_threads() {
        for (const std::int64_t count : {1, 15, 16384, 16385, 100003}) {
            const Numbers values = rounded_to(DType::f32, random_normal(count, 5));
            double expected = 0;
            for (const double x : values) expected += x * x;
            Guarded x({count}, values), one({1}, DType::f32), three({1}, DType::f32);
            run_on_cpu(SquareSum{.x = x, .sum = one}, 1);
            run_on_cpu(SquareSum{.x = x, .sum = three}, 3);
            QCOMPARE(one.values(), three.values());
            QVERIFY(std::abs(one.values()[0] - expected) < 1e-6 * expected);
            QVERIFY(one.intact());
        }
    }

    void gradients_are_clipped_by_the_norm_of_all() {
        Guarded squares({2}, {9, 16}), norm({1}, DType::f32), scale({1}, DType::f32);
        const auto scale_at = [&](float limit) {
            run_on_cpu(ClipScale{.squares = squares, .norm = norm, .scale = scale, .limit = limit});
            return scale.values()[0];
        };
        QVERIFY(std::abs(scale_at(1) - 0.2) < 1e-6);
        QCOMPARE(norm.values()[0], 5.0);
        QCOMPARE(scale_at(5.1f), 1.0);
        QCOMPARE(scale_at(0), 1.0);
        squares.set({NAN, 1});
        QCOMPARE(scale_at(1), 1.0);
        QVERIFY(std::isnan(norm.values()[0]));
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        const AdamW good{.weight = {data, {2, 4}},
                         .gradient = {data, {2, 4}},
                         .mean = {data, {2, 4}},
                         .square = {data, {2, 4}}};
        QCOMPARE(complaint(good), std::string());
        AdamW op = good;
        op.weight.dtype = DType::bf16;
        QCOMPARE(complaint(op), std::string("weight is f32, dense"));
        op = good;
        op.gradient.shape = {8};
        QCOMPARE(complaint(op), std::string("gradient is like weight"));
        op = good;
        op.square.shape = {2};
        QCOMPARE(complaint(op), std::string("mean and square are like weight"));
        op = good;
        op.scale = {data, {2}};
        QCOMPARE(complaint(op), std::string("scale is [1], f32"));
        op = good;
        op.step = 0;
        QCOMPARE(complaint(op), std::string("step counts from 1"));
        Sgd sgd{.weight = {data, {8}}, .gradient = {data, {8}}};
        QCOMPARE(complaint(sgd), std::string());
        sgd.momentum = 0.9;
        QCOMPARE(complaint(sgd), std::string("velocity is present with momentum"));
        QCOMPARE(complaint(SquareSum{.x = {data, {8}}, .sum = {data, {2}}}),
                 std::string("sum is [1], f32"));
        QCOMPARE(
            complaint(ClipScale{
                .squares = {data, {2}}, .norm = {data, {1}}, .scale = {data, {1}}, .limit = -1}),
            std::string("limit is 0 or more"));
    }
};

SWEETSPOT_TEST(OptimizerTest)
#include "optimizer_test.moc"
