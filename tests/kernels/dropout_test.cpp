#include "kernels/ops/dropout.h"
#include "kernels/ops/norm.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

class DropoutTest : public QObject {
    Q_OBJECT
private slots:
    void so_many_are_dropped_and_the_others_scaled() {
        const std::int64_t rows = 100, width = 333;
        const std::vector<double> ones(std::size_t(rows * width), 1.0);
        for (const double probability : {0.0, 0.1, 0.75}) {
            Guarded x({rows, width}, ones);
            run_on_cpu(Drop{.x = x, .dropout = {.probability = float(probability), .seed = 3}});
            double dropped = 0;
            for (const double v : x.values()) {
                dropped += v == 0;
                QVERIFY(v == 0 || std::abs(v - 1 / (1 - probability)) < 1e-6);
            }
            QVERIFY(std::abs(dropped / double(rows * width) - probability) < 0.01);
            QVERIFY(x.intact());
        }
    }

    void the_seed_decides() {
        const auto dropped = [](std::uint64_t seed) {
            Guarded x({4, 50}, std::vector<double>(200, 1.0), DType::bf16);
            run_on_cpu(Drop{.x = x, .dropout = {.probability = 0.5f, .seed = seed}});
            return x.values();
        };
        QCOMPARE(dropped(1), dropped(1));
        QVERIFY(dropped(1) != dropped(2));
    }

    void it_is_what_a_norm_drops_on_its_way() {
        const auto numbers = random_normal(6 * 40, 1);
        const Dropout dropout{.probability = 0.4f, .seed = 99};
        Guarded x({6, 40}, numbers), sum({6, 40}, std::vector<double>(240, 0.0));
        Guarded delta({6, 40}, numbers), gain({40}, std::vector<double>(40, 1.0));
        Guarded y({6, 40}, DType::f32);
        run_on_cpu(Drop{.x = x, .dropout = dropout});
        run_on_cpu(
            Norm{.x = sum, .delta = delta, .weight = gain, .sum = sum, .y = y, .dropout = dropout});
        QCOMPARE(x.values(), sum.values());
    }

    void what_does_not_fit_is_refused() {
        Guarded x({2, 3}, DType::f32), flat({6}, DType::f32);
        QVERIFY_EXCEPTION_THROWN((Drop{.x = flat}.check()), Error);
        QVERIFY_EXCEPTION_THROWN((Drop{.x = x, .dropout = {.probability = 1}}.check()), Error);
    }
};

SWEETSPOT_TEST(DropoutTest)
#include "dropout_test.moc"
