#include "kernels/ops/matmul_backward.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

Shape matrix(std::int64_t rows, std::int64_t width) {
    return {rows, width};
}

std::vector<WeightFormat> formats() {
    std::vector<WeightFormat> all;
    for (std::size_t i = 1; i < names_of(WeightFormat{}).size(); ++i)
        all.push_back(WeightFormat(i));
    return all;
}
QByteArray name(WeightFormat format) {
    return names_of(format)[std::size_t(format)].data();
}

/// A weight in blocks, and the numbers that it stands for.
struct Blocks {
    Guarded data;
    std::int64_t n, k;
    WeightFormat format;
    std::vector<double> numbers{};

    Blocks(WeightFormat format, std::int64_t n, std::int64_t k)
        : data(packed_shape(format, n, k, DType::f32), DType::u8), n(n), k(k), format(format) {}

    Weight weight() { return {.data = data, .n = n, .k = k, .format = format}; }
    void read() {
        std::vector<float> y(std::size_t(n * k));
        dequantise(format, data.in().as<std::uint8_t>(), y);
        numbers.assign(y.begin(), y.end());
    }
};

struct Case {
    WeightFormat format;
    std::int64_t m, n, k;
    DType type = DType::f32, c_type = DType::f32;
    bool bias = false, accumulate = false, strided = false, keeps = false, rounds = false;
    int threads = 2;
};

/// In blocks of 32 numbers: the nearest of 255 multiples of a 127th of the greatest magnitude.
std::vector<double> in_8_bits(std::vector<double> x) {
    for (std::size_t i = 0; i < x.size(); i += 32) {
        float most = 0;
        for (std::size_t j = i; j < i + 32; ++j) most = std::max(most, std::abs(float(x[j])));
        for (std::size_t j = i; j < i + 32; ++j)
            x[j] = most > 0 ? double(most / 127) * std::nearbyint(float(x[j]) * (127 / most)) : 0;
    }
    return x;
}

/// The error of a product against double precision with the numbers that the blocks stand for;
/// infinite if a guard word changed.
double error_of(const Case& t) {
    Guarded source(matrix(t.n, t.k), random_normal(t.n * t.k, 1, 1 / std::sqrt(double(t.k))));
    Blocks w(t.format, t.n, t.k);
    run_on_cpu(PackWeight{.sources = {source}, .packed = w.data, .format = t.format}, t.threads);
    w.read();
    const auto a_values = rounded_to(t.type, random_normal(t.m * t.k, 2));
    Guarded a(matrix(t.m, t.k), a_values, t.type, t.strided ? t.k + 3 : 0);
    const auto read = t.rounds ? in_8_bits(a_values) : a_values;
    const auto bias_values = rounded_to(DType::f32, random_normal(t.n, 3));
    Guarded bias({t.n}, bias_values), c(matrix(t.m, t.n), t.c_type, t.strided ? t.n + 5 : 0);
    const auto before = rounded_to(DType::f32, random_normal(t.m * t.n, 4));
    if (t.accumulate) c.set(before);
    Guarded kept(matrix(t.m, t.n), t.c_type, t.strided ? t.n + 1 : 0);
    run_on_cpu(MatMul{.a = a,
                      .weight = w.weight(),
                      .bias = t.bias ? bias.in() : In{},
                      .before = t.keeps ? kept.out() : Out{},
                      .c = c,
                      .activation = t.keeps ? Activation::silu : Activation::none,
                      .rounds_a = t.rounds,
                      .accumulate = t.accumulate},
               t.threads);
    std::vector<double> expected(std::size_t(t.m * t.n)), sums(expected);
    for (std::int64_t i = 0; i < t.m; ++i)
        for (std::int64_t j = 0; j < t.n; ++j) {
            double x = t.bias ? bias_values[std::size_t(j)] : 0;
            for (std::int64_t p = 0; p < t.k; ++p)
                x += read[std::size_t(i * t.k + p)] * w.numbers[std::size_t(j * t.k + p)];
            if (t.accumulate) x += before[std::size_t(i * t.n + j)];
            sums[std::size_t(i * t.n + j)] = x;
            expected[std::size_t(i * t.n + j)] = t.keeps ? x / (1 + std::exp(-x)) : x;
        }
    if (!c.intact() || !a.intact() || !w.data.intact() || !kept.intact()) return INFINITY;
    return std::max(t.keeps ? relative_error(kept.values(), sums) : 0,
                    relative_error(c.values(), expected));
}

