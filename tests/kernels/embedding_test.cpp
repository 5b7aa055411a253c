#include "kernels/ops/embedding.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

class EmbeddingTest : public QObject {
    Q_OBJECT
private slots:
    void tokens_take_their_rows_scaled_and_placed() {
        Guarded ids({3}, {2, 0, 2}, DType::i32), table({3, 2}, {1, 2, 3, 4, 5, 6});
        Guarded scale({3}, {1, 2, 0}), positions({3}, {0, 1, 1}, DType::i32);
        Guarded places({2, 2}, {10, 20, 30, 40}), y({3, 2}, DType::f32);
        run_on_cpu(Embedding{.ids = ids, .table = table, .y = y});
        QCOMPARE(y.values(), (std::vector<double>{5, 6, 1, 2, 5, 6}));
        run_on_cpu(Embedding{.ids = ids,
                             .table = table,
                             .scale = scale,
                             .positions = positions,
                             .position_table = places,
                             .y = y});
        QCOMPARE(y.values(), (std::vector<double>{15, 26, 32, 44, 30, 40}));
        QVERIFY(y.intact());
    }

    void tables_of_any_type_and_width_match_double_precision() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t width : {1, 3, 17, 65, 320})
                for (const std::int64_t rows : {1, 3, 130}) {
                    const auto table_values = rounded_to(type, random_normal(7 * width, 1));
                    const auto place_values = rounded_to(type, random_normal(11 * width, 2));
                    const auto scale_values = rounded_to(DType::f32, random_normal(rows, 3));
                    std::vector<double> ids_values, position_values, expected;
                    for (std::int64_t i = 0; i < rows; ++i) {
                        ids_values.push_back(double(i * 5 % 7));
                        position_values.push_back(double(i * 3 % 11));
                        for (std::int64_t j = 0; j < width; ++j)
                            expected.push_back(table_values[i * 5 % 7 * width + j] *
                                                   scale_values[i] +
                                               place_values[i * 3 % 11 * width + j]);
                    }
                    Guarded ids({rows}, ids_values, DType::i32), scale({rows}, scale_values);
                    Guarded positions({rows}, position_values, DType::i32);
                    Guarded table({7, width}, table_values, type);
                    Guarded places({11, width}, place_values, type), y({rows, width}, DType::f32);
                    run_on_cpu(Embedding{.ids = ids,
                                         .table = table,
                                         .scale = scale,
                                         .positions = positions,
                                         .position_table = places,
                                         .y = y});
                    QVERIFY(relative_error(y.values(), expected) < 1e-6);
                    QVERIFY(y.intact());
                }
    }

    void the_rows_of_a_packed_weight_serve_as_the_table() {
        for (const DType type : {DType::f32, DType::bf16})
            for (const std::int64_t width : {1, 3, 17, 64, 65, 320})
                for (const bool scaled : {false, true}) {
                    const std::int64_t vocabulary = 150, rows = 90;
                    const auto values = random_normal(vocabulary * width, 1);
                    Guarded table({vocabulary, width}, values, type);
                    Guarded packed(packed_shape(vocabulary, width, type), type);
                    run_on_cpu(RepackWeight{.weight = table, .packed = packed});
                    std::vector<double> ids_values;
                    for (std::int64_t i = 0; i < rows; ++i)
                        ids_values.push_back(double(i * 67 % vocabulary));
                    Guarded ids({rows}, ids_values, DType::i32),
                        scale({rows}, random_normal(rows, 3));
                    Guarded y({rows, width}, DType::f32), expected({rows, width}, DType::f32);
                    const In factor = scaled ? scale.in() : In{};
                    run_on_cpu(
                        Embedding{.ids = ids, .table = table, .scale = factor, .y = expected});
                    run_on_cpu(Embedding{.ids = ids,
                                         .weight = {.data = packed, .n = vocabulary, .k = width},
                                         .scale = factor,
                                         .y = y});
                    QCOMPARE(y.values(), expected.values());
                    QVERIFY(y.intact());
                }
    }

    void positions_start_anew_in_each_sequence() {
        Guarded offsets({5}, {0, 3, 3, 4, 6}, DType::i32), positions({6}, DType::i32);
        run_on_cpu(RaggedPositions{.offsets = offsets, .positions = positions});
        QCOMPARE(positions.values(), (std::vector<double>{0, 1, 2, 0, 0, 1}));
        QVERIFY(positions.intact());
    }

    void f16_is_refused_on_the_cpu() {
        Guarded ids({1}, {0}, DType::i32), half({2, 2}, {1, 2, 3, 4}, DType::f16);
        Guarded full({2, 2}, {1, 2, 3, 4}), y({1, 2}, DType::f32);
        QCOMPARE(refusal(Embedding{.ids = ids, .table = half, .y = y}), no_f16);
        QCOMPARE(refusal(Embedding{
                     .ids = ids, .table = full, .positions = ids, .position_table = half, .y = y}),
                 no_f16);
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        const Embedding good{
            .ids = {data, {2}, DType::i32}, .table = {data, {2, 4}}, .y = {data, {2, 4}}};
        QCOMPARE(complaint(good), std::string());
        Embedding op = good;
        op.table = {};
        QCOMPARE(complaint(op), std::string("there is a table, or a weight whose rows it is"));
        op.weight = {.data = {data, {64, 16}}, .n = 2, .k = 4};
        QCOMPARE(complaint(op), std::string());
        op.table = good.table;
        QCOMPARE(complaint(op), std::string("there is a table, or a weight whose rows it is"));
        op = good;
        op.ids.dtype = DType::f32;
        QCOMPARE(complaint(op), std::string("ids is [rows], i32"));
        op = good;
        op.scale = {data, {3}};
        QCOMPARE(complaint(op), std::string("scale is [rows], f32"));
        op = good;
        op.positions = op.ids;
        QCOMPARE(complaint(op), std::string("positions and position_table come together"));
        op.position_table = {data, {2, 3}};
        QCOMPARE(complaint(op),
                 std::string("position_table is [positions, width], f32, bf16 or f16, dense"));
        op = good;
        op.y.dtype = DType::bf16;
        QCOMPARE(complaint(op), std::string("y is [rows, width], f32, dense"));
    }
};

SWEETSPOT_TEST(EmbeddingTest)
#include "embedding_test.moc"
