#include "engine/config/packed_weights.h"
#include "engine/convert/convert.h"
#include "kernels/core/float_types.h"
#include "tests/engine/files.h"
#include "tests/engine/golden.h"
#include "tests/engine/training_support.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <bit>
#include <random>

using namespace sweetspot;
using files::error_of;

namespace {

/// A safetensors file of any types, tensor by tensor.
class Checkpoint {
public:
    void add(const std::string& name, const std::string& type, std::vector<std::int64_t> shape,
             const std::string& bytes) {
        Json entry{{"dtype", type}, {"shape", shape}};
        entry["data_offsets"] = std::vector<std::int64_t>{
            std::int64_t(data_.size()), std::int64_t(data_.size() + bytes.size())};
        header_[name] = entry;
        data_ += bytes;
    }
    template <class T>
    void add(const std::string& name, const std::string& type, std::vector<std::int64_t> shape,
             const std::vector<T>& numbers) {
        add(name, type, std::move(shape),
            std::string(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)));
    }
    std::string bytes() const {
        const std::string header = dump(header_);
        return files::safetensors(header, 0) + data_;
    }

private:
    Json header_ = Json::object();
    std::string data_{};
};

/// What a linear is made of, before anybody packs it: [rows][columns] and [rows][groups].
struct Linear {
    std::int64_t rows, columns, group, most;
    std::vector<int> codes{}, zeros{}, group_of{};
    std::vector<float> scales{}; ///< that f16 has

    Linear(std::int64_t n, std::int64_t k, std::int64_t inputs, int bits, std::mt19937& random)
        : rows(n), columns(k), group(inputs), most((1 << bits) - 1) {
        for (std::int64_t i = 0; i < n * k; ++i)
            codes.push_back(int(random() % std::uint32_t(most + 1)));
        for (std::int64_t i = 0; i < n * groups(); ++i) {
            zeros.push_back(1 + int(random() % std::uint32_t(most)));
            scales.push_back(float(1 + random() % 64) / 4096);
        }
        for (std::int64_t i = 0; i < k; ++i) group_of.push_back(int(i / group));
    }
    std::int64_t groups() const { return columns / group; }
    float number(std::int64_t n, std::int64_t k) const {
        const auto g = std::size_t(n * groups() + group_of[std::size_t(k)]);
        return scales[g] * float(codes[std::size_t(n * columns + k)] - zeros[g]);
    }
    std::vector<float> numbers() const {
        std::vector<float> y;
        for (std::int64_t n = 0; n < rows; ++n)
            for (std::int64_t k = 0; k < columns; ++k) y.push_back(number(n, k));
        return y;
    }
};

/// Words that take numbers of few bits; where each goes, its tool's packing says.
class Words {
public:
    Words(std::int64_t rows, std::int64_t width, int bits)
        : words_(std::size_t(rows * width)), width_(width), bits_(bits) {}
    void put(std::int64_t row, std::int64_t word, std::int64_t place, int number) {
        words_[std::size_t(row * width_ + word)] |= std::uint32_t(number) << place * bits_;
    }
    const std::vector<std::uint32_t>& all() const { return words_; }

private:
    std::vector<std::uint32_t> words_;
    std::int64_t width_;
    int bits_;
};

std::vector<std::uint16_t> halves(const std::vector<float>& numbers) {
    std::vector<std::uint16_t> y;
    for (const float x : numbers) y.push_back(std::bit_cast<std::uint16_t>(_Float16(x)));
    return y;
}

/// AutoGPTQ's pack(), in either format.
void add_gptq(Checkpoint& to, const std::string& name, const Linear& x, int bits, int less) {
    const std::int64_t in_word = 32 / bits;
    Words codes(x.columns / in_word, x.rows, bits), zeros(x.groups(), x.rows / in_word, bits);
    std::vector<float> scales;
    for (std::int64_t n = 0; n < x.rows; ++n)
        for (std::int64_t k = 0; k < x.columns; ++k)
            codes.put(k / in_word, n, k % in_word, x.codes[std::size_t(n * x.columns + k)]);
    for (std::int64_t g = 0; g < x.groups(); ++g)
        for (std::int64_t n = 0; n < x.rows; ++n) {
            const auto at = std::size_t(n * x.groups() + g);
            zeros.put(g, n / in_word, n % in_word, x.zeros[at] - less);
            scales.push_back(x.scales[at]);
        }
    to.add(name + ".qweight", "I32", {x.columns / in_word, x.rows}, codes.all());
    to.add(name + ".qzeros", "I32", {x.groups(), x.rows / in_word}, zeros.all());
    to.add(name + ".scales", "F16", {x.groups(), x.rows}, halves(scales));
    to.add(name + ".g_idx", "I32", {x.columns}, x.group_of);
}

