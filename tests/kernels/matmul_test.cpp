#include "kernels/cpu/isa.h"
#include "kernels/ops/matmul.h"
#include "tests/kernels/exact_activation.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

/// One product, with everything that can be varied.
struct Case {
    std::int64_t m, n, k;
    DType type = DType::f32;
    DType c_type = DType::f32;
    bool bias = false, accumulate = false, strided = false;
    Activation activation = Activation::none;
    int threads = 2;
    bool keeps = false; ///< what the activation was given
};

Shape matrix(std::int64_t rows, std::int64_t width) {
    return {rows, width};
}

std::vector<double> packed_values(const std::vector<double>& w, std::int64_t n, std::int64_t k,
                                  DType type, Guarded& packed) {
    Guarded source(matrix(n, k), w, type);
    run_on_cpu(PackWeight{.sources = {source}, .packed = packed});
    return rounded_to(type, w);
}

/// The error of a product against double precision, relative; infinite if a guard word changed.
double error_of(const Case& t) {
    Guarded packed(packed_shape(t.n, t.k, t.type), t.type);
    const auto w = packed_values(random_normal(t.n * t.k, 1, 1 / std::sqrt(double(t.k))), t.n, t.k,
                                 t.type, packed);
    const auto a_values = rounded_to(t.type, random_normal(t.m * t.k, 2));
    Guarded a(matrix(t.m, t.k), a_values, t.type, t.strided ? t.k + 3 : 0);
    const auto bias_values = rounded_to(DType::f32, random_normal(t.n, 3));
    Guarded bias({t.n}, bias_values);
    Guarded c(matrix(t.m, t.n), t.c_type, t.strided ? t.n + 5 : 0);
    const auto before = rounded_to(DType::f32, random_normal(t.m * t.n, 4));
    if (t.accumulate) c.set(before);
    Guarded before_activation(matrix(t.m, t.n), t.c_type, t.strided ? t.n + 1 : 0);

    run_on_cpu(MatMul{.a = a,
                      .weight = {.data = packed, .n = t.n, .k = t.k},
                      .bias = t.bias ? bias.in() : In{},
                      .before = t.keeps ? before_activation.out() : Out{},
                      .c = c,
                      .activation = t.activation,
                      .accumulate = t.accumulate},
               t.threads);

    std::vector<double> expected(std::size_t(t.m * t.n)), sums(expected);
    for (std::int64_t i = 0; i < t.m; ++i)
        for (std::int64_t j = 0; j < t.n; ++j) {
            double x = t.bias ? bias_values[j] : 0;
            for (std::int64_t p = 0; p < t.k; ++p) x += a_values[i * t.k + p] * w[j * t.k + p];
            if (t.accumulate) x += before[i * t.n + j];
            sums[i * t.n + j] = x;
            expected[i * t.n + j] = exact(t.activation, x);
        }
    if (!c.intact() || !a.intact() || !packed.intact() || !before_activation.intact())
        return INFINITY;
    const double kept = t.keeps ? relative_error(before_activation.values(), sums) : 0;
    return std::max(kept, relative_error(c.values(), expected));
}

/// What is left of a number of bf16 after rounding, and of sums of products in f32.
double limit_for(const Case& t) {
    return t.c_type == DType::bf16 ? 3e-3 : t.type == DType::bf16 ? 2e-6 : 1e-6;
}

QByteArray sentence(const Case& t, double error) {
    return QString("m %1, n %2, k %3, %4 -> %5, bias %6, accumulate %7, strided %8, activation %9")
        .arg(t.m)
        .arg(t.n)
        .arg(t.k)
        .arg(names_of(t.type)[std::size_t(t.type)].data())
        .arg(names_of(t.c_type)[std::size_t(t.c_type)].data())
        .arg(t.bias)
        .arg(t.accumulate)
        .arg(t.strided)
        .arg(int(t.activation))
        .append(QString(", threads %1: error %2").arg(t.threads).arg(error))
        .toUtf8();
}

void expect_exact(const Case& t) {
    const double error = error_of(t);
    QVERIFY2(error < limit_for(t), sentence(t, error));
}

/// Tensors that fit together, for spoiling.
MatMul good_product() {
    static float data[64 * 64];
    return {.a = {data, {2, 3}},
            .weight = {.data = {data, {64, 16}}, .n = 4, .k = 3},
            .c = {data, {2, 4}}};
}

template <class Spoil>
std::string after(Spoil spoil) {
    MatMul op = good_product();
    spoil(op);
    return complaint(op);
}

} // namespace

