// Adapters beside weights in blocks (QLoRA): rounded as bitsandbytes rounds them, trained as peft
// trains them, and what merging them costs.
#include "engine/config/possible.h"
#include "engine/train/trained_files.h"
#include "kernels/core/nested_scales.h"
#include "tests/engine/lora_support.h"
#include "tests/suite.h"

using namespace sweetspot;

namespace {

constexpr auto nested = WeightFormat::nf4_dq;

/// The weight that make_qlora.py gave to bitsandbytes.
std::vector<float> weight_of_formula() {
    std::vector<float> y(300 * 64);
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double hashed = double((i * 2654435761) % (std::size_t(1) << 32) >> 20);
        y[i] = float((hashed - 0x1p11) * 0x1p-16 * double(1 + i / 64 * 7 % 13));
    }
    return y;
}

std::vector<std::uint8_t> bytes_of(const StoredTensors& stored, const std::string& name) {
    const auto& bytes = stored.tensors.at(name).bytes;
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
    return {first, first + bytes.size()};
}

RunConfig tiny_qlora(WeightFormat format = nested) {
    RunConfig run = tiny_lora();
    run.weight_format = format;
    return run;
}

} // namespace

class QloraTest : public QObject {
    Q_OBJECT
private slots:
    void codes_and_scales_are_bitsandbytes_to_the_bit() {
        const StoredTensors golden =
            open_weights(SWEETSPOT_SOURCE_DIR "/tests/golden/nf4.safetensors");
        const auto weight = weight_of_formula();
        const std::size_t count = weight.size() / 64;
        std::vector<std::uint8_t> once(block_bytes(WeightFormat::nf4, std::int64_t(weight.size()))),
            codes, twice(block_bytes(nested, std::int64_t(weight.size()))), nested_codes;
        quantise(WeightFormat::nf4, weight, once.data());
        quantise(nested, weight, twice.data());
        std::vector<float> absmax(count);
        for (std::size_t i = 0; i < count; ++i) {
            std::memcpy(&absmax[i], &once[i * 36], 4);
            codes.insert(codes.end(), &once[i * 36 + 4], &once[i * 36] + 36);
            QVERIFY(std::equal(&once[i * 36 + 4], &once[i * 36] + 36, &twice[i * 33 + 1]));
            nested_codes.push_back(twice[i * 33]);
        }
        QVERIFY(codes == bytes_of(golden, "codes"));
        QVERIFY(absmax == floats_of(golden, "absmax"));
        const auto& values = nested_values();
        QVERIFY(std::vector<float>(values, values + 256) == floats_of(golden, "nested_values"));
        QVERIFY(nested_codes == bytes_of(golden, "nested_codes"));
        std::vector<float> behind(3); // two groups and the mean
        QCOMPARE(twice.size(), count * 33 + 12);
        std::memcpy(behind.data(), &twice[count * 33], 12);
        auto expected = floats_of(golden, "nested_absmax");
        expected.push_back(floats_of(golden, "offset")[0]);
        QVERIFY(behind == expected);
        std::vector<float> numbers(weight.size());
        dequantise(nested, twice.data(), numbers);
        QVERIFY(numbers == floats_of(golden, "numbers"));
    }

    void a_number_takes_so_many_bytes() {
        const auto bytes_a_number = [](WeightFormat format, std::int64_t n, std::int64_t k) {
            return double(packed_bytes(format, n, k, DType::f32)) / double(n * k);
        };
        QVERIFY(std::abs(bytes_a_number(nested, 4096, 4096) - 0.515869) < 5e-7);
        QCOMPARE(bytes_a_number(WeightFormat::nf4, 4096, 4096), 0.5625);
    }