void expect_exact(const Case& t) {
    // Many rows of bf16 read weights that are rounded to it.
    const double limit = t.c_type == DType::bf16            ? 4e-3
                         : t.type == DType::bf16 && t.m > 6 ? 3e-3
                                                            : 2e-6;
    const double error = error_of(t);
    QVERIFY2(error < limit, qPrintable(QString("%1: m %2, n %3, k %4, type %5: error %6")
                                           .arg(name(t.format).data())
                                           .arg(t.m)
                                           .arg(t.n)
                                           .arg(t.k)
                                           .arg(int(t.type))
                                           .arg(error)));
}

} // namespace

/// Weights in blocks, as products on a CPU read them.
class BlockWeightsTest : public QObject {
    Q_OBJECT
private slots:
    void a_small_product_matches_hand_numbers() {
        // d = 0.5 and codes 1, 2, … for q8_0; c = Σ 0.5 · code.
        std::vector<double> bytes(34, 0);
        bytes[0] = 0x00, bytes[1] = 0x38;            // 0.5 in f16
        bytes[2] = 1, bytes[3] = 2, bytes[33] = 255; // -1
        Guarded data({1, 34}, bytes, DType::u8);
        std::vector<double> x(32, 0);
        x[0] = 3, x[1] = 5, x[31] = 4;
        Guarded a(matrix(1, 32), x), c(matrix(1, 1), DType::f32);
        run_on_cpu(MatMul{.a = a,
                          .weight = {.data = data, .n = 1, .k = 32, .format = WeightFormat::q8_0},
                          .c = c});
        QCOMPARE(c.values(), (std::vector<double>{0.5 * (3 + 2 * 5 - 4)}));
        QVERIFY(c.intact() && data.intact());
    }

    void products_are_those_of_the_blocks_numbers_data() {
        QTest::addColumn<WeightFormat>("format");
        for (const auto format : formats()) QTest::newRow(name(format)) << format;
    }
    void products_are_those_of_the_blocks_numbers() {
        QFETCH(WeightFormat, format);
        for (const DType type : {DType::f32, DType::bf16}) {
            for (const std::int64_t m : {1, 2, 3, 5, 6, 7, 33})
                expect_exact({format, m, 70, 512, type});
            expect_exact({format, 1, 1, 256, type});
            expect_exact(
                {.format = format, .m = 2, .n = 130, .k = 256, .type = type, .threads = 1});
            // More columns than are laid out at once.
            expect_exact(
                {.format = format, .m = 9, .n = 600, .k = 256, .type = type, .threads = 1});
        }
    }

