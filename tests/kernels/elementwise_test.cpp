#include "kernels/ops/elementwise.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

class ElementwiseTest : public QObject {
    Q_OBJECT
private slots:
    void a_bias_is_added_to_each_row() {
        Guarded x({2, 3}, {1, 2, 3, 4, 5, 6}, DType::f32, 5), bias({3}, {10, 20, 30});
        run_on_cpu(AddBias{.x = x, .bias = bias});
        QCOMPARE(x.values(), (std::vector<double>{11, 22, 33, 14, 25, 36}));
        QVERIFY(x.intact());
    }

    void a_delta_is_added() {
        Guarded x({2, 2}, {1, 2, 3, 4}), delta({2, 2}, {0.5, -2, 8, 16}, DType::bf16);
        run_on_cpu(Add{.x = x, .delta = delta});
        QCOMPARE(x.values(), (std::vector<double>{1.5, 0, 11, 20}));
        QVERIFY(x.intact());
    }

    void rows_are_scaled_and_packed() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t width : {1, 3, 17, 130}) {
                const auto values = rounded_to(type, random_normal(3 * width, 4));
                Guarded x({3, width}, values, type, width + 5), y({3, width}, type);
                run_on_cpu(Scale{.x = x, .y = y, .factor = -0.5f});
                std::vector<double> halves = values;
                for (double& value : halves) value *= -0.5;
                QCOMPARE(y.values(), halves);
                QVERIFY(x.intact() && y.intact());
                run_on_cpu(Scale{.x = y, .y = y, .factor = -2});
                QCOMPARE(y.values(), values);
            }
    }

    void zeros_are_held_and_nothing_else_changes() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t count : {1, 17, 16 * 1024 + 3}) {
                std::vector<double> mask = rounded_to(type, random_normal(count, 5));
                for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = i % 2 ? -0.0 : 0.0;
                auto values = rounded_to(DType::f32, random_normal(count, 6));
                values[std::size_t(count) / 2] = std::nan("");
                Guarded x({count}, mask, type), y({count}, values);
                run_on_cpu(HoldZeros{.x = x, .y = y});
                const auto found = y.values();
                for (std::size_t i = 0; i < found.size(); ++i) {
                    if (mask[i] == 0)
                        QCOMPARE(found[i], 0.0);
                    else
                        QVERIFY(found[i] == values[i] || std::isnan(values[i]));
                }
                QVERIFY(x.intact() && y.intact());
            }
    }

    void sums_of_odd_sizes_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t rows : {1, 3, 65})
                for (const std::int64_t width : {1, 17, 65, 700}) {
                    const auto x_values = rounded_to(type, random_normal(rows * width, 1));
                    const auto bias_values = rounded_to(DType::f32, random_normal(width, 2));
                    const auto delta_values = rounded_to(type, random_normal(rows * width, 3));
                    std::vector<double> with_bias = x_values, with_delta = x_values;
                    for (std::size_t i = 0; i < x_values.size(); ++i) {
                        with_bias[i] += bias_values[i % std::size_t(width)];
                        with_delta[i] += delta_values[i];
                    }
                    Guarded x({rows, width}, x_values, type), bias({width}, bias_values);
                    run_on_cpu(AddBias{.x = x, .bias = bias});
                    QVERIFY(relative_error(x.values(), with_bias) <
                            (type == DType::bf16 ? 4e-3 : 1e-6));
                    Guarded sum({rows, width}, x_values);
                    Guarded delta({rows, width}, delta_values, type);
                    run_on_cpu(Add{.x = sum, .delta = delta});
                    QVERIFY(relative_error(sum.values(), with_delta) < 1e-6);
                    QVERIFY(x.intact() && sum.intact());
                }
    }

    void every_bf16_and_f16_number_converts_exactly() {
        for (const DType type : {DType::bf16, DType::f16}) {
            std::vector<std::uint16_t> bits(65536);
            for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = std::uint16_t(i);
            Guarded y({65536}, DType::f32);
            run_on_cpu(Convert{.x = {bits.data(), {65536}, type}, .y = y});
            const auto values = y.values();
            for (std::size_t i = 0; i < bits.size(); ++i) {
                _Float16 half;
                std::memcpy(&half, &bits[i], sizeof half);
                const float expected =
                    type == DType::f16 ? float(half) : to_float(BFloat16{bits[i]});
                QVERIFY(std::isnan(expected) ? std::isnan(values[i])
                                             : values[i] == double(expected));
            }
        }
    }

    void bf16_is_rounded_to_nearest_even() {
        // 1 + 2^-8 lies midway between 1 and 1 + 2^-7, whose last digit is odd; so do the others.
        Guarded x({6}, {1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1p-8 + 0x1p-20, -1 - 0x1p-8, 3.4e38, NAN});
        Guarded y({6}, DType::bf16);
        run_on_cpu(Convert{.x = x, .y = y});
        auto values = y.values();
        QVERIFY(std::isnan(values.back()));
        values.pop_back();
        QCOMPARE(values, (std::vector<double>{1, 1 + 0x4p-8, 1 + 0x2p-8, -1, INFINITY}));
    }

    void conversions_of_any_size_at_any_address_match() {
        for (const DType from : {DType::f32, DType::bf16, DType::f16})
            for (const DType to : {DType::f32, DType::bf16})
                for (const std::int64_t count : {1, 15, 17, 16383, 16385, 100001}) {
                    const auto values = random_normal(count, 1);
                    Guarded x({count}, values, from, 0, 1), y({count}, to);
                    run_on_cpu(Convert{.x = x, .y = y});
                    QCOMPARE(y.values(), rounded_to(to, rounded_to(from, values)));
                    QVERIFY(y.intact());
                }
    }

    void rows_are_picked_by_their_indices() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t width : {1, 3, 17}) {
                std::vector<double> values, expected;
                for (int i = 0; i < 4; ++i)
                    for (std::int64_t j = 0; j < width; ++j) values.push_back(i * 20 + double(j));
                Guarded x({4, width}, values, type, width + 2);
                Guarded indices({3}, {3, 0, 3}, DType::i32), y({3, width}, type);
                run_on_cpu(GatherRows{.x = x, .indices = indices, .y = y});
                for (int i : {3, 0, 3})
                    for (std::int64_t j = 0; j < width; ++j) expected.push_back(i * 20 + double(j));
                QCOMPARE(y.values(), expected);
                QVERIFY(y.intact());
            }
    }

    void rows_are_put_back_between_rows_of_zeros() {
        for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
            Guarded x({2, 3}, {1, 2, 3, 4, 5, 6}, type, 5), indices({2}, {3, 0}, DType::i32);
            Guarded y({4, 3}, type);
            run_on_cpu(ScatterRows{.x = x, .indices = indices, .y = y});
            QCOMPARE(y.values(), (std::vector<double>{4, 5, 6, 0, 0, 0, 0, 0, 0, 1, 2, 3}));
            QVERIFY(y.intact() && x.intact());
        }
    }

    void what_was_packed_comes_back() {
        const auto values = rounded_to(DType::f32, random_normal(4 * 65, 1));
        Guarded x({4, 65}, values), indices({3}, {1, 3, 0}, DType::i32);
        Guarded packed({3, 65}, DType::f32), y({4, 65}, DType::f32);
        run_on_cpu(GatherRows{.x = x, .indices = indices, .y = packed});
        run_on_cpu(ScatterRows{.x = packed, .indices = indices, .y = y});
        std::vector<double> expected = values;
        std::fill(expected.begin() + 2 * 65, expected.begin() + 3 * 65, 0.0);
        QCOMPARE(y.values(), expected);
    }

    void f16_is_refused_on_the_cpu_unless_it_is_only_read_or_moved() {
        Guarded x({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}, DType::f16), y({2, 4}, DType::f32);
        Guarded bias({4}, {1, 2, 3, 4}), indices({2}, {1, 0}, DType::i32), z({2, 4}, DType::f16);
        QCOMPARE(refusal(AddBias{.x = x, .bias = bias}), no_f16);
        QCOMPARE(refusal(Add{.x = y, .delta = x}), no_f16);
        QCOMPARE(refusal(Convert{.x = y, .y = x}), no_f16);
        QCOMPARE(refusal(Convert{.x = x, .y = y}), std::string());
        QCOMPARE(refusal(GatherRows{.x = x, .indices = indices, .y = z}), std::string());
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        QCOMPARE(complaint(AddBias{.x = {data, {2, 4}}, .bias = {data, {2}}}),
                 std::string("bias is [width], f32"));
        QCOMPARE(complaint(Add{.x = {data, {2, 4}, DType::bf16}, .delta = {data, {2, 4}}}),
                 std::string("x is [rows, width], f32, dense"));
        QCOMPARE(complaint(Add{.x = {data, {2, 4}}, .delta = {data, {2, 3}}}),
                 std::string("delta has x's shape, dense"));
        QCOMPARE(complaint(Scale{.x = {data, {2, 4}}, .y = {data, {4, 2}}}),
                 std::string("y has x's shape and type, dense"));
        QCOMPARE(complaint(HoldZeros{.x = {data, {8}}, .y = {data, {8}, DType::bf16}}),
                 std::string("y has x's shape, f32, dense"));
        QCOMPARE(complaint(Convert{.x = {data, {8}}, .y = {data, {2, 4}}}),
                 std::string("y has x's shape"));
        QCOMPARE(complaint(Convert{.x = {data, {8}}, .y = {data, {8}, DType::f16}}), std::string());
        QCOMPARE(complaint(Convert{.x = {data, {8}}, .y = {data, {8}, DType::i32}}),
                 std::string("y is f32, bf16 or f16"));
        QCOMPARE(complaint(Convert{.x = {data, {8}, DType::i32}, .y = {data, {8}}}),
                 std::string("x is f32, bf16 or f16"));
        const GatherRows good{
            .x = {data, {4, 2}}, .indices = {data, {3}, DType::i32}, .y = {data, {3, 2}}};
        QCOMPARE(complaint(good), std::string());
        GatherRows op = good;
        op.indices.dtype = DType::f32;
        QCOMPARE(complaint(op), std::string("indices is [n], i32"));
        op = good;
        op.y.shape = {2, 3};
        QCOMPARE(complaint(op), std::string("y is [n, width], of x's type"));
        const ScatterRows back{
            .x = {data, {3, 2}}, .indices = {data, {3}, DType::i32}, .y = {data, {4, 2}}};
        QCOMPARE(complaint(back), std::string());
        ScatterRows bad = back;
        bad.indices.shape = {4};
        QCOMPARE(complaint(bad), std::string("indices is [n], i32"));
        bad = back;
        bad.y.shape = {4, 3};
        QCOMPARE(complaint(bad), std::string("y is [rows, width], of x's type"));
    }
};

SWEETSPOT_TEST(ElementwiseTest)
#include "elementwise_test.moc"
