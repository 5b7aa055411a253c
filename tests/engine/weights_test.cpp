#include "engine/config/catalogue.h"
#include "engine/weights/open_model.h"
#include "tests/engine/files.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>

using namespace sweetspot;
using files::error_of;

static const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// Counts what a model asks for.
class CountingSource : public WeightSource {
public:
    std::vector<In> find(const Parameter& parameter) override {
        const std::int64_t rows = parameter.total_rows();
        const Shape shape = parameter.columns ? Shape{rows, parameter.columns} : Shape{rows};
        const bool again = parameter.part == Part::tokens && tokens_seen_;
        tokens_seen_ |= parameter.part == Part::tokens;
        if (!again) count += shape.count();
        return {{nullptr, shape, DType::f32}};
    }
    std::int64_t count = 0;

private:
    bool tokens_seen_ = false;
};

class WeightsTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string path(const char* name) { return folder_.filePath(name).toStdString(); }

    /// A copy of a golden model whose weights are these bytes.
    std::string model_with(const std::string& bytes) {
        return files::written(path("changed.safetensors"), bytes);
    }
    static Weights load(const std::string& model, const std::string& weights) {
        HostAllocator allocator; // outlives the weights only where the call throws
        Context context(CpuStream{.threads = 2}, allocator);
        return weights_for({{.model = model, .weights = weights}}, load_model_config(model),
                           context)
            .weights;
    }

private slots:
    void a_model_asks_for_as_many_numbers_as_the_formula_says();
    void every_part_of_a_model_is_loaded_and_has_names_in_files();
    void a_file_cut_anywhere_is_refused();
    void malformed_safetensors_are_refused_data();
    void malformed_safetensors_are_refused();
    void a_missing_tensor_is_named();
    void a_tensor_of_another_shape_is_named_with_both_shapes();
    void a_tensor_without_a_place_is_named();
    void another_models_description_is_refused();
    void a_path_that_is_no_weights_is_refused();
    void a_cut_llama2c_file_names_the_tensor();
    void a_llama2c_file_that_is_too_long_is_refused();
    void provenance_of_one_file_is_its_hash();
    void provenance_of_shards_is_the_hash_of_their_hashes();
    void a_plan_reads_no_weights();
    void drawn_weights_depend_on_the_seed_and_not_on_the_threads();
    void drawn_weights_have_the_published_spread();
    void the_studys_draws_are_uniform();
};

void WeightsTest::a_model_asks_for_as_many_numbers_as_the_formula_says() {
    for (const auto& name : model_names()) {
        const ModelConfig model = load_model_config(name);
        PlanAllocator allocator;
        Context context(PlanStream{}, allocator);
        CountingSource source;
        load_weights(model, RunConfig{}, source, context);
        QVERIFY2(source.count == parameter_count(model), name.c_str());
    }
}

void WeightsTest::every_part_of_a_model_is_loaded_and_has_names_in_files() {
    for (const auto& name : model_names()) {
        const ModelConfig model = load_model_config(name);
        PlanAllocator allocator;
        Context context(PlanStream{}, allocator);
        CountingSource source;
        const Weights weights = load_weights(model, RunConfig{}, source, context);
        each_place(model.layers, [&](Part part, int layer) {
            const auto expected = part_of(model, part, layer);
            std::size_t tensors = 0;
            visit_part(weights, part, layer, [&](const auto& member) {
                each_tensor(member, [&](const Tensor&) { ++tensors; });
            });
            QCOMPARE(tensors, std::size_t(expected ? expected->held + expected->bias : 0));
            if (!expected) return;
            const auto names = names_in_files(model.family, part, layer);
            QVERIFY2(names.size() == 1 || names.size() == expected->weight.rows.size(),
                     names_of(part)[std::size_t(part)].data());
        });
    }
}

void WeightsTest::a_file_cut_anywhere_is_refused() {
    const std::string whole = files::read(golden + "gpt2-bare/model.safetensors");
    for (const std::size_t bytes : {std::size_t(0), std::size_t(7), std::size_t(8),
                                    std::size_t(200), whole.size() / 2, whole.size() - 1}) {
        const auto cut = model_with(whole.substr(0, bytes));
        const QString error = error_of([&] { load(golden + "gpt2-bare", cut); });
        QVERIFY2(error.startsWith(QString::fromStdString("file: " + cut + ": ")) &&
                     error.contains("truncated"),
                 qPrintable(error));
    }
}