class MatMulTest : public QObject {
    Q_OBJECT
private slots:
    void the_instruction_set_is_named() { qInfo("%s", isa_description().c_str()); }

    void a_small_product_matches_hand_numbers() {
        Guarded packed(packed_shape(2, 3, DType::f32), DType::f32);
        Guarded w(matrix(2, 3), {1, 2, 3, 4, 5, 6});
        run_on_cpu(PackWeight{.sources = {w}, .packed = packed});
        Guarded a(matrix(2, 3), {1, 0, -1, 2, 1, 0}), bias({2}, {10, 20}),
            c(matrix(2, 2), DType::f32);
        run_on_cpu(
            MatMul{.a = a, .weight = {.data = packed, .n = 2, .k = 3}, .bias = bias, .c = c});
        QCOMPARE(c.values(), (std::vector<double>{8, 18, 14, 33}));
        QVERIFY(c.intact());
    }

    void packed_weights_are_blocks_of_64_outputs() {
        // Output n of inner row k lies at lane n, the rows one after the other.
        Guarded w(matrix(2, 3), {1, 2, 3, 4, 5, 6});
        Guarded single(packed_shape(2, 3, DType::f32), DType::f32);
        run_on_cpu(PackWeight{.sources = {w}, .packed = single});
        const auto s = single.values();
        QCOMPARE((std::vector<double>{s[0], s[1], s[2], s[64], s[65], s[128], s[129]}),
                 (std::vector<double>{1, 4, 0, 2, 5, 3, 6}));
        // In bf16, two inner rows lie side by side.
        Guarded pairs(packed_shape(2, 3, DType::bf16), DType::bf16);
        run_on_cpu(PackWeight{.sources = {w}, .packed = pairs});
        const auto p = pairs.values();
        QCOMPARE((std::vector<double>{p[0], p[1], p[2], p[3], p[4], p[128], p[129], p[130]}),
                 (std::vector<double>{1, 2, 4, 5, 0, 3, 0, 6}));
        QVERIFY(single.intact() && pairs.intact());
    }

