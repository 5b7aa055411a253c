#include "kernels/ops/transfer.h"
#include "tests/kernels/op_check.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

class TransferTest : public QObject {
    Q_OBJECT
private slots:
    void an_upload_gives_the_numbers_in_the_type_of_the_device() {
        const std::vector<double> values{0, 1, -2.5, 1.00390625, 3e38};
        for (const DType to : {DType::f32, DType::bf16})
            for (const DType from : {DType::f32, DType::bf16}) {
                Guarded x({5}, values, from, 0, 2), y({5}, to); // as in a file: unaligned
                run_on_cpu(Upload{.x = x, .y = y});
                QCOMPARE(y.values(), rounded_to(to, rounded_to(from, values)));
                QVERIFY(y.intact());
            }
    }

    void integers_go_there_and_back_unchanged() {
        Guarded x({3}, {7, -1, 123456789}, DType::i32), y({3}, DType::i32), z({3}, DType::i32);
        run_on_cpu(Upload{.x = x, .y = y});
        run_on_cpu(Download{.x = y, .y = z});
        QCOMPARE(z.values(), (std::vector<double>{7, -1, 123456789}));
        QVERIFY(z.intact());
    }

    void what_does_not_fit_together_is_said() {
        static float data[8];
        QCOMPARE(complaint(Upload{.x = {data, {4}}, .y = {data, {3}}}),
                 std::string("y has x's shape, both dense"));
        QCOMPARE(complaint(Upload{.x = {data, {4}}, .y = {data, {4}, DType::i32}}),
                 std::string("both are numbers, or both integers"));
        QCOMPARE(complaint(Download{.x = {data, {4}}, .y = {data, {4}, DType::bf16}}),
                 std::string("y has x's shape and type, both dense"));
        QCOMPARE(complaint(Download{.x = {data, {4}}, .y = {data, {4}}}), std::string());
    }

    void bytes_are_counted_on_both_sides() {
        QCOMPARE((Upload{.x = {nullptr, {4}}, .y = {nullptr, {4}, DType::bf16}}.cost().bytes),
                 24.0);
        QCOMPARE((Download{.x = {nullptr, {4}}, .y = {nullptr, {4}}}.cost().bytes), 32.0);
    }
};

SWEETSPOT_TEST(TransferTest)
#include "transfer_test.moc"