/// WQLinear_GEMM: place i of a word has the neighbour of this number.
void add_gemm(Checkpoint& to, const std::string& name, const Linear& x) {
    constexpr int order[] = {0, 2, 4, 6, 1, 3, 5, 7};
    Words codes(x.columns, x.rows / 8, 4), zeros(x.groups(), x.rows / 8, 4);
    std::vector<float> scales;
    for (std::int64_t word = 0; word < x.rows / 8; ++word)
        for (int i = 0; i < 8; ++i) {
            const std::int64_t n = 8 * word + order[i];
            for (std::int64_t k = 0; k < x.columns; ++k)
                codes.put(k, word, i, x.codes[std::size_t(n * x.columns + k)]);
            for (std::int64_t g = 0; g < x.groups(); ++g)
                zeros.put(g, word, i, x.zeros[std::size_t(n * x.groups() + g)]);
        }
    for (std::int64_t g = 0; g < x.groups(); ++g)
        for (std::int64_t n = 0; n < x.rows; ++n)
            scales.push_back(x.scales[std::size_t(n * x.groups() + g)]);
    to.add(name + ".qweight", "I32", {x.columns, x.rows / 8}, codes.all());
    to.add(name + ".qzeros", "I32", {x.groups(), x.rows / 8}, zeros.all());
    to.add(name + ".scales", "F16", {x.groups(), x.rows}, halves(scales));
}

/// WQLinear_GEMV: rows of zeros are four words at least, of groups of 64 two.
void add_gemv(Checkpoint& to, const std::string& name, const Linear& x) {
    const std::int64_t width = x.group == 32 ? 4 : 2;
    Words codes(x.rows, x.columns / 8, 4), zeros(x.rows, width, 4);
    std::vector<float> scales(std::size_t(x.rows * width * 8));
    for (std::int64_t n = 0; n < x.rows; ++n) {
        for (std::int64_t k = 0; k < x.columns; ++k)
            codes.put(n, k / 8, k % 8, x.codes[std::size_t(n * x.columns + k)]);
        for (std::int64_t g = 0; g < x.groups(); ++g) {
            zeros.put(n, g / 8, g % 8, x.zeros[std::size_t(n * x.groups() + g)]);
            scales[std::size_t(n * width * 8 + g)] = x.scales[std::size_t(n * x.groups() + g)];
        }
    }
    to.add(name + ".qweight", "I32", {x.rows, x.columns / 8}, codes.all());
    to.add(name + ".qzeros", "I32", {x.rows, width}, zeros.all());
    to.add(name + ".scales", "F16", {x.rows, width * 8}, halves(scales));
}

const std::string source = SWEETSPOT_SOURCE_DIR "/tests/golden/llama-tiny";

struct Case {
    const char* name;
    const char* settings; ///< quantization_config
    int bits = 4;
};
constexpr Case cases[] = {
    {"gptq", R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": false})"},
    {"gptq_v2",
     R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "gptq_v2"})"},
    {"gptq 8 bits", R"({"quant_method": "gptq", "bits": 8, "group_size": 32})", 8},
    {"gptq order", R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": true})"},
    {"awq gemm",
     R"({"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": true, "version": "gemm"})"},
    {"awq gemv", R"({"quant_method": "awq", "bits": 4, "group_size": 32, "version": "GEMV"})"}};

} // namespace

