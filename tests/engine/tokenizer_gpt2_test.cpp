#include "data_support.h"
#include "engine/data/byte_letters.h"
#include "engine/data/pre_tokenizer.h"
#include "engine/data/tokenizer.h"
#include "llama_cpp_pairs.h"
#include "tests/suite.h"
#include <cstring>

using namespace sweetspot;

namespace {
const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/byte-pair";

/// Reads arrays of strings from a GGUF file's metadata, as far as a vocabulary needs it.
class GgufStrings {
public:
    explicit GgufStrings(std::string data) : data_(std::move(data)) {
        at_ = 16; // "GGUF", version, number of tensors
        for (auto left = number<std::uint64_t>(); left > 0; --left) read_pair();
    }
    std::map<std::string, std::vector<std::string>> arrays;

private:
    template <class T>
    T number() {
        T value;
        std::memcpy(&value, data_.data() + at_, sizeof value);
        at_ += sizeof value;
        return value;
    }
    std::string string() {
        const auto size = number<std::uint64_t>();
        at_ += size;
        return data_.substr(at_ - size, size);
    }
    void read_pair() {
        const auto key = string();
        const auto type = number<std::uint32_t>();
        if (type != array_type) return skip(type);
        const auto element = number<std::uint32_t>();
        for (auto left = number<std::uint64_t>(); left > 0; --left)
            if (element == string_type)
                arrays[key].push_back(string());
            else
                skip(element);
    }
    void skip(std::uint32_t type) {
        if (type == string_type)
            string();
        else
            at_ += std::array{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}[type];
    }

    static constexpr std::uint32_t string_type = 8, array_type = 9;
    std::string data_;
    std::size_t at_ = 0;
};

std::vector<std::string> words(const std::string& text) {
    const Json gpt2{{"type", "ByteLevel"}, {"add_prefix_space", false}};
    std::vector<Piece> pieces{{text, true}};
    make_pre_tokenizer(gpt2, "")->split(pieces);
    std::vector<std::string> words;
    for (const auto& piece : pieces) words.push_back(*bytes_of_letters(piece.text));
    return words;
}
using Words = std::vector<std::string>;
} // namespace

class TokenizerGpt2Test : public QObject {
    Q_OBJECT
private slots:
    void words_keep_the_blank_before_them_and_contractions_apart() {
        QCOMPARE(words("I'm sure they'll fold"),
                 (Words{"I", "'m", " sure", " they", "'ll", " fold"}));
        QCOMPARE(words("I'M 'told"), (Words{"I", "'", "M", " '", "told"}));
        QCOMPARE(words("abc123 45,6!?"), (Words{"abc", "123", " 45", ",", "6", "!?"}));
        QCOMPARE(words(""), Words{});
    }

    void white_space_leaves_its_last_letter_to_the_word_behind_it() {
        QCOMPARE(words("a   b"), (Words{"a", "  ", " b"}));
        QCOMPARE(words("a\n\nb"), (Words{"a", "\n", "\n", "b"}));
        QCOMPARE(words("a  "), (Words{"a", "  "}));
        QCOMPARE(words("a\xc2\xa0\xe3\x80\x80 b"), (Words{"a", "\xc2\xa0\xe3\x80\x80", " b"}));
    }

    void letters_and_numbers_are_unicodes() {
        QCOMPARE(words("Größe нещо 我想 ½Ⅷ٣"), (Words{"Größe", " нещо", " 我想", " ½Ⅷ٣"}));
        QCOMPARE(words("e\xcc\x81"), (Words{"e", "\xcc\x81"})); // a combining accent is no letter
        QCOMPARE(words("\xe1\xa0\x8e"
                       "a"),
                 (Words{"\xe1\xa0\x8e", "a"})); // no white space
    }

    void a_long_run_of_one_kind_is_split_in_linear_time() {
        std::string blanks(2000000, ' ');
        blanks += 'a';
        QCOMPARE(words(blanks).size(), std::size_t(2));
        QCOMPARE(words(std::string(2000000, 'a')).size(), std::size_t(1));
        std::string text;
        for (int i = 0; i < 300000; ++i) text += "ab 1";
        QCOMPARE(words(text).size(), std::size_t(600001 - 1));
        const auto tokenizer = load_tokenizer(golden);
        QCOMPARE(tokenizer->encode(std::string(2000000, '\xff')).size(), std::size_t(2000000));
    }

    void our_small_vocabulary_gives_the_ids_of_the_reference_in_each_form() {
        const auto cases = read_json(golden + "/golden.json");
        QVERIFY(cases.size() > 10);
        for (const auto* file : {"", "/vocab.json", "/merges.txt", "/tokenizer.json"}) {
            const auto tokenizer = load_tokenizer(golden + file);
            QCOMPARE(tokenizer->ids().eos, 0);
            for (const auto& each : cases) {
                const auto text = each.find("text")->get<std::string>();
                const auto ids = tokenizer->encode(text);
                QVERIFY2(ids == ids_of(each), (file + (": " + text)).c_str());
                QCOMPARE(tokenizer->decode(ids), text);
            }
        }
    }