    void steps_are_pefts_beside_what_bitsandbytes_rounded_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<Precision>("precision");
        QTest::addColumn<Recompute>("recompute");
        for (const char* model : {"esm2-tiny", "llama-tiny", "gpt2-tiny"})
            for (const auto precision : {Precision::f32, Precision::bf16})
                for (const auto recompute : {Recompute::none, Recompute::full})
                    QTest::addRow("%s %s %s", model, to_text(precision).c_str(),
                                  to_text(recompute).c_str())
                        << QString(model) << precision << recompute;
    }
    void steps_are_pefts_beside_what_bitsandbytes_rounded() {
        QFETCH(QString, model);
        QFETCH(Precision, precision);
        QFETCH(Recompute, recompute);
        follow_golden_steps(model.toStdString(), "qlora.safetensors",
                            {.precision = precision, .weight_format = nested}, recompute);
    }

    void a_plan_knows_the_memory_of_every_step_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<Precision>("precision");
        QTest::addColumn<WeightFormat>("format");
        for (const char* model : {"esm2-tiny", "llama-tiny", "gpt2-tiny"})
            for (const auto precision : {Precision::f32, Precision::bf16})
                for (const auto format : {nested, WeightFormat::nf4, WeightFormat::q8_0})
                    QTest::addRow("%s %s %s", model, to_text(precision).c_str(),
                                  to_text(format).c_str())
                        << QString(model) << precision << format;
    }
    void a_plan_knows_the_memory_of_every_step() {
        QFETCH(QString, model);
        QFETCH(Precision, precision);
        QFETCH(WeightFormat, format);
        RunConfig run = tiny_qlora(format);
        run.model = run.weights = golden::folder(model.toStdString());
        run.precision = precision;
        RunConfig plan = run;
        plan.device = DeviceKind::plan;
        const DeviceTotals measured = totals_of(run), predicted = totals_of(plan);
        QCOMPARE(predicted.memory.peak_total, measured.memory.peak_total);
        QCOMPARE(predicted.memory.peak, measured.memory.peak);
        QCOMPARE(predicted.memory.at_peak, measured.memory.at_peak);
        run.weight_format = WeightFormat::dense;
        const auto weights = std::size_t(Purpose::weights);
        QVERIFY(measured.memory.peak[weights] < totals_of(run).memory.peak[weights]);
    }

    void losses_fall_in_every_format_data() {
        QTest::addColumn<WeightFormat>("format");
        for (std::size_t i = 1; i < names_of(WeightFormat{}).size(); ++i)
            if (!stores_two_of_four(WeightFormat(i))) // for weights that were pruned
                QTest::newRow(names_of(WeightFormat{})[i].data()) << WeightFormat(i);
    }
    void losses_fall_in_every_format() {
        QFETCH(WeightFormat, format);
        RunConfig run = tiny_qlora(format);
        run.batch = 3, run.batches = 1, run.steps = 12;
        const auto losses = losses_of(run);
        QVERIFY(losses.back() < losses.front() - 0.3);
        QVERIFY(run_of(run).outcome.weight_note.starts_with(to_text(format)));
    }

    void merging_keeps_the_trained_model_and_says_what_rounding_it_would_cost() {
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-tiny"}) {
            const QTemporaryDir folder;
            RunConfig run = tiny_qlora();
            run.model = run.weights = golden::folder(model);
            run.save = folder.filePath("adapter").toStdString();
            losses_of(run);
            RunConfig more = run;
            more.adapter = run.save, more.save.clear(), more.lora_rank = 0;
            const double adapted = losses_of(more, 1).front();
            run.save_merged = true, run.save = folder.filePath("merged").toStdString();
            const auto error = run_of(run).outcome.merge_error;
            QVERIFY2(error && *error > 0.05, model);
            more.model = more.weights = run.save, more.adapter.clear();
            more.weight_format = WeightFormat::dense;
            const double merged = losses_of(more, 1).front();
            QVERIFY2(std::abs(merged - adapted) < 1e-4, model);
            more.lora_rank = 1, more.weight_format = nested; // whose b is 0
            const double rounded = losses_of(more, 1).front();
            QVERIFY2(std::abs(rounded - adapted) > 10 * std::abs(merged - adapted), model);
            run.weight_format = WeightFormat::dense;
            QVERIFY(!run_of(run).outcome.merge_error);
        }
    }

    void weights_in_blocks_are_trained_beside_and_never_themselves() {
        RunConfig run = tiny_qlora();
        const ModelConfig model = load_model_config(run.model);
        QCOMPARE(impossible(run, model).value_or(""), std::string());
        run.lora_rank = 0;
        QCOMPARE(impossible(run, model).value_or(""),
                 std::string("weight_format nf4_dq needs a task other than train or, but for 2:4, "
                             "adapters (lora_rank)"));
    }
};

SWEETSPOT_TEST(QloraTest)
#include "qlora_test.moc"
