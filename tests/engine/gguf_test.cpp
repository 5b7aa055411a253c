#include "engine/config/gguf_model.h"
#include "kernels/core/weight_format.h"
#include "tests/engine/files.h"
#include "tests/engine/gguf_bytes.h"
#include "tests/engine/golden.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <random>

using namespace sweetspot;
using files::error_of;

static const std::string golden_folder = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// llama.cpp's files: what they hold comes out as it is, and what is wrong with them is named.
class GgufTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    std::string written(const GgufBytes& file, std::size_t cut = 0) {
        const std::string all = file.bytes();
        const auto path = folder_.filePath("model.gguf").toStdString();
        return files::written(path, all.substr(0, all.size() - cut));
    }
    static void load(const std::string& path) {
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        const RunConfig run{{.model = path}};
        LoadedWeights loaded = weights_for(run, load_model_config(path), context);
        loaded.weights = {}; // before the allocator goes
    }

private slots:
    void decoded_blocks_are_ggufs_to_the_bit_data() {
        QTest::addColumn<WeightFormat>("format");
        for (std::size_t i = 1; i < names_of(WeightFormat{}).size(); ++i)
            if (const auto format = WeightFormat(i);
                format != WeightFormat::int8 && format != WeightFormat::int4 &&
                format != WeightFormat::nf4_dq && !stores_two_of_four(format))
                QTest::newRow(names_of(format)[i].data()) << format;
    }
    void decoded_blocks_are_ggufs_to_the_bit() {
        QFETCH(WeightFormat, format);
        const StoredTensors stored = open_weights(golden_folder + "gguf/blocks.safetensors");
        const std::string name(names_of(format)[std::size_t(format)]);
        const auto blocks = stored.tensors.at(name + ".blocks").bytes;
        const auto expected = stored.tensors.at(name + ".numbers").bytes;
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(blocks.data());
        std::vector<float> numbers(expected.size() / sizeof(float));
        QCOMPARE(block_bytes(format, std::int64_t(numbers.size())), blocks.size());
        dequantise(format, bytes, numbers);
        QCOMPARE(std::memcmp(numbers.data(), expected.data(), expected.size()), 0);
        const bool random_blocks = name.ends_with("_k");
        if (random_blocks) return;
        // And what gguf made of the numbers is what we make of them.
        const auto given = stored.tensors.at("numbers").bytes;
        std::vector<float> x(given.size() / sizeof(float));
        std::memcpy(x.data(), given.data(), given.size());
        std::vector<std::uint8_t> made(blocks.size());
        quantise(format, x, made.data());
        QCOMPARE(std::memcmp(made.data(), bytes, made.size()), 0);
    }

    void a_number_is_off_by_half_a_step_at_most_data() {
        QTest::addColumn<WeightFormat>("format");
        QTest::addColumn<double>("most"); ///< root mean square of the errors of normal numbers
        // Steps of the codes: uniform ones over ±3 deviations have step / √12.
        const std::pair<WeightFormat, double> all[] = {
            {WeightFormat::int8, 0.008}, {WeightFormat::int4, 0.10},  {WeightFormat::nf4, 0.10},
            {WeightFormat::q8_0, 0.007}, {WeightFormat::q4_0, 0.10},  {WeightFormat::q4_1, 0.09},
            {WeightFormat::q5_0, 0.05},  {WeightFormat::q5_1, 0.045}, {WeightFormat::q4_k, 0.09},
            {WeightFormat::q5_k, 0.045}, {WeightFormat::q6_k, 0.025}};
        for (const auto& [format, most] : all)
            QTest::newRow(names_of(format)[std::size_t(format)].data()) << format << most;
    }
    void a_number_is_off_by_half_a_step_at_most() {
        QFETCH(WeightFormat, format);
        QFETCH(double, most);
        std::mt19937 generator(3);
        std::normal_distribution<float> normal;
        std::vector<float> x(256 * 64), y(x.size());
        for (float& number : x) number = normal(generator);
        std::fill_n(x.begin(), 256, 0.0f);
        std::vector<std::uint8_t> blocks(block_bytes(format, std::int64_t(x.size())));
        quantise(format, x, blocks.data());
        dequantise(format, blocks.data(), y);
        double error = 0;
        for (std::size_t i = 0; i < x.size(); ++i)
            error += double(y[i] - x[i]) * double(y[i] - x[i]);
        error = std::sqrt(error / double(x.size()));
        QVERIFY2(error < most && error > most / 3, qPrintable(QString::number(error)));
        QVERIFY(std::all_of(y.begin(), y.begin() + 256, [](float zero) { return zero == 0; }));
    }

    void rows_that_blocks_do_not_divide_fall_back_as_llama_cpp_does() {
        using enum WeightFormat;
        QCOMPARE(format_for(q4_k, 768), q4_k);
        QCOMPARE(format_for(q4_k, 320), q5_0); // ESM-2 8M
        QCOMPARE(format_for(q5_k, 480), q5_1);
        QCOMPARE(format_for(q6_k, 640), q8_0);
        QCOMPARE(format_for(q8_0, 172), dense); // stories260K's MLP
        QCOMPARE(format_for(nf4, 480), q4_0);
        QCOMPARE(format_for(int8, 96), q8_0);
        QCOMPARE(format_for(int4, 33), dense);
    }

    void nf4s_values_are_quantiles_of_the_normal_distribution() {
        // Eight from 0.9677083 down to the middle, seven mirrored, and 0; divided by the greatest.
        const auto quantile = [](double p) { // by bisection
            double low = -8, high = 8;
            for (int i = 0; i < 80; ++i)
                (std::erfc(-(low + high) / 2 / std::sqrt(2.0)) / 2 < p ? low : high) =
                    (low + high) / 2;
            return low;
        };
        constexpr double first = 0.9677083;
        const double greatest = quantile(first);
        for (int i = 0; i < 8; ++i)
            QVERIFY(std::abs(quantile(first + i * (0.5 - first) / 8) / greatest -
                             double(nf4_values[std::size_t(15 - i)])) < 2e-7);
        for (int i = 0; i < 7; ++i)
            QVERIFY(std::abs(-quantile(first + i * (0.5 - first) / 7) / greatest -
                             double(nf4_values[std::size_t(i)])) < 2e-7);
        QCOMPARE(nf4_values[7], 0.0f);
    }

    void a_model_in_gguf_has_the_logits_of_its_safetensors_data() {
        QTest::addColumn<Precision>("precision");
        QTest::addColumn<Layout>("layout");
        for (const auto precision : {Precision::f32, Precision::bf16})
            for (const auto layout : {Layout::padded, Layout::ragged})
                QTest::addRow("%s %s", to_text(precision).c_str(), to_text(layout).c_str())
                    << precision << layout;
    }
    void a_model_in_gguf_has_the_logits_of_its_safetensors() {
        QFETCH(Precision, precision);
        QFETCH(Layout, layout);
        const Batch batch = golden::Outputs("llama-tiny").sequences();
        RunConfig run{{.model = golden_folder + "llama-tiny"},
                      {},
                      {.layout = layout, .precision = precision}};
        const auto expected = golden::all_logits(run, batch);
        run.model = golden_folder + "gguf/llama-f32.gguf";
        QVERIFY(golden::all_logits(run, batch) == expected);
    }

    void blocks_of_all_types_have_pytorchs_logits() {
        const golden::Outputs outputs("gguf");
        Batch batch;
        batch.rows.push_back(outputs.ids("ids"));
        for (const char* model : {"gguf/llama-mixed.gguf", "llama-tiny"}) {
            RunConfig run{{.model = golden_folder + model,
                           .weights = golden_folder + "gguf/llama-mixed.gguf"}};
            const auto off =
                golden::difference(golden::all_logits(run, batch), outputs.floats("logits"));
            QVERIFY2(off.relative < 2e-5, qPrintable(QString::number(off.relative)));
        }
    }

    void a_plan_knows_the_memory_that_decoding_takes() {
        const RunConfig run{{.model = golden_folder + "gguf/llama-mixed.gguf", .threads = 2}};
        HostAllocator host;
        PlanAllocator plan;
        const auto peak_of = [&](Stream stream, Allocator& allocator) {
            Context context(stream, allocator);
            const auto work = make_workload(run, context);
            work->run_phase(0);
            return allocator.use();
        };
        const auto used = peak_of(CpuStream{.threads = 2}, host);
        const auto planned = peak_of(PlanStream{.threads = 2}, plan);
        QCOMPARE(planned.peak_total, used.peak_total);
        QVERIFY(planned.at_peak == used.at_peak);
    }

    void a_small_file_by_hand_is_read() {
        const auto path = written(small_gguf());
        const ModelConfig model = load_model_config(path);
        QCOMPARE(model.name, std::string("model"));
        QCOMPARE(model.vocabulary, 3);
        QCOMPARE(model.head_size, 32);
        QCOMPARE(model.norm_epsilon, 1e-5);
        QCOMPARE(model.rotary_base, 10000.0);
        QVERIFY(model.tied_head);
        QCOMPARE(error_of([&] { load(path); }), QString("no error"));
    }

    void what_is_wrong_with_a_file_is_named_data() {
        QTest::addColumn<std::string>("bytes");
        QTest::addColumn<QString>("error");
        const auto row = [](const char* error, auto spoil) {
            GgufBytes file = small_gguf();
            spoil(file);
            QTest::newRow(error) << file.bytes() << QString(error);
        };
        using F = GgufBytes;
        const std::string square = F::shape(32, 32);
        row("file: not a GGUF file", [](F& f) { f.magic = 0x47475546; });
        row("unsupported: GGUF of version 1; 2 and 3 are read", [](F& f) { f.version = 1; });
        row("unsupported: a GGUF file of a big-endian machine",
            [](F& f) { f.version = 0x03000000; });
        row("file: truncated or damaged: it would have 1099511627776 entries",
            [](F& f) { f.entries = 1ull << 40; });
        row("file: truncated or damaged: it would have 1099511627776 tensors",
            [](F& f) { f.tensors = 1ull << 40; });
        row("file: \"llama.block_count\" is there twice",
            [](F& f) { f.integer("llama.block_count", 1); });
        row("file: \"x\" is of a type that GGUF has not: 13", [](F& f) { f.entry("x", 13, ""); });
        row("unsupported: \"x\" is an array of arrays",
            [](F& f) { f.entry("x", 9, F::of(9u) + F::of(std::uint64_t(1))); });
        row("file: truncated or damaged: it would have 4294967295 texts",
            [](F& f) { f.entry("x", 9, F::of(8u) + F::of(std::uint64_t(0xffffffff))); });
        row("file: \"x\" is neither true nor false", [](F& f) { f.entry("x", 7, "\2"); });
        row("file: its alignment of 24 bytes is no power of two",
            [](F& f) { f.integer("general.alignment", 24); });
        row("unsupported: is one of 2 parts of a model", [](F& f) { f.integer("split.count", 2); });
        row("file: tensor \"x\": it has 5 dimensions",
            [](F& f) { f.tensor("x", F::shape(1, 1, 1, 1, 1), 0, 4); });
        row("file: tensor \"x\": a dimension of 0", [](F& f) { f.tensor("x", F::shape(0), 0, 0); });
        row("file: tensor \"x\": a dimension of 4294967296",
            [](F& f) { f.tensor("x", F::shape(1ull << 40, 1ull << 32), 0, 4); });
        row("file: tensor \"output_norm.weight\": it is there twice",
            [](F& f) { f.tensor("output_norm.weight", F::shape(32), 0, 128); });
        row("file: tensor \"x\": there is no type of number 99",
            [](F& f) { f.tensor("x", F::shape(32), 99, 4); });
        row("unsupported: tensor \"x\": its type Q2_K is not read; F32, F16, BF16, Q4_0",
            [](F& f) { f.tensor("x", F::shape(256), 10, 84); });
        row("file: tensor \"x\": rows of 33 are no whole blocks of Q4_0",
            [](F& f) { f.tensor("x", F::shape(33), 2, 18); });
        row("file: tensor \"x\": truncated: it is larger than the file",
            [](F& f) { f.tensor("x", F::shape(1 << 20), 0, 4); });
        row("file: tensor \"x\": its data begin at byte 18944, but those before it end at 18880",
            [](F& f) { f.tensor("x", F::shape(8), 0, 32, 64); });
        row("file: 64 bytes follow the last tensor",
            [](F& f) { f.tensor("x", F::shape(8), 0, 32 + 64); });
        row("file: tensor \"x\": its data end at byte",
            [](F& f) { f.tensor("x", F::shape(64), 0, 128); });
        row("file: there is no general.architecture", [](F& f) {
            f = F();
            f.text("general.name", "x");
        });
        row("unsupported: the architecture gemma2 is not read, which has norms behind attention "
            "and MLP, and softened scores; llama, qwen2, qwen3 are read",
            [](F& f) {
                f = F();
                f.text("general.architecture", "gemma2");
            });
        row("unsupported: the architecture new is not known; llama, qwen2, qwen3 are read",
            [](F& f) {
                f = F();
                f.text("general.architecture", "new");
            });
        row("file: \"llama.block_count\" is missing", [](F& f) {
            f = F();
            f.text("general.architecture", "llama");
        });
        row("unsupported: \"llama.logit_scale\" is not known, and might change what is computed",
            [](F& f) { f.real("llama.logit_scale", 2); });
        row("unsupported: what \"llama.expert_count\" asks for is not computed",
            [](F& f) { f.integer("llama.expert_count", 8); });
        row("unsupported: rotary positions scaled by \"longrope\" are not computed",
            [](F& f) { f.text("llama.rope.scaling.type", "longrope"); });
        row("unsupported: rope.scaling.factor is 4, but no type is",
            [](F& f) { f.real("llama.rope.scaling.factor", 4); });
        row("file: tensor \"rope_freqs.weight\" is [15], but model needs [16]",
            [](F& f) { f.tensor("rope_freqs.weight", F::shape(15), 0, 60); });
        row("file: the value of \"llama.rope.freq_base\" is of another kind",
            [](F& f) { f.integer("llama.rope.freq_base", 10000); });
        row("unsupported: \"llama.attention.head_count_kv\" differs from layer to layer", [](F& f) {
            f.entry("llama.attention.head_count_kv", 9,
                    F::of(4u) + F::of(std::uint64_t(1)) + F::of(1u));
        });
        row("bad_input: heads (1) must be a multiple of kv_heads (3)",
            [](F& f) { f.integer("llama.attention.head_count_kv", 3); });
        row("file: 1 of its tensors have no place in model, the first is "
            "\"model.layers.0.self_attn.q_proj.bias\"",
            [](F& f) { f.tensor("blk.0.attn_q.bias", F::shape(32), 0, 128); });
        row("file: tensor \"lm_head.weight\" is [4, 32], but model needs [3, 32]",
            [](F& f) { f.tensor("output.weight", F::shape(32, 4), 0, 4 * 32 * 4); });
    }
    void what_is_wrong_with_a_file_is_named() {
        QFETCH(std::string, bytes);
        QFETCH(QString, error);
        const auto path = folder_.filePath("model.gguf").toStdString();
        files::written(path, bytes);
        QString said = error_of([&] { load(path); });
        said.replace(QString::fromStdString(path) + ": ", "");
        QVERIFY2(said.startsWith(error), qPrintable(said));
    }

    void a_damaged_file_is_read_or_refused() {
        const std::string all = small_gguf().bytes();
        std::mt19937 generator(4);
        int refused = 0;
        for (int i = 0; i < 1000; ++i) {
            std::string bytes = all;
            for (auto damage = generator() % 3 + 1; damage > 0; --damage)
                bytes[generator() % 1500] = char(generator() % 3 ? generator() : 255);
            const auto path = files::written(folder_.filePath("bad.gguf").toStdString(), bytes);
            const QString said = error_of([&] { load(path); });
            refused += said != "no error";
            QVERIFY2(said == "no error" || said.startsWith("file: ") ||
                         said.startsWith("unsupported: ") || said.startsWith("bad_input: "),
                     qPrintable(said));
        }
        QVERIFY(refused > 300);
    }

    void a_file_cut_anywhere_is_refused() {
        const std::string all = small_gguf().bytes();
        for (std::size_t size = 0; size < all.size(); size += size < 1500 ? 1 : 97) {
            const auto path =
                files::written(folder_.filePath("cut.gguf").toStdString(), all.substr(0, size));
            const QString said = error_of([&] { load(path); });
            QVERIFY2(said.startsWith("file: "), qPrintable(QString::number(size) + ": " + said));
        }
    }
};

SWEETSPOT_TEST(GgufTest)
#include "gguf_test.moc"