    void products_of_odd_sizes_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t m : {1, 2, 3, 5, 6, 7, 17, 65})
                for (const std::int64_t n : {1, 3, 17, 65, 130})
                    for (const std::int64_t k : {1, 3, 17, 32, 65, 96})
                        expect_exact({.m = m, .n = n, .k = k, .type = type, .bias = n % 2 == 1});
    }

    void a_product_of_no_rows_writes_nothing() {
        for (const DType type : {DType::f32, DType::bf16}) {
            Guarded packed(packed_shape(4, 3, type), type), a(matrix(0, 3), type),
                c(matrix(0, 4), DType::f32);
            run_on_cpu(MatMul{.a = a, .weight = {.data = packed, .n = 4, .k = 3}, .c = c});
            QVERIFY(c.intact());
        }
    }

    void every_epilogue_matches_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t m : {1, 4, 17, 70})
                for (const bool strided : {false, true}) {
                    const Case base{.m = m,
                                    .n = 100,
                                    .k = 64,
                                    .type = type,
                                    .c_type = type,
                                    .strided = strided};
                    for (const Activation activation : {Activation::none, Activation::gelu,
                                                        Activation::gelu_tanh, Activation::silu}) {
                        Case t = base;
                        t.bias = true;
                        t.activation = activation;
                        expect_exact(t);
                        t.keeps = activation != Activation::none;
                        expect_exact(t);
                    }
                    Case sum = base;
                    sum.c_type = DType::f32;
                    sum.accumulate = true;
                    expect_exact(sum);
                    sum.bias = true;
                    expect_exact(sum);
                }
    }

    void products_of_several_strips_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t k : {256, 257, 515, 640})
                for (const bool strided : {false, true})
                    expect_exact({.m = 307, .n = 70, .k = k, .type = type, .strided = strided});
    }

    void products_of_many_tiles_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const int threads : {1, 2, 3, 5})
                for (const std::int64_t m : {300, 333})
                    expect_exact({.m = m,
                                  .n = 192,
                                  .k = 160,
                                  .type = type,
                                  .c_type = type,
                                  .bias = true,
                                  .activation = Activation::gelu,
                                  .threads = threads});
    }

    void weights_stack_from_sources_of_any_type_at_any_address() {
        const auto first = random_normal(5 * 33, 1), second = random_normal(70 * 33, 2);
        std::vector<double> stacked = first;
        stacked.insert(stacked.end(), second.begin(), second.end());
        for (const DType from : {DType::f32, DType::bf16, DType::f16})
            for (const DType to : {DType::f32, DType::bf16}) {
                Guarded a(matrix(5, 33), first, from, 0, 1), b(matrix(70, 33), second, from, 0, 3);
                Guarded packed(packed_shape(75, 33, to), to);
                run_on_cpu(PackWeight{.sources = {a, b}, .packed = packed});
                Guarded whole(matrix(75, 33), rounded_to(from, stacked), to);
                Guarded expected(packed_shape(75, 33, to), to);
                run_on_cpu(PackWeight{.sources = {whole}, .packed = expected});
                QCOMPARE(packed.values(), expected.values());
                QVERIFY(packed.intact());
                QCOMPARE(packed.values()[0], rounded_to(to, rounded_to(from, first))[0]);
            }
    }

    void transposed_sources_pack_as_the_others_do() {
        const auto w = random_normal(70 * 33, 1);
        std::vector<double> turned(w.size());
        for (int n = 0; n < 70; ++n)
            for (int k = 0; k < 33; ++k) turned[k * 70 + n] = w[n * 33 + k];
        for (const DType to : {DType::f32, DType::bf16}) {
            Guarded rows(matrix(70, 33), w), columns(matrix(33, 70), turned, DType::f32, 0, 2);
            Guarded expected(packed_shape(70, 33, to), to), packed(packed_shape(70, 33, to), to);
            run_on_cpu(PackWeight{.sources = {rows}, .packed = expected});
            run_on_cpu(PackWeight{.sources = {columns}, .packed = packed, .transposed = true});
            QCOMPARE(packed.values(), expected.values());
        }
    }

    void interleaved_heads_become_halves() {
        // Two heads of size 4 with rows 0..7: pairs (0,1) (2,3) become (0,2) (1,3), head by head.
        Guarded w(matrix(8, 1), {0, 1, 2, 3, 4, 5, 6, 7}), v(matrix(2, 1), {8, 9});
        Guarded packed(packed_shape(10, 1, DType::f32), DType::f32);
        run_on_cpu(
            PackWeight{.sources = {w, v}, .packed = packed, .interleaved_head_sizes = {4, 0}});
        const auto p = packed.values();
        QCOMPARE((std::vector<double>(p.begin(), p.begin() + 11)),
                 (std::vector<double>{0, 2, 1, 3, 4, 6, 5, 7, 8, 9, 0}));
    }

    void f16_is_refused_on_the_cpu() {
        Guarded w(matrix(2, 3), {1, 2, 3, 4, 5, 6}), a(matrix(1, 3), {1, 2, 3}, DType::f16);
        Guarded packed(packed_shape(2, 3, DType::f16), DType::f16), c(matrix(1, 2), DType::f32);
        QCOMPARE(refusal(PackWeight{.sources = {w}, .packed = packed}), no_f16);
        QCOMPARE(refusal(MatMul{.a = a, .weight = {.data = packed, .n = 2, .k = 3}, .c = c}),
                 no_f16);
    }

    void what_does_not_fit_together_is_said() {
        static float data[1];
        QCOMPARE(complaint(good_product()), std::string());
        QCOMPARE(after([](MatMul& op) { op.a.dtype = DType::i32; }),
                 std::string("a is [m, k], f32, bf16 or f16"));
        QCOMPARE(after([](MatMul& op) { op.c.shape = {3, 4}; }), std::string("c is [m, n]"));
        QCOMPARE(after([](MatMul& op) { op.c.dtype = DType::bf16; }),
                 std::string("c is f32 or of a's type"));
        QCOMPARE(after([](MatMul& op) {
                     op.weight.data.shape = {64, 32};
                 }),
                 std::string("weight is packed from [n, k]"));
        QCOMPARE(after([](MatMul& op) { op.weight.n = 5; }), std::string("weight is [n, k]"));
        QCOMPARE(after([](MatMul& op) {
                     op.weight.metadata = {data, {4}};
                 }),
                 std::string("a dense weight has no metadata"));
        QCOMPARE(after([](MatMul& op) {
                     op.weight.data.dtype = DType::bf16;
                     op.weight.data.shape = {64, 32};
                 }),
                 std::string("weight is of a's type"));
        QCOMPARE(after([](MatMul& op) { op.bias = {data, {3}}; }), std::string("bias is [n], f32"));
        QCOMPARE(after([](MatMul& op) {
                     op.before = {data, {2, 4}};
                 }),
                 std::string("before is kept where there is an activation"));
        QCOMPARE(after([](MatMul& op) {
                     op.before = {data, {4, 2}};
                     op.activation = Activation::gelu;
                 }),
                 std::string("before is like c"));
        QCOMPARE(after([](MatMul& op) {
                     op.accumulate = true;
                     op.activation = Activation::gelu;
                 }),
                 std::string("there is no activation with accumulate"));
    }

    void a_weight_repacks_as_it_was_packed() {
        const auto w = random_normal(70 * 33, 1);
        for (const DType from : {DType::f32, DType::bf16})
            for (const DType to : {DType::f32, DType::bf16}) {
                Guarded source(matrix(70, 33), w, from);
                Guarded packed(packed_shape(70, 33, to), to), again(packed_shape(70, 33, to), to);
                run_on_cpu(PackWeight{.sources = {source}, .packed = packed});
                run_on_cpu(RepackWeight{.weight = source, .packed = again});
                QCOMPARE(again.values(), packed.values());
                QVERIFY(again.intact());
            }
        for (const auto& [n, k] : {std::pair(70, 33), {64, 48}, {3, 200}, {129, 16}}) {
            const auto numbers = rounded_to(DType::f32, random_normal(n * k, 2));
            Guarded source(matrix(n, k), numbers),
                packed(packed_shape(n, k, DType::f32), DType::f32), back(matrix(n, k), DType::f32);
            run_on_cpu(RepackWeight{.weight = source, .packed = packed});
            run_on_cpu(UnpackWeight{.packed = packed, .weight = back}, 2);
            QCOMPARE(back.values(), numbers);
            QVERIFY(back.intact() && packed.intact());
        }
        static float data[1];
        UnpackWeight back{.packed = {data, {128, 48}}, .weight = {data, {70, 33}}};
        QCOMPARE(complaint(back), std::string());
        back.packed.shape = {64, 48};
        QCOMPARE(complaint(back), std::string("packed is packed_shape(n, k, f32), f32, dense"));
        back.weight.dtype = DType::bf16;
        QCOMPARE(complaint(back), std::string("weight is [n, k], f32, dense"));
        RepackWeight op{.weight = {data, {70, 33}}, .packed = {data, {128, 48}}};
        QCOMPARE(complaint(op), std::string());
        op.packed.dtype = DType::bf16;
        QCOMPARE(complaint(op), std::string("packed is packed_shape(n, k, type), dense"));
        op.weight.row_stride = 40;
        QCOMPARE(complaint(op), std::string("weight is [n, k], f32, bf16 or f16, dense"));
    }

    void the_bytes_of_a_format_are_those_of_its_shape() {
        QCOMPARE(packed_bytes(WeightFormat::dense, 70, 33, DType::f32), std::size_t(128 * 48 * 4));
        QCOMPARE(packed_bytes(WeightFormat::dense, 64, 33, DType::bf16), std::size_t(64 * 64 * 2));
        QCOMPARE((Weight{.data = {nullptr, {128, 48}}, .n = 70, .k = 33}.bytes()),
                 std::size_t(70 * 33 * 4));
    }

    void what_cannot_be_packed_is_said() {
        static float data[1];
        const PackWeight good{.sources = {{data, {2, 3}}}, .packed = {data, {64, 16}}};
        QCOMPARE(complaint(good), std::string());
        PackWeight op = good;
        op.sources.clear();
        QCOMPARE(complaint(op), std::string("there is a source"));
        op = good;
        op.sources.push_back({data, {2, 4}});
        QCOMPARE(complaint(op), std::string("all sources have the same k"));
        op = good;
        op.packed.shape = {64, 32};
        QCOMPARE(complaint(op), std::string("packed is packed_shape(n, k, type), dense"));
        op = good;
        op.interleaved_head_sizes = {4};
        QCOMPARE(complaint(op), std::string("a head size is even and divides its source's rows"));
    }

    void scratch_is_the_same_whatever_the_machine() {
        MatMul op = good_product();
        QCOMPARE(op.workspace_bytes(2), std::size_t(0));
        op.a.shape = {7, 3};
        op.c.shape = {7, 4};
        QCOMPARE(op.workspace_bytes(2), std::size_t(2 * (256 + 68) * 1024));
        op.a.dtype = op.weight.data.dtype = DType::bf16;
        op.weight.data.shape = {64, 32};
        QCOMPARE(op.workspace_bytes(3), std::size_t(3 * ((256 + 256) * 1024 + 8 * 32)));
    }

    void a_product_costs_two_operations_a_weight_and_row() {
        const Cost cost = good_product().cost();
        QCOMPARE(cost.flops, 2.0 * 2 * 3 * 4);
        QCOMPARE(cost.bytes, 4.0 * (2 * 3 + 3 * 4 + 2 * 4));
    }
};

SWEETSPOT_TEST(MatMulTest)
#include "matmul_test.moc"
