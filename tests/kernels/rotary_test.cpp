#include "kernels/ops/rotary.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

/// The angle of a channel pair, in double precision.
double angle(std::int64_t position, std::int64_t i, std::int64_t half) {
    return double(position) * std::pow(10000.0, -double(i) / double(half));
}

std::vector<double> turned(std::vector<double> x, std::int64_t width, std::int64_t half,
                           const std::vector<double>& positions, RotaryPairs pairs) {
    for (std::size_t row = 0; row < positions.size(); ++row)
        for (std::int64_t head = 0; head < width / (2 * half); ++head)
            for (std::int64_t i = 0; i < half; ++i) {
                const bool halves = pairs == RotaryPairs::halves;
                double* first = x.data() + std::int64_t(row) * width + head * 2 * half;
                double& a = first[halves ? i : 2 * i];
                double& b = first[halves ? i + half : 2 * i + 1];
                const double t = angle(std::int64_t(positions[row]), i, half), before = a;
                a = before * std::cos(t) - b * std::sin(t);
                b = b * std::cos(t) + before * std::sin(t);
            }
    return x;
}

} // namespace

class RotaryTest : public QObject {
    Q_OBJECT
private slots:
    void the_table_holds_cosines_and_sines_of_positions() {
        Guarded cosine({3, 2}, DType::f32), sine({3, 2}, DType::f32);
        run_on_cpu(RotaryTable{.cosine = cosine, .sine = sine, .base = 100});
        // Frequencies 1 and 1/10.
        QVERIFY(largest_difference(cosine.values(),
                                   {1, 1, 0.54030231, 0.99500417, -0.41614684, 0.98006658}) < 1e-7);
        QVERIFY(largest_difference(sine.values(),
                                   {0, 0, 0.84147098, 0.09983342, 0.90929743, 0.19866933}) < 1e-7);
        QVERIFY(cosine.intact() && sine.intact());
    }

    void scaled_angles_go_slower_and_have_another_magnitude() {
        Guarded cosine({3, 2}, DType::f32), sine({3, 2}, DType::f32), slower({2}, {1, 4});
        run_on_cpu(RotaryTable{
            .cosine = cosine, .sine = sine, .slower = slower, .base = 100, .magnitude = 2});
        std::vector<double> expected;
        for (const int position : {0, 1, 2})
            for (const double frequency : {1.0, 0.025})
                expected.push_back(2 * std::cos(position * frequency));
        QVERIFY(largest_difference(cosine.values(), expected) < 2e-7);
        QVERIFY(slower.intact() && sine.intact());
    }

    void far_positions_keep_their_angle() {
        Guarded cosine({20000, 4}, DType::f32), sine({20000, 4}, DType::f32);
        run_on_cpu(RotaryTable{.cosine = cosine, .sine = sine});
        std::vector<double> expected;
        for (int position = 0; position < 20000; ++position)
            for (int i = 0; i < 4; ++i) expected.push_back(std::sin(angle(position, i, 4)));
        QVERIFY(largest_difference(sine.values(), expected) < 1e-7);
    }

    void a_quarter_turn_matches_hand_numbers() {
        // cos 0, sin 1: (a, b) becomes (-b, a).
        Guarded cosine({1, 2}, {0, 0}), sine({1, 2}, {1, 1}), positions({1}, {0}, DType::i32);
        Guarded x({1, 4}, {1, 2, 3, 4});
        run_on_cpu(Rotary{.x = x, .positions = positions, .cosine = cosine, .sine = sine});
        QCOMPARE(x.values(), (std::vector<double>{-3, -4, 1, 2}));
        Guarded z({1, 4}, {1, 2, 3, 4});
        run_on_cpu(Rotary{.x = z,
                          .positions = positions,
                          .cosine = cosine,
                          .sine = sine,
                          .pairs = RotaryPairs::interleaved});
        QCOMPARE(z.values(), (std::vector<double>{-2, 1, -4, 3}));
    }

    void heads_of_any_size_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const RotaryPairs pairs : {RotaryPairs::halves, RotaryPairs::interleaved})
                for (const std::int64_t half : {1, 3, 16, 17, 32})
                    for (const std::int64_t heads : {1, 3})
                        for (const std::int64_t rows : {1, 3, 301}) {
                            const std::int64_t width = heads * 2 * half;
                            const auto values = rounded_to(type, random_normal(rows * width, 1));
                            std::vector<double> places;
                            for (std::int64_t i = 0; i < rows; ++i)
                                places.push_back(double(i * 7 % 65));
                            Guarded cosine({65, half}, DType::f32), sine({65, half}, DType::f32);
                            run_on_cpu(RotaryTable{.cosine = cosine, .sine = sine});
                            Guarded positions({rows}, places, DType::i32);
                            Guarded x({rows, width}, values, type, width + 7);
                            run_on_cpu(Rotary{.x = x,
                                              .positions = positions,
                                              .cosine = cosine,
                                              .sine = sine,
                                              .pairs = pairs});
                            const auto expected = turned(values, width, half, places, pairs);
                            QVERIFY(relative_error(x.values(), expected) <
                                    (type == DType::bf16 ? 4e-3 : 1e-6));
                            QVERIFY(x.intact());
                        }
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        const Rotary good{.x = {data, {2, 4}},
                          .positions = {data, {2}, DType::i32},
                          .cosine = {data, {3, 2}},
                          .sine = {data, {3, 2}}};
        QCOMPARE(complaint(good), std::string());
        Rotary op = good;
        op.positions.shape = {3};
        QCOMPARE(complaint(op), std::string("positions is [rows], i32"));
        op = good;
        op.sine.shape = {2, 2};
        QCOMPARE(complaint(op), std::string("sine is like cosine"));
        op = good;
        op.x.shape = {2, 6};
        QCOMPARE(complaint(op), std::string("x's width is a multiple of the head size"));
        QCOMPARE(complaint(RotaryTable{.cosine = {data, {2, 4}}, .sine = {data, {4, 2}}}),
                 std::string("sine is like cosine"));
        QCOMPARE(complaint(RotaryTable{
                     .cosine = {data, {2, 4}}, .sine = {data, {2, 4}}, .slower = {data, {3}}}),
                 std::string("slower is [head_size/2], f32, dense"));
    }
};

SWEETSPOT_TEST(RotaryTest)
#include "rotary_test.moc"