void WeightsTest::malformed_safetensors_are_refused_data() {
    QTest::addColumn<QString>("header");
    QTest::addColumn<int>("bytes");
    QTest::addColumn<QString>("reason");
    QTest::newRow("no object") << "[1]" << 0 << "the header is a list, not an object";
    QTest::newRow("no dtype") << R"({"a": {"shape": [1], "data_offsets": [0, 4]}})" << 4
                              << "tensor \"a\": its dtype, shape or data_offsets are missing or "
                                 "malformed";
    QTest::newRow("backwards") << R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}})"
                               << 4 << "tensor \"a\": its data_offsets are not [begin, end]";
    QTest::newRow("beyond the end")
        << R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})" << 4
        << "tensor \"a\": truncated: its data end at byte 8 of 4";
    QTest::newRow("size") << R"({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 8]}})"
                          << 8 << "tensor \"a\": F32 [2, 3] needs 24 bytes, not 8";
    QTest::newRow("negative") << R"({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})"
                              << 8 << "tensor \"a\": its shape is [-2]";
    QTest::newRow("overflow")
        << R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 8]}})"
        << 8 << "tensor \"a\": its shape is [4294967296, 4294967296]";
}
void WeightsTest::malformed_safetensors_are_refused() {
    QFETCH(QString, header);
    QFETCH(int, bytes);
    QFETCH(QString, reason);
    const auto file = model_with(files::safetensors(header.toStdString(), std::size_t(bytes)));
    QCOMPARE(error_of([&] { open_weights(file); }),
             QString::fromStdString("file: " + file + ": ") + reason);
}

void WeightsTest::a_missing_tensor_is_named() {
    std::string bytes = files::read(golden + "gpt2-bare/model.safetensors");
    bytes.replace(bytes.find("h.0.ln_2.bias"), 13, "h.0.ln_9.bias");
    const auto file = model_with(bytes);
    QCOMPARE(error_of([&] { load(golden + "gpt2-bare", file); }),
             QString::fromStdString("file: " + file +
                                    ": tensor \"h.0.ln_2.bias\" of gpt2-bare is missing"));
}

void WeightsTest::a_tensor_of_another_shape_is_named_with_both_shapes() {
    const auto file = model_with(files::read(golden + "gpt2-bare/model.safetensors"));
    const auto config = files::written(
        path("wider.json"),
        R"({"name": "wider", "family": "gpt2", "layers": 1, "width": 32, "heads": 2, "mlp_width": 64,
            "vocabulary": 96, "positions": 128, "position": "learned", "mlp": "gelu_tanh",
            "causal": true, "bias": true, "tied_head": true})");
    QCOMPARE(error_of([&] { load(config, file); }),
             QString::fromStdString("file: " + file +
                                    ": tensor \"h.0.mlp.c_fc.weight\" is "
                                    "[32, 128], but wider needs [32, 64]"));
}

void WeightsTest::a_tensor_without_a_place_is_named() {
    const auto file = model_with(files::read(golden + "llama-tiny/model.safetensors"));
    const auto config = files::written(
        path("shallow.json"),
        R"({"name": "shallow", "family": "llama", "layers": 1, "width": 64, "heads": 4, "kv_heads": 2,
            "mlp_width": 96, "vocabulary": 128, "positions": 128, "norm": "rms", "mlp": "swiglu",
            "causal": true})");
    QCOMPARE(error_of([&] { load(config, file); }),
             QString::fromStdString("file: " + file +
                                    ": 9 of its tensors have no place in shallow, the first is "
                                    "\"model.layers.1.input_layernorm.weight\""));
}

void WeightsTest::another_models_description_is_refused() {
    QCOMPARE(error_of([&] { load("gpt2", golden + "gpt2-tiny"); }),
             QString::fromStdString("bad_input: " + golden +
                                    "gpt2-tiny/config.json: its layers is 2, but that of gpt2 is "
                                    "12"));
}

void WeightsTest::a_path_that_is_no_weights_is_refused() {
    QCOMPARE(error_of([] { open_weights("no/such/folder"); }),
             "bad_input: weights: there is no file or folder \"no/such/folder\", and it is not the "
             "word \"random\"");
    QVERIFY(error_of([&] { open_weights(folder_.path().toStdString()); })
                .endsWith("the folder has neither model.safetensors nor "
                          "model.safetensors.index.json; --weights random draws them"));
    QVERIFY(error_of([] { open_weights(golden + "README.md"); }).startsWith("bad_input: "));
}

static std::string llama2c(std::size_t extra_bytes) {
    const std::int32_t header[7] = {4, 6, 1, 2, 1, 5, 3};
    // tokens 20, norms 3 x 4, q 16, k and v 8 each, o 16, MLP 3 x 24
    const std::size_t numbers = 20 + 12 + 16 + 16 + 16 + 72;
    const float turns[] = {1, std::cos(1.0f), std::cos(2.0f), 0, std::sin(1.0f), std::sin(2.0f)};
    return std::string(reinterpret_cast<const char*>(header), sizeof header) +
           std::string(numbers * 4, '\0') +
           std::string(reinterpret_cast<const char*>(turns), sizeof turns) +
           std::string(extra_bytes, '\0');
}

void WeightsTest::a_cut_llama2c_file_names_the_tensor() {
    const auto whole = files::written(path("whole.bin"), llama2c(0));
    QCOMPARE(open_weights(whole).tensors.size(), std::size_t(11));
    const auto cut = files::written(path("cut.bin"), llama2c(0).substr(0, 28 + 90));
    QCOMPARE(error_of([&] { open_weights(cut); }),
             QString::fromStdString("file: " + cut +
                                    ": truncated: tensor \"model.layers.0.input_layernorm.weight\" "
                                    "[4] ends at byte 124 of 118"));
}