    void text_becomes_a_special_id_only_where_a_tokenizer_json_lists_it() {
        QCOMPARE(load_tokenizer(golden + "/tokenizer.json")->encode("<|endoftext|>"), Tokens{0});
        const auto tokenizer = load_tokenizer(golden + "/vocab.json");
        const std::string text = "end<|endoftext|>";
        const auto ids = tokenizer->encode(text);
        QVERIFY(std::find(ids.begin(), ids.end(), 0) == ids.end());
        QCOMPARE(tokenizer->decode(ids), text);
        QCOMPARE(tokenizer->piece(0).c_str(), "");
    }

    void any_bytes_come_back() {
        const auto tokenizer = load_tokenizer(golden);
        std::string bytes;
        for (int i = 0; i < 1024; ++i) bytes += char(i * 37 ^ i >> 3);
        QCOMPARE(tokenizer->decode(tokenizer->encode(bytes)), bytes);
        QVERIFY(tokenizer->unknown_letters(bytes).empty());
    }

    void malformed_files_are_refused_with_their_place() {
        const Folder folder;
        const auto vocab = folder.write("vocab.json", R"({"a":0,"b":1,"ab":2})");
        COMPARE_ERROR(load_tokenizer(vocab), folder, "file: merges.txt: there is no such file");
        folder.write("merges.txt", "#version: 0.2\na b\nab c\n");
        COMPARE_ERROR(load_tokenizer(vocab), folder,
                      "file: merges.txt, line 3: \"c\" of the merge \"ab c\" is not in the "
                      "vocabulary of vocab.json");
        folder.write("merges.txt", "#version: 0.2\nab\n");
        COMPARE_ERROR(load_tokenizer(vocab), folder,
                      "file: merges.txt, line 2: a merge is two pieces with a blank between, not "
                      "\"ab\"");
        folder.write("merges.txt", "a b\n");
        COMPARE_ERROR(load_tokenizer(vocab)->encode("abc", {}, "line 7"), folder,
                      "bad_input: line 7: \"c\" is not in the vocabulary of vocab.json");
        folder.write("vocab.json", R"({"a":0,"b":-1})");
        COMPARE_ERROR(load_tokenizer(vocab), folder,
                      "file: vocab.json: the piece \"b\" has no id from 0 to 16777215");
        folder.write("merges.txt", "#version: 0.2\n");
        folder.write("vocab.json", R"({"a":0,"\u2581the":1})");
        COMPARE_ERROR(load_tokenizer(vocab), folder,
                      "file: vocab.json: the piece \"\xe2\x96\x81the\" is not byte-level, as GPT-2 "
                      "writes its pieces");
        folder.write("vocab.json", R"({"a":0,)");
        COMPARE_ERROR(
            load_tokenizer(vocab), folder,
            "bad_input: vocab.json: line 1, column 8: syntax error while parsing object key - "
            "unexpected end of input; expected string literal");
        folder.write("vocab.json", "[]");
        COMPARE_ERROR(load_tokenizer(vocab), folder,
                      "file: vocab.json: the vocabulary must be an object of pieces and ids");
    }

    void a_tokenizer_json_may_put_a_blank_in_front_and_write_merges_as_pairs() {
        const Folder folder;
        const auto tokenizer = load_tokenizer(folder.write(
            "tokenizer.json",
            R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"\u0120":2,"\u0120a":3},)"
            R"("merges":[["\u0120","a"]]},"pre_tokenizer":{"type":"ByteLevel",)"
            R"("add_prefix_space":true},"added_tokens":[{"id":4,"content":"<pad>"}]})"));
        QCOMPARE(tokenizer->vocabulary(), 5);
        QCOMPARE(tokenizer->encode("ab a"), (Tokens{3, 1, 3}));
        QCOMPARE(tokenizer->encode(" b"), (Tokens{2, 1}));
        QVERIFY(tokenizer->ids() == SpecialIds{.pad = 4});
    }

    void gpt2s_vocabulary_gives_llama_cpps_ids() {
        SKIP_WITHOUT_SHARED_DATA("ggml-vocab-gpt-2.gguf.gz");
        GgufStrings strings(read_file(shared_data("ggml-vocab-gpt-2.gguf.gz")));
        const auto& pieces = strings.arrays.at("tokenizer.ggml.tokens");
        Json vocabulary;
        for (std::size_t id = 0; id < pieces.size(); ++id) vocabulary.add(pieces[id], id);
        std::string merges;
        for (const auto& merge : strings.arrays.at("tokenizer.ggml.merges")) merges += merge + "\n";
        const Folder folder;
        folder.write("vocab.json", dump(vocabulary));
        folder.write("merges.txt", merges);

        const auto tokenizer = load_tokenizer(folder.path("."));
        QCOMPARE(tokenizer->vocabulary(), 50257);
        QCOMPARE(tokenizer->ids().eos, 50256);
        const auto pairs = llama_cpp_pairs(shared_data("ggml-vocab-gpt-2.gguf"));
        QCOMPARE(pairs.size(), std::size_t(46));
        for (const auto& [text, ids] : pairs) {
            QVERIFY2(tokenizer->encode(text) == ids, text.c_str());
            QCOMPARE(tokenizer->decode(ids), text);
        }
    }
};

SWEETSPOT_TEST(TokenizerGpt2Test)
#include "tokenizer_gpt2_test.moc"