/// Linears as GPTQ's and AWQ's tools pack them are the numbers that they stand for.
class PackedWeightsTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    std::string path(const std::string& name) const {
        return folder_.filePath(QString::fromStdString(name)).toStdString();
    }
    /// llama-tiny with other linears: packed, and as plain numbers.
    void write(const Case& of, const std::string& packed, const std::string& plain,
               std::int64_t group = 32) const {
        for (const std::string& folder : {packed, plain})
            QDir().mkpath(QString::fromStdString(path(folder)));
        Json config = read_json(source + "/config.json");
        // Groups of 64 divide other widths only.
        const std::int64_t mlp = config["intermediate_size"].get<std::int64_t>(),
                           other_mlp = group == 32 ? mlp : 128;
        config["intermediate_size"] = other_mlp;
        files::written(path(plain + "/config.json"), dump(config));
        config["quantization_config"] = parse_json(of.settings, "a test");
        config["quantization_config"]["group_size"] = group;
        files::written(path(packed + "/config.json"), dump(config));
        const StoredTensors stored = open_weights(source);
        Checkpoint words, numbers;
        std::mt19937 random(3);
        const std::string name = of.name;
        for (const auto& [tensor, held] : stored.tensors) {
            const std::string bytes(reinterpret_cast<const char*>(held.bytes.data()),
                                    held.bytes.size());
            if (!tensor.ends_with("_proj.weight")) {
                words.add(tensor, held.type, held.shape, bytes);
                numbers.add(tensor, held.type, held.shape, bytes);
                continue;
            }
            const std::string linear = tensor.substr(0, tensor.size() - 7);
            auto shape = held.shape;
            std::ranges::replace(shape, mlp, other_mlp);
            Linear x(shape[0], shape[1], group, of.bits, random);
            if (name == "gptq order") std::shuffle(x.group_of.begin(), x.group_of.end(), random);
            if (name == "awq gemm")
                add_gemm(words, linear, x);
            else if (name == "awq gemv")
                add_gemv(words, linear, x);
            else
                add_gptq(words, linear, x, of.bits, name == "gptq_v2" ? 0 : 1);
            numbers.add(tensor, "F32", shape, x.numbers());
        }
        files::written(path(packed + "/model.safetensors"), words.bytes());
        files::written(path(plain + "/model.safetensors"), numbers.bytes());
    }
    static std::vector<float> logits(const std::string& model) {
        RunConfig run;
        run.model = model;
        return golden::all_logits(run, golden::Outputs("llama-tiny").sequences());
    }
    /// What is said of a packed model after something was replaced in its file, byte by byte.
    QString refusal(const std::string& from, const std::string& to) const {
        write(cases[0], "wrong", "plain");
        std::string bytes = files::read(path("wrong/model.safetensors"));
        const auto at = bytes.find(from);
        if (at == bytes.npos) return "not there";
        bytes.replace(at, from.size(), to);
        files::written(path("wrong/model.safetensors"), bytes);
        return error_of([&] { logits(path("wrong")); });
    }
    static QString said_of(const std::string& settings) {
        return error_of([&] { packed_weights(parse_json(settings, "a test")); });
    }

