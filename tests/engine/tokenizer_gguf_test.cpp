#include "data_support.h"
#include "engine/data/tokenizer.h"
#include "gguf_bytes.h"
#include "llama_cpp_pairs.h"
#include "tests/suite.h"
#include <random>

using namespace sweetspot;

static const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// A list of texts, integers or floats as GGUF has it.
static std::string list(std::initializer_list<const char*> texts) {
    std::string y = GgufBytes::of(8u) + GgufBytes::of(std::uint64_t(texts.size()));
    for (const std::string text : texts) y += GgufBytes::of(std::uint64_t(text.size())) + text;
    return y;
}
template <class T>
static std::string list_of(std::uint32_t kind, std::initializer_list<T> numbers) {
    std::string y = GgufBytes::of(kind) + GgufBytes::of(std::uint64_t(numbers.size()));
    for (const T number : numbers) y += GgufBytes::of(number);
    return y;
}

class TokenizerGgufTest : public QObject {
    Q_OBJECT

    const Folder folder_;

    std::unique_ptr<Tokenizer> load(const GgufBytes& file) {
        return load_tokenizer(folder_.write("t.gguf", file.bytes()));
    }
    static GgufBytes byte_pairs(const std::string& division) {
        GgufBytes y;
        y.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", division);
        y.entry("tokenizer.ggml.tokens", 9, list({"1", "2", "3", "12", "123", "<s>"}));
        y.entry("tokenizer.ggml.token_type", 9, list_of<std::int32_t>(5, {1, 1, 1, 1, 1, 3}));
        y.entry("tokenizer.ggml.merges", 9, list({"1 2", "12 3"}));
        return y.integer("tokenizer.ggml.bos_token_id", 5);
    }

private slots:
    void both_kinds_give_the_ids_of_the_tokenizer_that_they_were_made_of_data() {
        QTest::addColumn<std::string>("file");
        QTest::addColumn<std::string>("made_of");
        QTest::newRow("llama") << std::string("gguf/tokenizer-llama.gguf")
                               << std::string("sentencepiece");
        QTest::newRow("gpt2") << std::string("gguf/tokenizer-gpt2.gguf")
                              << std::string("byte-pair");
    }
    void both_kinds_give_the_ids_of_the_tokenizer_that_they_were_made_of() {
        QFETCH(std::string, file);
        QFETCH(std::string, made_of);
        const auto tokenizer = load_tokenizer(golden + file);
        const auto other = load_tokenizer(golden + made_of);
        QVERIFY(tokenizer->ids() == other->ids());
        QCOMPARE(tokenizer->usual_specials().begin, other->usual_specials().begin);
        QCOMPARE(tokenizer->vocabulary(), other->vocabulary());
        const auto cases = read_json(golden + made_of + "/golden.json");
        QVERIFY(cases.size() > 10);
        for (const auto& each : cases) {
            const auto text = each.find("text")->get<std::string>();
            QVERIFY2(tokenizer->encode(text) == ids_of(each), text.c_str());
            QCOMPARE(tokenizer->decode(ids_of(each)), other->decode(ids_of(each)));
        }
    }

    void gpt2s_own_file_gives_llama_cpps_ids() {
        SKIP_WITHOUT_SHARED_DATA("ggml-vocab-gpt-2.gguf.gz");
        const auto path =
            folder_.write("gpt2.gguf", read_file(shared_data("ggml-vocab-gpt-2.gguf.gz")));
        const auto tokenizer = load_tokenizer(path);
        QCOMPARE(tokenizer->vocabulary(), 50257);
        const auto pairs = llama_cpp_pairs(shared_data("ggml-vocab-gpt-2.gguf"));
        QCOMPARE(pairs.size(), std::size_t(46));
        for (const auto& [text, ids] : pairs)
            QVERIFY2(tokenizer->encode(text) == ids, text.c_str());
    }

    void texts_are_divided_as_the_file_says() {
        // Llama 3 takes up to three digits together, Qwen one by one.
        QCOMPARE(load(byte_pairs("llama-bpe"))->encode("12312"), (Tokens{4, 3}));
        QCOMPARE(load(byte_pairs("qwen2"))->encode("12312"), (Tokens{0, 1, 2, 0, 1}));
        QVERIFY(load(byte_pairs("llama-bpe"))->usual_specials().begin);
        QVERIFY(!load(byte_pairs("qwen2"))->usual_specials().begin);
        COMPARE_ERROR(
            load(byte_pairs("default")), folder_,
            "unsupported: t.gguf: tokenizer.ggml.pre \"default\": how it divides texts is "
            "not known; gpt-2, llama-bpe, qwen2 are");
    }

    void a_damaged_vocabulary_is_read_or_refused() {
        std::mt19937 generator(5);
        for (const char* file : {"gguf/tokenizer-llama.gguf", "gguf/tokenizer-gpt2.gguf"}) {
            const std::string all = read_file(golden + file);
            for (int i = 0; i < 500; ++i) {
                std::string bytes = all;
                for (auto damage = generator() % 3 + 1; damage > 0; --damage)
                    bytes[generator() % all.size()] = char(generator() % 3 ? generator() : 255);
                try {
                    const auto tokenizer = load_tokenizer(folder_.write("bad.gguf", bytes));
                    for (const auto id : tokenizer->encode("Once upon a time, 12 Größen 🦙"))
                        QVERIFY(id >= 0 && id < tokenizer->vocabulary());
                } catch (const Error& error) {
                    QVERIFY2(error.kind == Failure::file || error.kind == Failure::unsupported ||
                                 error.kind == Failure::bad_input,
                             error.what());
                }
            }
        }
    }

    void what_is_wrong_is_named() {
        GgufBytes none;
        COMPARE_ERROR(load(none), folder_,
                      "file: t.gguf: it has no tokenizer (tokenizer.ggml.model)");
        GgufBytes other;
        other.text("tokenizer.ggml.model", "bert");
        COMPARE_ERROR(load(other), folder_,
                      "unsupported: t.gguf: its tokenizer is of the kind \"bert\"; llama and gpt2 "
                      "are read");
        GgufBytes empty;
        empty.text("tokenizer.ggml.model", "llama");
        COMPARE_ERROR(load(empty), folder_, "file: t.gguf: tokenizer.ggml.tokens is missing");
        GgufBytes outside = byte_pairs("gpt-2");
        outside.integer("tokenizer.ggml.eos_token_id", 6);
        COMPARE_ERROR(load(outside), folder_,
                      "file: t.gguf: tokenizer.ggml.eos_token_id is outside of the vocabulary");
        GgufBytes scores;
        scores.text("tokenizer.ggml.model", "llama");
        scores.entry("tokenizer.ggml.tokens", 9, list({"<unk>", "a"}));
        scores.entry("tokenizer.ggml.scores", 9, list_of<float>(6, {0}));
        COMPARE_ERROR(load(scores), folder_,
                      "file: t.gguf: tokenizer.ggml.scores has not one for each of the tokens");
    }
};

SWEETSPOT_TEST(TokenizerGgufTest)
#include "tokenizer_gguf_test.moc"
