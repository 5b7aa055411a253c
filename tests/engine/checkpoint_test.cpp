// Checkpoints that say something else than they seem to: each is honoured, or refused by name.
#include "engine/config/catalogue.h"
#include "engine/config/json.h"
#include "engine/weights/open_model.h"
#include "tests/engine/files.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <cstring>
#include <filesystem>

using namespace sweetspot;
using files::error_of;
namespace fs = std::filesystem;

static const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// A safetensors file taken apart, to be changed and put together again.
struct Parts {
    Json header = Json::object();
    std::string data{};

    static Parts of(const std::string& file) {
        const std::string bytes = files::read(file);
        std::uint64_t length = 0;
        std::memcpy(&length, bytes.data(), sizeof length);
        return {parse_json(std::string_view(bytes).substr(8, length), file),
                bytes.substr(8 + length)};
    }
    std::string bytes_of(std::string_view tensor) const {
        const Json& range = *header.find(tensor)->find("data_offsets");
        const auto begin = range[0].get<std::size_t>();
        return data.substr(begin, range[1].get<std::size_t>() - begin);
    }
    void add(const std::string& tensor, const Json& shape, const std::string& bytes) {
        const std::vector<std::size_t> range{data.size(), data.size() + bytes.size()};
        header.add(tensor, {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", range}});
        data += bytes;
    }
    /// The bytes of a tensor, with one number of it made larger.
    std::string changed(std::string_view tensor) const {
        std::string bytes = bytes_of(tensor);
        float number;
        std::memcpy(&number, bytes.data() + 4, sizeof number);
        number += 1;
        std::memcpy(bytes.data() + 4, &number, sizeof number);
        return bytes;
    }
    void overwrite(std::string_view tensor, const std::string& bytes) {
        const auto begin = (*header.find(tensor)->find("data_offsets"))[0].get<std::size_t>();
        data.replace(begin, bytes.size(), bytes);
    }
    void rename(std::string_view from, const std::string& to) {
        Json renamed = Json::object();
        for (const auto& [name, value] : header.items())
            renamed.add(name == from ? to : name, value);
        header = renamed;
    }
    /// With so many blanks behind the header.
    std::string together(std::size_t blanks = 0) const {
        const std::string text = dump(header) + std::string(blanks, ' ');
        const std::uint64_t length = text.size();
        return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text + data;
    }
};

class CheckpointTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    /// An empty folder of this test's own.
    std::string folder(const char* name) {
        const auto path = folder_.filePath(name).toStdString();
        fs::remove_all(path);
        fs::create_directories(path);
        return path;
    }
    /// A folder with the golden model's config.json and these weights.
    std::string model(const char* name, const Parts& parts, std::size_t blanks = 0) {
        const auto path = folder("model");
        fs::copy_file(golden + name + "/config.json", path + "/config.json");
        files::written(path + "/model.safetensors", parts.together(blanks));
        return path;
    }
    static LoadedWeights load(const RunConfig& run) {
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        LoadedWeights loaded = weights_for(run, load_model_config(run.model), context);
        loaded.weights = {}; // before the allocator goes
        return loaded;
    }
    static QString refusal(const std::string& path) {
        return error_of([&] { load({{.model = path}}); });
    }
    static std::vector<float> found(const ModelConfig& config, const StoredTensors& stored,
                                    const Parameter& parameter) {
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        FileWeights source(config, stored, context);
        const In y = source.find(parameter)[0];
        return {y.as<float>(), y.as<float>() + y.shape.count()};
    }

private slots:
    void tensors_must_cover_their_file_data() {
        QTest::addColumn<QString>("tensors");
        QTest::addColumn<int>("bytes");
        QTest::addColumn<QString>("error");
        const auto row = [](const char* name, QString tensors, int bytes, const char* error) {
            tensors.replace('@', R"("dtype":"F32","shape":[1],"data_offsets":)");
            QTest::newRow(name) << "{" + tensors + "}" << bytes << error;
        };
        row("whole", R"("b":{@[4,8]},"a":{@[0,4]})", 8, "no error");
        row("overlap", R"("a":{@[0,4]},"b":{@[0,4]})", 4,
            ": tensor \"b\": its data begin at byte 0, but those before it end at 4");
        row("hole", R"("a":{@[0,4]},"b":{@[8,12]})", 12,
            ": tensor \"b\": its data begin at byte 8, but those before it end at 4");
        row("hole in front", R"("a":{@[4,8]})", 8,
            ": tensor \"a\": its data begin at byte 4, but those before it end at 0");
        row("tail", R"("a":{@[0,4]})", 8, ": 4 bytes follow the last tensor");
        row("twice", R"("a":{@[0,4]},"a":{@[4,8]})", 8, ": the header: \"a\" is given twice");
        row("negative", R"("a":{@[-4,4]})", 4,
            ": tensor \"a\": -4 is not a whole number from 0 to 18446744073709551615");
    }
    void tensors_must_cover_their_file() {
        QFETCH(QString, tensors);
        QFETCH(int, bytes);
        QFETCH(QString, error);
        const auto file = folder("cover") + "/a.safetensors";
        files::written(file, files::safetensors(tensors.toStdString(), std::size_t(bytes)));
        const auto said = error_of([&] { open_weights(file); });
        QVERIFY2(said.endsWith(error), qPrintable(said));
        QVERIFY(error == "no error" || said.contains(QString::fromStdString(file)));
    }

    void a_tensor_may_begin_at_any_byte() {
        const Parts parts = Parts::of(golden + "gpt2-bare/model.safetensors");
        const Parameter table{.part = Part::tokens, .rows = {96}, .columns = 32};
        const ModelConfig config = load_model_config(golden + "gpt2-bare");
        const auto usual = found(config, open_weights(golden + "gpt2-bare"), table);
        for (const std::size_t blanks : {1, 2, 3}) {
            const auto path = model("gpt2-bare", parts, blanks);
            QCOMPARE(found(config, open_weights(path), table), usual);
            QCOMPARE(refusal(path), "no error");
        }
    }

    void a_tied_table_that_is_there_twice_must_be_one() {
        for (const auto& [name, table, head] :
             {std::array<const char*, 3>{"gpt2-tiny", "transformer.wte.weight", "lm_head.weight"},
              {"esm2-tiny", "esm.embeddings.word_embeddings.weight", "lm_head.decoder.weight"}}) {
            Parts parts = Parts::of(golden + name + "/model.safetensors");
            const Json shape = *parts.header.find(table)->find("shape");
            Parts other = parts;
            if (!parts.header.contains(head)) {
                parts.add(head, shape, parts.bytes_of(table));
                other.add(head, shape, other.changed(table));
            } else {
                other.overwrite(head, other.changed(head));
            }
            QCOMPARE(refusal(model(name, parts)), "no error");
            const auto said = refusal(model(name, other));
            QVERIFY2(said.endsWith(QString("tensor \"%1\" differs from \"%2\", though model says "
                                           "that they are one (tie_word_embeddings)")
                                       .arg(head, table)),
                     qPrintable(said));
        }
    }

    void an_untied_head_of_esm_has_its_own_table() {
        Parts parts = Parts::of(golden + "esm2-tiny/model.safetensors");
        const char* table = "esm.embeddings.word_embeddings.weight";
        const char* head = "lm_head.decoder.weight";
        const auto own = parts.changed(table);
        if (parts.header.contains(head))
            parts.overwrite(head, own);
        else
            parts.add(head, *parts.header.find(table)->find("shape"), own);
        const auto path = model("esm2-tiny", parts);
        Json config = read_json(path + "/config.json");
        config["tie_word_embeddings"] = false;
        files::written(path + "/config.json", dump(config));
        QCOMPARE(refusal(path), "no error");
        const Parameter parameter{.part = Part::head, .rows = {33}, .columns = 64};
        const auto y = found(load_model_config(path), open_weights(path), parameter);
        QVERIFY(std::memcmp(y.data(), own.data(), own.size()) == 0);
    }

    void one_of_several_shared_names_is_enough() {
        Parts parts = Parts::of(golden + "gpt2-tiny/model.safetensors");
        parts.rename("transformer.wte.weight", "lm_head.weight");
        QVERIFY(refusal(model("gpt2-tiny", parts)).contains("\"transformer.wte.weight\""));
        parts.header["__metadata__"] = {{"format", "pt"},
                                        {"transformer.wte.weight", "lm_head.weight"}};
        QCOMPARE(refusal(model("gpt2-tiny", parts)), "no error");
    }

    void rotary_frequencies_of_another_base_are_refused() {
        Parts parts = Parts::of(golden + "esm2-head24/model.safetensors");
        std::string name;
        for (const auto& [tensor, _] : parts.header.items())
            if (tensor.ends_with("inv_freq")) name = tensor;
        QVERIFY(!name.empty());
        QCOMPARE(refusal(model("esm2-head24", parts)), "no error");
        parts.overwrite(name, parts.changed(name));
        QVERIFY(refusal(model("esm2-head24", parts))
                    .endsWith("is not what the rotary base 10000 of model gives"));
    }

    void wrapped_quantised_and_adapter_files_are_named_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("clause");
        const auto row = [](const char* name, const char* clause) {
            QTest::newRow(name) << name << clause;
        };
        row("module.transformer.wte.weight", "as a model wrapped for several GPUs saves them");
        row("_orig_mod.wte.weight", "as a compiled model saves them");
        row("h.0.attn.c_attn.lora_A.weight", "it is an adapter (LoRA), not a model");
        row("h.0.attn.c_attn.qweight", "its weights are quantised (GPTQ or AWQ)");
        row("h.0.mlp.c_fc.SCB", "its weights are quantised (bitsandbytes, 8 bits)");
        row("h.0.mlp.c_fc.weight.absmax", "its weights are quantised (bitsandbytes, 4 bits)");
    }
    void wrapped_quantised_and_adapter_files_are_named() {
        QFETCH(QString, name);
        QFETCH(QString, clause);
        Parts parts = Parts::of(golden + "gpt2-bare/model.safetensors");
        parts.rename("wte.weight", name.toStdString());
        const auto said = refusal(model("gpt2-bare", parts));
        QVERIFY2(said.startsWith("unsupported: ") && said.contains("\"" + name + "\"") &&
                     said.contains(clause),
                 qPrintable(said));
    }

