#include "engine/config/possible.h"
#include "tests/engine/golden.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

static const std::string golden_folder = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// Models whose linear layers are stored in blocks.
class WeightFormatTest : public QObject {
    Q_OBJECT

    static RunConfig config_of(const std::string& model, WeightFormat format) {
        return {{.model = golden_folder + model, .threads = 2}, {}, {.weight_format = format}};
    }
    /// Root mean square of the differences over that of what was expected.
    static double error_of(const std::vector<float>& found, const std::vector<float>& expected) {
        double off = 0, all = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            off += std::pow(double(found[i]) - double(expected[i]), 2);
            all += std::pow(double(expected[i]), 2);
        }
        return std::sqrt(off / all);
    }

private slots:
    void logits_come_nearer_with_more_bits_data() {
        QTest::addColumn<QString>("model");
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-tiny"})
            QTest::newRow(model) << model;
    }
    void logits_come_nearer_with_more_bits() {
        QFETCH(QString, model);
        const Batch batch = golden::Outputs(model.toStdString()).sequences();
        const auto logits_in = [&](WeightFormat format) {
            return golden::all_logits(config_of(model.toStdString(), format), batch);
        };
        const auto exact = logits_in(WeightFormat::dense);
        using enum WeightFormat;
        const double eight = error_of(logits_in(q8_0), exact),
                     five = error_of(logits_in(q5_1), exact),
                     four = error_of(logits_in(q4_1), exact);
        QVERIFY2(0 < eight && eight < 0.03 && 3 * eight < five && 1.5 * five < four && four < 0.5,
                 qPrintable(QString("%1 %2 %3").arg(eight).arg(five).arg(four)));
        for (const auto format : {int8, int4, nf4, nf4_dq, q4_0, q5_0, q4_k, q5_k, q6_k})
            QVERIFY(error_of(logits_in(format), exact) < 0.5);
    }

    void few_rows_and_many_compute_the_same_data() {
        QTest::addColumn<WeightFormat>("format");
        for (std::size_t i = 1; i < names_of(WeightFormat{}).size(); ++i)
            QTest::newRow(names_of(WeightFormat{})[i].data()) << WeightFormat(i);
    }
    void few_rows_and_many_compute_the_same() {
        QFETCH(WeightFormat, format);
        if (stores_two_of_four(format)) return; // its weights have more
        const RunConfig run = config_of("llama-tiny", format);
        const Batch all = golden::Outputs("llama-tiny").sequences();
        Batch few{{{all.rows[2].begin(), all.rows[2].begin() + 5}}}, many = few;
        for (int i = 0; i < 7; ++i) many.rows.push_back(few.rows[0]);
        const auto alone = golden::all_logits(run, few);
        auto together = golden::all_logits(run, many);
        together.resize(alone.size());
        QVERIFY(error_of(together, alone) < 2e-6);
    }

    void what_a_file_has_in_blocks_stays_as_it_is() {
        const std::string file = golden_folder + "gguf/llama-mixed.gguf";
        const StoredTensors stored = open_weights(file);
        const ModelConfig model = load_model_config(file);
        int seen = 0;
        for (const auto format : {WeightFormat::q4_0, WeightFormat::q5_1, WeightFormat::q8_0}) {
            RunConfig run{{.model = file, .threads = 1}, {}, {.weight_format = format}};
            HostAllocator allocator;
            Context context(CpuStream{.threads = 1}, allocator);
            const LoadedWeights loaded = weights_for(run, model, context);
            for (int layer = 0; layer < model.layers; ++layer)
                for (const auto& [part, name] :
                     {std::pair(Part::down, "mlp.down_proj"),
                      std::pair(Part::attention_output, "self_attn.o_proj")}) {
                    const auto& there = stored.tensors.at("model.layers." + std::to_string(layer) +
                                                          "." + name + ".weight");
                    if (there.format != format) continue;
                    visit_part_of_block(
                        loaded.weights.blocks[std::size_t(layer)], part, [&](const auto& member) {
                            if constexpr (requires { member.weight; }) {
                                QCOMPARE(member.weight.in().bytes(), there.bytes.size());
                                QCOMPARE(std::memcmp(member.weight.in().data, there.bytes.data(),
                                                     there.bytes.size()),
                                         0);
                                ++seen;
                            }
                        });
                }
        }
        QVERIFY(seen > 0);
    }

    void a_plan_knows_their_memory_data() {
        QTest::addColumn<RunConfig>("run");
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-tiny", "gguf/llama-mixed.gguf"})
            for (const auto format : {WeightFormat::q8_0, WeightFormat::nf4_dq, WeightFormat::q4_k})
                for (const auto task : {Task::forward, Task::perplexity, Task::generate})
                    for (const auto& [precision, activations] :
                         {std::pair(Precision::f32, ActivationFormat::precision),
                          {Precision::bf16, ActivationFormat::precision},
                          {Precision::f32, ActivationFormat::q8_0},
                          {Precision::bf16, ActivationFormat::q8_0}}) {
                        if (task == Task::generate && std::string(model) == "esm2-tiny") continue;
                        RunConfig run = config_of(model, format);
                        run.task = task;
                        run.precision = precision;
                        run.activation_format = activations;
                        run.new_tokens = 3;
                        run.batch = 2;
                        run.sequence = 40;
                        QTest::addRow("%s %s %s %s %s", model, to_text(format).c_str(),
                                      to_text(task).c_str(), to_text(precision).c_str(),
                                      to_text(activations).c_str())
                            << run;
                    }
    }
    void a_plan_knows_their_memory() {
        QFETCH(RunConfig, run);
        HostAllocator host;
        PlanAllocator plan;
        const auto used = [](const RunConfig& config, Stream stream, Allocator& allocator) {
            Context context(stream, allocator);
            const auto work = make_workload(config, context);
            for (std::size_t phase = 0; phase < work->phases().size(); ++phase)
                work->run_phase(phase);
            return allocator.use();
        };
        const auto computed = used(run, CpuStream{.threads = 2}, host);
        run.device = DeviceKind::plan;
        const auto planned = used(run, PlanStream{.threads = 2}, plan);
        QCOMPARE(planned.peak_total, computed.peak_total);
        QVERIFY(planned.at_peak == computed.at_peak);
    }

    void weights_take_as_many_bytes_as_their_blocks() {
        const auto weights_of_run = [](WeightFormat format) {
            HostAllocator allocator;
            Context context(CpuStream{.threads = 1}, allocator);
            const auto work = make_workload(config_of("llama-tiny", format), context);
            return allocator.use().live[std::size_t(Purpose::weights)];
        };
        // Two layers of 64 wide with 2 · 16 keys and values, MLP 96, and a head of 128 tokens.
        const std::size_t in_blocks = 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 96 * 64),
                          head = 128 * 64;
        const std::size_t dense = weights_of_run(WeightFormat::dense);
        const std::size_t packed = weights_of_run(WeightFormat::q4_0);
        // Dense ones are filled up to blocks of 64 rows.
        const std::size_t filled = 2 * (128 * 64 + 64 * 64 + 192 * 64 + 64 * 96);
        QCOMPARE(dense - packed, (filled + head) * 4 - in_blocks * 18 / 32 - head * 34 / 32);
    }

    void what_falls_back_is_said() {
        const auto note = [](const char* model, WeightFormat format) {
            return format_note(format, load_model_config(golden_folder + model));
        };
        using enum WeightFormat;
        QCOMPARE(note("llama-tiny", dense), std::string());
        QCOMPARE(note("gpt2-tiny", q4_0), std::string("q4_0; head dense")); // it is tied
        QCOMPARE(note("llama-tiny", q4_0), std::string("q4_0; head in q8_0"));
        QCOMPARE(note("llama-tiny", nf4_dq),
                 std::string("nf4_dq; down in q4_0: its rows of 96 are no whole blocks; "
                             "head dense"));
        QCOMPARE(
            note("esm2-tiny", q4_k),
            std::string(
                "q4_k; query_key_value in q5_0: its rows of 64 are no whole blocks; "
                "attention_output in q5_0: its rows of 64 are no whole blocks; "
                "up in q5_0: its rows of 64 are no whole blocks; head_dense dense; head dense"));
    }

    void the_row_says_how_far_each_layer_is_off() {
        // Of normal numbers a block of 32 in 16 steps loses some 8.6 %, in 255 some 0.54 %.
        for (const auto& [format, share] : {std::pair(WeightFormat::q4_0, R"(8\.\d+)"),
                                            std::pair(WeightFormat::q8_0, R"(0\.5\d*)"),
                                            std::pair(WeightFormat::nf4_dq, R"([89]\.\d+)")}) {
            const QString note = outcome_of(config_of("llama-tiny", format)).weight_note.c_str();
            const QString pattern = QString("; weights off by %1 %, by layer %1, %1 %$").arg(share);
            QVERIFY2(note.contains(QRegularExpression(pattern)), qPrintable(note));
        }
    }

    void where_they_are_not_computed_is_said() {
        RunConfig run = config_of("llama-tiny", WeightFormat::q4_0);
        const ModelConfig model = load_model_config(run.model);
        for (const auto device : {DeviceKind::cpu, DeviceKind::cuda, DeviceKind::plan}) {
            run.device = device;
            run.plan_for = PlanFor::cuda;
            QCOMPARE(impossible(run, model).value_or(""), std::string());
        }
        run.fusion = Fusion::mlp_norm;
        QCOMPARE(impossible(run, model).value_or(""),
                 std::string("fusion mlp_norm reads dense weights; weight_format is q4_0"));
        run = config_of("llama-tiny", WeightFormat::q4_0);
        run.task = Task::train;
        QCOMPARE(impossible(run, model).value_or(""),
                 std::string("weight_format q4_0 needs a task other than train or, but for 2:4, "
                             "adapters (lora_rank)"));
    }
};

SWEETSPOT_TEST(WeightFormatTest)
#include "weight_format_test.moc"
