#include "kernels/ops/loss.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"
#include <numeric>

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

double loss_of(const std::vector<double>& logits, std::size_t target) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (double x : logits) sum += std::exp(x - largest);
    return std::log(sum) + largest - logits[target];
}

/// The tokens drawn from one row of logits for these uniforms.
std::vector<double> drawn(const std::vector<double>& logits, const std::vector<double>& uniforms,
                          float temperature, float top_p = 1) {
    const auto rows = std::int64_t(uniforms.size()), vocabulary = std::int64_t(logits.size());
    std::vector<double> all;
    for (std::int64_t i = 0; i < rows; ++i) all.insert(all.end(), logits.begin(), logits.end());
    Guarded x({rows, vocabulary}, all), u({rows}, uniforms), ids({rows}, DType::i32);
    run_on_cpu(
        Sample{.logits = x, .uniforms = u, .ids = ids, .temperature = temperature, .top_p = top_p});
    return ids.intact() ? ids.values() : std::vector<double>{};
}

} // namespace

class LossTest : public QObject {
    Q_OBJECT
private slots:
    void cross_entropy_matches_hand_numbers() {
        Guarded logits({3, 2}, {0, 0, 0, std::log(3.0), 5, 6});
        Guarded targets({3}, {1, 0, -1}, DType::i32), losses({3}, DType::f32);
        run_on_cpu(CrossEntropy{.logits = logits, .targets = targets, .losses = losses});
        QVERIFY(largest_difference(losses.values(), {0.69314718, 1.38629436, 0}) < 1e-6);
        QVERIFY(losses.intact());
    }

    void cross_entropy_of_any_vocabulary_matches_double_precision() {
        for (const std::int64_t vocabulary : {1, 3, 17, 33, 65, 1025, 50257})
            for (const std::int64_t rows : {1, 3, 17}) {
                const auto values = rounded_to(DType::f32, random_normal(rows * vocabulary, 1, 5));
                std::vector<double> wanted, expected;
                for (std::int64_t i = 0; i < rows; ++i) {
                    wanted.push_back(double((i * 31 + vocabulary / 2) % vocabulary));
                    const auto first = values.begin() + i * vocabulary;
                    expected.push_back(
                        loss_of({first, first + vocabulary}, std::size_t(wanted.back())));
                }
                Guarded logits({rows, vocabulary}, values), targets({rows}, wanted, DType::i32);
                Guarded losses({rows}, DType::f32);
                run_on_cpu(CrossEntropy{.logits = logits, .targets = targets, .losses = losses});
                QVERIFY2(largest_difference(losses.values(), expected) < 3e-6,
                         qPrintable(QString("vocabulary %1: %2")
                                        .arg(vocabulary)
                                        .arg(largest_difference(losses.values(), expected))));
                QVERIFY(losses.intact() && logits.intact());
            }
    }

    void extreme_logits_give_finite_losses() {
        Guarded logits({2, 3}, {-1e30, 0, 1e4, -1e4, -1e4, -1e4});
        Guarded targets({2}, {1, 2}, DType::i32), losses({2}, DType::f32);
        run_on_cpu(CrossEntropy{.logits = logits, .targets = targets, .losses = losses});
        QCOMPARE(losses.values()[0], 1e4);
        QVERIFY(std::abs(losses.values()[1] - std::log(3.0)) < 1e-3);
    }

    void at_temperature_zero_the_likeliest_token_is_drawn() {
        QCOMPARE(drawn({1, 3, 2, 3, 0}, {0.99, 0}, 0), (std::vector<double>{1, 1}));
        std::vector<double> many(50257, -1.0);
        many[50256] = 2;
        QCOMPARE(drawn(many, {0.5}, 0), (std::vector<double>{50256}));
    }

    void uniforms_divide_the_mass_of_all_tokens() {
        // Probabilities 1/4, 1/2, 1/4 in order.
        const std::vector<double> logits{0, std::log(2.0), 0};
        QCOMPARE(drawn(logits, {0, 0.24, 0.26, 0.74, 0.76, 0.999}, 1),
                 (std::vector<double>{0, 0, 1, 1, 2, 2}));
        // At temperature 1/2 they are 1/6, 4/6, 1/6.
        QCOMPARE(drawn(logits, {0.16, 0.17, 0.83, 0.84}, 0.5f), (std::vector<double>{0, 1, 1, 2}));
    }

    void top_p_leaves_the_unlikely_out() {
        // Probabilities 0.1, 0.6, 0.3: the first two of the likeliest hold 0.9.
        const std::vector<double> logits{std::log(0.1), std::log(0.6), std::log(0.3)};
        QCOMPARE(drawn(logits, {0, 0.66, 0.67, 0.999}, 1, 0.8f), (std::vector<double>{1, 1, 2, 2}));
        QCOMPARE(drawn(logits, {0, 0.999}, 1, 0.5f), (std::vector<double>{1, 1}));
        QCOMPARE(drawn(logits, {0.999}, 1, 0.95f), (std::vector<double>{0}));
    }

    void many_draws_follow_the_distribution() {
        std::vector<double> uniforms(4000);
        for (std::size_t i = 0; i < uniforms.size(); ++i) uniforms[i] = double(i) / 4000;
        std::vector<double> logits;
        for (int i = 0; i < 40; ++i) logits.push_back(std::log(1.0 + i));
        int last = 0;
        for (double id : drawn(logits, uniforms, 1, 0.999f)) last += id == 39;
        QVERIFY(std::abs(last - 4000 * 40 / 820) <= 2);
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        const CrossEntropy good{
            .logits = {data, {2, 4}}, .targets = {data, {2}, DType::i32}, .losses = {data, {2}}};
        QCOMPARE(complaint(good), std::string());
        CrossEntropy op = good;
        op.logits.dtype = DType::bf16;
        QCOMPARE(complaint(op), std::string("logits is [rows, vocabulary], f32, dense"));
        op = good;
        op.targets.dtype = DType::f32;
        QCOMPARE(complaint(op), std::string("targets is [rows], i32"));
        op = good;
        op.losses.shape = {4};
        QCOMPARE(complaint(op), std::string("losses is [rows], f32"));

        const Sample draw{
            .logits = {data, {2, 4}}, .uniforms = {data, {2}}, .ids = {data, {2}, DType::i32}};
        QCOMPARE(complaint(draw), std::string());
        Sample bad = draw;
        bad.temperature = -1;
        QCOMPARE(complaint(bad), std::string("temperature is 0 or more"));
        bad = draw;
        bad.top_p = 0;
        QCOMPARE(complaint(bad), std::string("top_p is in (0, 1]"));
        bad = draw;
        bad.ids.dtype = DType::f32;
        QCOMPARE(complaint(bad), std::string("ids is [rows], i32"));
    }
};

SWEETSPOT_TEST(LossTest)
#include "loss_test.moc"