    void files_of_other_kinds_are_named() {
        const auto path = folder("kinds");
        const auto said = [&](const char* name, const std::string& bytes) {
            const auto file = files::written(path + "/" + name, bytes);
            return error_of([&] { open_weights(file); });
        };
        const std::string rest(200, '\0');
        QVERIFY(said("a.bin", "PK\x03\x04" + rest).contains("is a zip, as PyTorch writes"));
        QVERIFY(said("a.bin", "GGUF" + rest).contains("is a GGUF file of llama.cpp's"));
        QVERIFY(said("a.safetensors", "GGUF" + rest).contains("is a GGUF file of llama.cpp's"));
        const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\n";
        for (const char* name : {"a.safetensors", "a.bin", "a.safetensors.index.json"})
            QVERIFY(said(name, pointer)
                        .endsWith("this is a pointer of Git LFS in place of the "
                                  "file; `git lfs pull` fetches it"));
        fs::remove_all(path);
        fs::create_directories(path);
        files::written(path + "/pytorch_model.bin", "PK\x03\x04");
        QVERIFY(error_of([&] {
                    open_weights(path);
                }).contains("; pytorch_model.bin is PyTorch's pickle, which is not read"));
    }

    void one_file_goes_before_an_index() {
        const auto path = folder("both");
        fs::copy(golden + "llama-sharded", path);
        QCOMPARE(open_weights(path).files.size(), std::size_t(2));
        fs::copy(golden + "llama-tiny/model.safetensors", path + "/model.safetensors");
        QCOMPARE(open_weights(path).files.size(), std::size_t(1));
    }

