#include "kernels/ops/fused.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

NormMatMul good_norm_matmul() {
    static float data[64 * 16];
    return {.x = {data, {2, 4}},
            .norm_weight = {data, {4}},
            .weight = {.data = {data, packed_shape(3, 4, DType::f32)}, .n = 3, .k = 4},
            .c = {data, {2, 3}}};
}

const Segments one_sequence{.offsets = {0, 2}, .lengths = {2}};

AttentionProjection good_projection() {
    static float data[64 * 16];
    return {.attention = {.q = {data, {2, 4}},
                          .k = {data, {2, 4}},
                          .v = {data, {2, 4}},
                          .segments = &one_sequence,
                          .heads = 2,
                          .kv_heads = 2},
            .weight = {.data = {data, packed_shape(3, 4, DType::f32)}, .n = 3, .k = 4},
            .x = {data, {2, 3}}};
}

template <class Op, class Spoil>
std::string after(Op op, Spoil spoil) {
    spoil(op);
    return complaint(op);
}

} // namespace

class FusedTest : public QObject {
    Q_OBJECT
private slots:
    void what_does_not_fit_together_is_said() {
        static float data[8];
        const NormMatMul norm = good_norm_matmul();
        QCOMPARE(complaint(norm), std::string());
        QCOMPARE(after(norm, [](NormMatMul& op) { op.x.dtype = DType::bf16; }),
                 std::string("x is [rows, width], f32, dense"));
        QCOMPARE(after(norm, [](NormMatMul& op) { op.delta = op.x; }),
                 std::string("sum is present with delta"));
        QCOMPARE(after(norm, [](NormMatMul& op) { op.norm_weight.shape = {3}; }),
                 std::string("norm_weight is [width], f32"));
        QCOMPARE(after(norm, [](NormMatMul& op) { op.weight.n = 4; }),
                 std::string("weight is [n, width], of c's type"));
        QCOMPARE(after(norm,
                       [](NormMatMul& op) {
                           op.bias = {data, {4}};
                       }),
                 std::string("bias is [n], f32"));
        const AttentionProjection projection = good_projection();
        QCOMPARE(complaint(projection), std::string());
        QCOMPARE(after(projection,
                       [](AttentionProjection& op) { op.attention.kind = AttentionKind::vendor; }),
                 std::string("attention is flash, without y and log_sum_exp"));
        QCOMPARE(after(projection,
                       [](AttentionProjection& op) {
                           op.x.shape = {3, 3};
                       }),
                 std::string("x is [rows, width], f32, dense"));
        QCOMPARE(after(projection, [](AttentionProjection& op) { op.weight.k = 5; }),
                 std::string("weight is [width, heads * head_size], of q's type"));
    }

    void the_cpu_refuses_them_with_a_sentence() {
        try {
            run_on_cpu(good_norm_matmul());
            QFAIL("the CPU has no such kernel");
        } catch (const Error& error) {
            QCOMPARE(error.kind, Failure::unsupported);
            QVERIFY(QString(error.what()).contains("device cuda"));
        }
        QVERIFY_EXCEPTION_THROWN(run_on_cpu(good_projection()), Error);
    }

    void what_is_never_stored_is_not_counted() {
        const NormMatMul op = good_norm_matmul();
        const Norm norm{.x = {nullptr, {2, 4}}, .weight = op.norm_weight, .y = {nullptr, {2, 4}}};
        const MatMul product{.a = norm.y, .weight = op.weight, .c = op.c};
        const double stored = 2 * 4 * 4;
        QCOMPARE(op.cost().flops, norm.cost().flops + product.cost().flops);
        QCOMPARE(op.cost().bytes, norm.cost().bytes + product.cost().bytes - 2 * stored);
        const AttentionProjection projection = good_projection();
        QCOMPARE(projection.cost().flops, projection.attention.cost().flops + 2.0 * 2 * 3 * 4);
        QCOMPARE(projection.cost().bytes, 3.0 * 2 * 4 * 4 + 3 * 4 * 4 + 2.0 * 2 * 3 * 4);
    }
};

SWEETSPOT_TEST(FusedTest)
#include "fused_test.moc"