private slots:
    void numbers_are_those_that_were_packed() {
        for (const Case& one : cases) {
            write(one, "packed", "plain");
            QVERIFY2(logits(path("packed")) == logits(path("plain")), one.name);
        }
    }

    void four_bits_stay_as_they_are_in_int4() {
        const auto held = [&](const Case& one, std::int64_t group) {
            write(one, "packed", "plain", group);
            RunConfig run;
            run.model = path("packed");
            run.weight_format = WeightFormat::int4;
            HostAllocator allocator;
            Context context(CpuStream{.threads = 1}, allocator);
            const auto loaded = weights_for(run, load_model_config(run.model), context);
            const LinearWeights& down = loaded.weights.blocks[1].down;
            std::vector<float> found(std::size_t(down.n * down.k));
            dequantise(down.format, down.weight.as<std::uint8_t>(), found);
            const StoredTensors plain = open_weights(path("plain"));
            const auto& numbers = plain.tensors.at("model.layers.1.mlp.down_proj.weight").bytes;
            return down.format == WeightFormat::int4 &&
                   numbers.size() == found.size() * sizeof(float) &&
                   std::memcmp(numbers.data(), found.data(), numbers.size()) == 0;
        };
        for (const Case& one : cases)
            if (one.bits == 4)
                QVERIFY2(held(one, 64) == (std::string(one.name) != "gptq order"), one.name);
        QVERIFY(!held(cases[0], 32)); // a block would have two scales
    }

    void what_is_written_of_them_is_plain_and_says_so() {
        write(cases[0], "packed", "plain");
        RunConfig run;
        run.model = path("packed");
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        convert(run, {.to = path("converted"), .tokenizer = false}, context,
                [](const LinearError&) {});
        RunConfig training = tiny_run();
        training.model = training.weights = path("packed");
        training.learning_rate = 1e-9, training.steps = 1;
        training.save = path("trained");
        losses_of(training);
        for (const std::string& folder : {path("converted"), path("trained")}) {
            const Json config = read_json(folder + "/config.json"),
                       before = read_json(path("packed/config.json"));
            QVERIFY2(!config.contains("quantization_config"), folder.c_str());
            QVERIFY(*config.find("hidden_size") == *before.find("hidden_size"));
            QCOMPARE(config.size(), before.size() - 1);
        }
        QCOMPARE(logits(path("converted")), logits(path("plain")));
    }

    void a_row_says_what_became_of_them() {
        const auto note = [&](const Case& one, WeightFormat format) {
            write(one, "packed", "plain", 64);
            RunConfig run;
            run.model = path("packed");
            run.sequence = 8;
            run.weight_format = format;
            return outcome_of(run).weight_note;
        };
        QCOMPARE(note(cases[0], WeightFormat::dense),
                 std::string("GPTQ of 4 bits in the file, read as plain numbers"));
        QCOMPARE(note(cases[2], WeightFormat::dense),
                 std::string("GPTQ of 8 bits in the file, read as plain numbers"));
        const std::string kept = note(cases[4], WeightFormat::int4),
                          anew = note(cases[3], WeightFormat::int4);
        QVERIFY2(kept.ends_with("; AWQ of 4 bits in the file, kept as int4 to the bit"),
                 kept.c_str());
        QVERIFY2(anew.ends_with("; GPTQ of 4 bits in the file, kept as int4 to the bit where its "
                                "groups are, and read as plain numbers elsewhere"),
                 anew.c_str()); // rows of 64 are one group, whose order is one
    }

    void a_plan_has_the_same_memory_and_reads_no_words() {
        write(cases[0], "packed", "plain", 64);
        const ModelConfig model = load_model_config(path("packed"));
        const auto peak = [&](auto stream, auto& allocator, WeightFormat format) {
            Context context(stream, allocator);
            RunConfig run;
            run.model = path("packed");
            run.weight_format = format;
            const auto loaded = weights_for(run, model, context);
            return allocator.use().peak_total;
        };
        for (const auto format : {WeightFormat::dense, WeightFormat::int4}) {
            PlanAllocator planned;
            HostAllocator real;
            QCOMPARE(peak(PlanStream{.threads = 2}, planned, format),
                     peak(CpuStream{.threads = 2}, real, format));
        }
    }

    void what_is_wrong_in_a_file_is_named() {
        QVERIFY(refusal("0.self_attn.q_proj.qzeros", "0.self_attn.q_proj.qzerox")
                    .contains("q_proj.qzeros\" is missing"));
        QVERIFY(refusal("\"dtype\":\"F16\"", "\"dtype\":\"I16\"").contains("not F16"));
        QVERIFY(refusal("down_proj.g_idx", "down_proj.g_idy").contains("have no place"));
        // A zero of 0 less 1 is what no reader knows.
        write(cases[0], "wrong", "plain");
        std::string bytes = files::read(path("wrong/model.safetensors"));
        const StoredTensors stored = open_weights(path("wrong"));
        const auto& zeros = stored.tensors.at("model.layers.1.mlp.up_proj.qzeros");
        const auto offset = zeros.bytes.data() - zeros.file->bytes().data();
        bytes[std::size_t(offset)] = char(bytes[std::size_t(offset)] | 0x0f);
        files::written(path("zero/model.safetensors"), bytes);
        QDir().mkpath(folder_.filePath("zero"));
        files::written(path("zero/config.json"), files::read(path("wrong/config.json")));
        files::written(path("zero/model.safetensors"), bytes);
        QVERIFY(error_of([&] { logits(path("zero")); }).contains("a zero of 0, stored less 1"));
        // Without a word of how they were packed.
        files::written(path("zero/config.json"), files::read(source + "/config.json"));
        QVERIFY(error_of([&] { logits(path("zero")); }).contains("quantization_config"));
    }

    void settings_that_might_say_something_else_are_refused() {
        QVERIFY(said_of(R"({"quant_method": "bitsandbytes"})").contains("gptq and awq are read"));
        QVERIFY(said_of(R"({"quant_method": "gptq", "bits": 3})").contains("3 bits"));
        QVERIFY(said_of(R"({"quant_method": "awq", "bits": 8})").contains("8 bits"));
        QVERIFY(said_of(R"({"quant_method": "awq", "version": "marlin"})").contains("marlin"));
        QVERIFY(said_of(R"({"quant_method": "awq", "zero_point": false})").contains("zero_point"));
        QVERIFY(said_of(R"({"checkpoint_format": "marlin"})").contains("checkpoint_format"));
        QVERIFY(said_of(R"({"lm_head": true})").contains("lm_head"));
        QVERIFY(said_of(R"({"rotation": 1})").contains("\"rotation\" is no setting"));
        QCOMPARE(said_of(R"({"bits": 4, "group_size": -1, "desc_act": true, "sym": true})"),
                 "no error");
    }
};

SWEETSPOT_TEST(PackedWeightsTest)
#include "packed_weights_test.moc"