    void activations_can_be_rounded_to_8_bits_data() {
        products_are_those_of_the_blocks_numbers_data();
    }
    void activations_can_be_rounded_to_8_bits() {
        QFETCH(WeightFormat, format);
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t m : {1, 2, 3, 4, 6, 9, 40})
                expect_exact({.format = format,
                              .m = m,
                              .n = 70,
                              .k = 512,
                              .type = type,
                              .bias = true,
                              .strided = true,
                              .rounds = true});
        // Zeros have no greatest magnitude.
        const std::int64_t k = block_format(format).numbers;
        Guarded source(matrix(1, k), random_normal(k, 1)), a(matrix(1, k), DType::f32),
            c(matrix(1, 1), DType::f32);
        Blocks w(format, 1, k);
        run_on_cpu(PackWeight{.sources = {source}, .packed = w.data, .format = format});
        a.set(std::vector<double>(std::size_t(k), 0));
        run_on_cpu(MatMul{.a = a, .weight = w.weight(), .c = c, .rounds_a = true});
        QCOMPARE(c.values(), (std::vector<double>{0}));
    }

    void gradients_are_those_of_the_blocks_numbers_data() {
        products_are_those_of_the_blocks_numbers_data();
    }
    void gradients_are_those_of_the_blocks_numbers() {
        QFETCH(WeightFormat, format);
        for (const DType type : {DType::f32, DType::bf16})
            for (const auto& [m, n, blocks] :
                 {std::array<std::int64_t, 3>{3, 70, 1}, {40, 16, 3}, {9, 1, 2}, {1, 33001, 5}}) {
                const bool in_pieces = n > 1000; // 256 columns at once
                if (in_pieces && (format != WeightFormat::nf4 || type != DType::f32)) continue;
                const std::int64_t k = blocks * block_format(format).numbers;
                Guarded source(matrix(n, k), random_normal(n * k, 1));
                Blocks w(format, n, k);
                run_on_cpu(PackWeight{.sources = {source}, .packed = w.data, .format = format});
                w.read();
                const auto given = rounded_to(type, random_normal(m * n, 2));
                Guarded dy(matrix(m, n), given, type), dx(matrix(m, k), DType::f32, k + 3);
                run_on_cpu(MatMulBackward{.dy = dy, .weight = w.weight(), .dx = dx}, 2);
                std::vector<double> expected(std::size_t(m * k));
                for (std::int64_t i = 0; i < m; ++i)
                    for (std::int64_t j = 0; j < n; ++j)
                        for (std::int64_t p = 0; p < k; ++p)
                            expected[std::size_t(i * k + p)] +=
                                given[std::size_t(i * n + j)] * w.numbers[std::size_t(j * k + p)];
                const double error = relative_error(dx.values(), expected);
                const double of_f32 = in_pieces ? 1e-5 : 2e-6; // 33,001 in a sum
                QVERIFY2(error < (type == DType::f32 ? of_f32 : 3e-3),
                         qPrintable(QString("%1").arg(error)));
                QVERIFY(dx.intact() && dy.intact() && w.data.intact());
            }
    }

    void what_rides_on_a_product_rides_on_these() {
        for (const auto format : {WeightFormat::q4_0, WeightFormat::q6_k})
            for (const std::int64_t m : {2, 40}) {
                const std::int64_t n = 600; // two tiles of columns
                expect_exact(
                    {.format = format, .m = m, .n = n, .k = 256, .bias = true, .threads = 1});
                expect_exact({.format = format,
                              .m = m,
                              .n = n,
                              .k = 256,
                              .accumulate = true,
                              .strided = true,
                              .threads = 1});
                expect_exact({.format = format,
                              .m = m,
                              .n = n,
                              .k = 256,
                              .type = DType::bf16,
                              .c_type = DType::bf16,
                              .bias = true,
                              .strided = true});
                expect_exact({.format = format,
                              .m = m,
                              .n = n,
                              .k = 256,
                              .bias = true,
                              .keeps = true,
                              .threads = 1});
            }
    }

    void packing_is_the_codecs_on_each_row_data() {
        products_are_those_of_the_blocks_numbers_data();
    }
    void packing_is_the_codecs_on_each_row() {
        QFETCH(WeightFormat, format);
        constexpr std::int64_t n = 12, k = 256;
        const auto numbers = random_normal(n * k, 5);
        for (const DType type : {DType::f32, DType::bf16, DType::f16})
            for (const bool transposed : {false, true}) {
                std::vector<double> given = numbers;
                if (transposed)
                    for (std::int64_t i = 0; i < n; ++i)
                        for (std::int64_t j = 0; j < k; ++j)
                            given[std::size_t(j * n + i)] = numbers[std::size_t(i * k + j)];
                Guarded source(transposed ? matrix(k, n) : matrix(n, k), given, type);
                Blocks w(format, n, k);
                run_on_cpu(PackWeight{.sources = {source},
                                      .packed = w.data,
                                      .format = format,
                                      .transposed = transposed});
                const auto rounded = rounded_to(type, numbers);
                const std::vector<float> x(rounded.begin(), rounded.end());
                std::vector<std::uint8_t> expected(block_bytes(format, n * k));
                quantise(format, x, expected.data());
                QCOMPARE(w.data.values(), std::vector<double>(expected.begin(), expected.end()));
                QVERIFY(w.data.intact());
            }
    }

    void blocks_are_taken_as_they_are_and_their_rows_turned() {
        constexpr std::int64_t k = 64;
        constexpr auto format = WeightFormat::q4_0;
        Guarded numbers(matrix(4, k), random_normal(4 * k, 6));
        Blocks first(format, 4, k), both(format, 8, k);
        run_on_cpu(PackWeight{.sources = {numbers}, .packed = first.data, .format = format});
        run_on_cpu(PackWeight{.sources = {first.data, numbers},
                              .packed = both.data,
                              .format = format,
                              .interleaved_head_sizes = {4, 0}});
        first.read();
        both.read();
        const auto row = [&](const Blocks& of, std::int64_t n) {
            const auto begin = of.numbers.begin() + n * k;
            return std::vector<double>(begin, begin + k);
        };
        const std::int64_t from[] = {0, 2, 1, 3, 0, 1, 2, 3}; // pairs become halves
        for (std::int64_t n = 0; n < 8; ++n) QCOMPARE(row(both, n), row(first, from[n]));
        QVERIFY(both.data.intact());
    }

    void the_bytes_are_those_of_the_blocks() {
        QCOMPARE(packed_bytes(WeightFormat::q4_0, 70, 64, DType::f32), std::size_t(70 * 2 * 18));
        QCOMPARE(packed_bytes(WeightFormat::q6_k, 3, 512, DType::bf16), std::size_t(3 * 2 * 210));
        Blocks w(WeightFormat::q8_0, 10, 96);
        QCOMPARE(w.weight().bytes(), std::size_t(10 * 3 * 34));
        // 280 blocks, two scales of their scales, and the mean.
        QCOMPARE(packed_bytes(WeightFormat::nf4_dq, 70, 256, DType::f32),
                 std::size_t(280 * 33 + 3 * 4));
    }

    void what_does_not_fit_together_is_said() {
        static float data[1];
        Blocks w(WeightFormat::q8_0, 4, 64);
        MatMul product{.a = {data, {2, 64}}, .weight = w.weight(), .c = {data, {2, 4}}};
        QCOMPARE(complaint(product), std::string());
        product.weight.data.dtype = DType::f32;
        const std::string blocks = "a weight in blocks is [n, bytes of a row], u8, of whole blocks";
        QCOMPARE(complaint(product), blocks);
        product.weight = w.weight();
        product.weight.format = WeightFormat::q4_0;
        QCOMPARE(complaint(product), blocks);
        const PackWeight good{.sources = {{data, {4, 64}}}, .packed = w.data, .format = w.format};
        QCOMPARE(complaint(good), std::string());
        PackWeight op = good;
        op.sources[0].shape = {4, 63};
        QCOMPARE(complaint(op), std::string("rows are whole blocks"));
        op = good;
        op.format = WeightFormat::dense;
        QCOMPARE(complaint(op), std::string("packed is f32, bf16 or f16"));
        op = good;
        op.sources.push_back({data, {4, 34}, DType::u8});
        QCOMPARE(complaint(op), std::string("all sources have the same k"));
        op.sources.back().shape = {4, 33};
        QCOMPARE(complaint(op),
                 std::string("a source in blocks has those of the format, row by row"));
    }

    void scratch_is_a_tile_of_dense_weights_for_many_rows() {
        static float data[1];
        Blocks w(WeightFormat::q8_0, 1000, 64);
        MatMul op{.a = {data, {6, 64}}, .weight = w.weight(), .c = {data, {6, 1000}}};
        QCOMPARE(op.workspace_bytes(2), std::size_t(0));
        op.a.dtype = DType::bf16; // as f32
        QCOMPARE(op.workspace_bytes(2), std::size_t(6 * 64 * 4));
        op.a = {data, {7, 64}};
        op.c.shape = {7, 1000};
        QCOMPARE(op.workspace_bytes(2), std::size_t(512 * 64 * 4 + 2 * (256 + 68) * 1024));
        QCOMPARE(op.workspace_bytes(8), std::size_t(1024 * 64 * 4 + 8 * (256 + 68) * 1024));
    }
};

SWEETSPOT_TEST(BlockWeightsTest)
#include "block_weights_test.moc"