void WeightsTest::a_llama2c_file_that_is_too_long_is_refused() {
    const auto file = files::written(path("long.bin"), llama2c(8));
    QCOMPARE(
        error_of([&] { open_weights(file); }),
        QString::fromStdString("file: " + file + ": 8 bytes too long for the sizes in its header"));
}

void WeightsTest::provenance_of_one_file_is_its_hash() {
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    const std::string model = golden + "gpt2-bare";
    const auto loaded =
        weights_for({{.model = model, .weights = model}}, load_model_config(model), context);
    QVERIFY(loaded.provenance.loaded);
    QCOMPARE(loaded.provenance.path, model);
    QFile file(QString::fromStdString(model + "/model.safetensors"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const auto hash = QCryptographicHash::hash(file.readAll(), QCryptographicHash::Sha256).toHex();
    QCOMPARE(QByteArray::fromStdString(loaded.provenance.sha256), hash);
}

void WeightsTest::provenance_of_shards_is_the_hash_of_their_hashes() {
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    const std::string model = golden + "llama-sharded";
    const auto loaded =
        weights_for({{.model = model, .weights = model}}, load_model_config(model), context);
    QByteArray hashes;
    for (const char* shard : {"1", "2"}) {
        QFile file(QString::fromStdString(model) + "/model-0000" + shard + "-of-00002.safetensors");
        QVERIFY(file.open(QIODevice::ReadOnly));
        hashes += QCryptographicHash::hash(file.readAll(), QCryptographicHash::Sha256).toHex();
    }
    QCOMPARE(QByteArray::fromStdString(loaded.provenance.sha256),
             QCryptographicHash::hash(hashes, QCryptographicHash::Sha256).toHex());
}

void WeightsTest::a_plan_reads_no_weights() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    const std::string model = golden + "gpt2-bare";
    const auto loaded =
        weights_for({{.model = model, .weights = model}}, load_model_config(model), context);
    QVERIFY(loaded.provenance.loaded && loaded.provenance.sha256.empty());
    QVERIFY(allocator.use().live_total > 0);
}

static std::vector<float> drawn(const ModelConfig& model, std::int64_t seed, int threads,
                                const Parameter& parameter) {
    HostAllocator allocator;
    Context context(CpuStream{.threads = threads}, allocator);
    DrawnWeights source(model, seed, context);
    const In y = source.find(parameter)[0];
    return {y.as<float>(), y.as<float>() + y.shape.count()};
}

static const Parameter a_matrix{.part = Part::up, .layer = 1, .rows = {600}, .columns = 320};

void WeightsTest::drawn_weights_depend_on_the_seed_and_not_on_the_threads() {
    const ModelConfig model = load_model_config("esm2-8m");
    const auto once = drawn(model, 7, 1, a_matrix);
    QVERIFY(once == drawn(model, 7, 3, a_matrix));
    QVERIFY(once != drawn(model, 8, 1, a_matrix));
    Parameter other = a_matrix;
    other.layer = 2;
    QVERIFY(once != drawn(model, 7, 1, other));
    QCOMPARE(once[0], drawn(model, 7, 2, a_matrix)[0]);
}

void WeightsTest::drawn_weights_have_the_published_spread() {
    const ModelConfig model = load_model_config("esm2-8m");
    const auto values = drawn(model, 1, 2, a_matrix);
    double sum = 0, squares = 0, fourth = 0;
    for (const double x : values) {
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    const double n = double(values.size()), variance = squares / n;
    QVERIFY(std::abs(sum / n) < 2e-4);
    QVERIFY(std::abs(std::sqrt(variance) - 0.02) < 2e-4);
    QVERIFY(std::abs(fourth / n / (variance * variance) - 3) < 0.06); // a normal's kurtosis
    const Parameter gain{.part = Part::mlp_norm, .rows = {5}};
    QCOMPARE(drawn(model, 1, 1, gain), std::vector<float>(5, 1.0f));
    const Parameter bias{.part = Part::mlp_norm, .bias = true, .rows = {5}};
    QCOMPARE(drawn(model, 1, 1, bias), std::vector<float>(5, 0.0f));
}

void WeightsTest::the_studys_draws_are_uniform() {
    ModelConfig model = load_model_config("llama-head-study-5l");
    model.init = InitStyle::kaiming_uniform;
    const auto [low, high] = std::ranges::minmax(drawn(model, 1, 2, a_matrix));
    const float bound = 0.136930639f; // sqrt(6 / 320)
    QVERIFY(low >= -bound && low < -0.999f * bound);
    QVERIFY(high <= bound && high > 0.999f * bound);
    const auto [small, large] =
        std::ranges::minmax(drawn(model, 1, 2, {.part = Part::mlp_norm, .rows = {10000}}));
    QVERIFY(small >= -0.01f && small < -0.0099f); // 1 / sqrt(10000)
    QVERIFY(large <= 0.01f && large > 0.0099f);
}

SWEETSPOT_TEST(WeightsTest)
#include "weights_test.moc"