    void an_index_must_fit_its_shards() {
        const auto path = folder("index"), index = path + "/model.safetensors.index.json";
        fs::copy(golden + "llama-sharded", path);
        Json values = read_json(index);
        const auto said = [&](const char* tensor, const char* shard) {
            Json changed = values;
            changed["weight_map"][tensor] = shard;
            files::written(index, dump(changed));
            return error_of([&] { open_weights(path); });
        };
        QVERIFY(said("more.weight", "model-00001-of-00002.safetensors")
                    .contains("tensor \"more.weight\" is not in "));
        QVERIFY(said("more.weight", "../a.safetensors")
                    .endsWith("\"../a.safetensors\" is not beside it"));
        fs::copy(path + "/model-00001-of-00002.safetensors", path + "/again.safetensors");
        QVERIFY(said("model.embed_tokens.weight", "again.safetensors")
                    .contains("another file of the index"));
    }

    void a_folders_own_weights_are_taken_unless_random_ones_are_asked_for() {
        const auto path = folder("own");
        fs::copy(golden + "gpt2-bare/config.json", path + "/config.json");
        QVERIFY(refusal(path).endsWith("; --weights random draws them"));
        PlanAllocator planned;
        Context plan(PlanStream{}, planned);
        QVERIFY(!weights_for({{.model = path}}, load_model_config(path), plan).provenance.loaded);
        QVERIFY(!load({{.model = path, .weights = "random"}}).provenance.loaded);
        fs::copy(golden + "gpt2-bare/model.safetensors", path + "/model.safetensors");
        for (const auto& model : {path, path + "/config.json"}) {
            const auto provenance = load({{.model = model}}).provenance;
            QVERIFY(provenance.loaded);
            QCOMPARE(provenance.path, path);
        }
        QCOMPARE(weights_of({{.model = "gpt2"}}), std::string("random"));
    }

    void the_tables_of_a_llama2c_file_must_be_those_of_its_base() {
        const std::int32_t header[7] = {4, 6, 1, 2, 1, 5, 3}; // heads of 2: one angle a position
        const auto file = [&](double step, const std::int32_t* first) {
            std::string bytes(reinterpret_cast<const char*>(first), sizeof header);
            bytes += std::string((20 + 12 + 16 + 16 + 16 + 72) * sizeof(float), '\0');
            for (const bool sines : {false, true})
                for (int position = 0; position < 3; ++position) {
                    const auto turn =
                        float(sines ? std::sin(position * step) : std::cos(position * step));
                    bytes.append(reinterpret_cast<const char*>(&turn), sizeof turn);
                }
            return files::written(folder("llama2c") + "/a.bin", bytes);
        };
        QCOMPARE(error_of([&] { open_weights(file(1, header)); }), "no error");
        QVERIFY(error_of([&] {
                    open_weights(file(0.25, header));
                }).contains(": its rotary tables are not those of the base 10000"));
        std::int32_t least[7] = {4, 6, 1, 2, 1, std::numeric_limits<std::int32_t>::min(), 3};
        QVERIFY(error_of([&] {
                    open_weights(file(1, least));
                }).endsWith(": vocabulary must be at most 16777216, not 2147483647"));
    }
};

SWEETSPOT_TEST(CheckpointTest)
#include "checkpoint_test.moc"
