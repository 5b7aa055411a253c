#include "data_support.h"
#include "engine/data/tokenizer.h"
#include "tests/suite.h"
#include <functional>
#include <utility>

using namespace sweetspot;

namespace {
const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/tokenizer-families/";

/// A small tokenizer.json of three letters and their words.
Json small() {
    return parse_json(R"({"version":"1.0","truncation":null,"padding":null,
        "added_tokens":[{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,
                         "normalized":false,"special":true}],
        "normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,
        "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
                 "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,
                 "vocab":{"<s>":0,"a":1,"b":2,"ab":3," ":4},"merges":[["a","b"]]}})",
                      "small");
}

Json bos_template() {
    return parse_json(R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>",
        "type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],
        "special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}})",
                      "template");
}

/// What is said of a tokenizer.json that was changed.
QString sentence(const std::function<void(Json&)>& change) {
    const Folder folder;
    Json json = small();
    change(json);
    const auto path = folder.write("tokenizer.json", dump(json));
    return QString::fromStdString(error_of([&] { load_tokenizer(path); }, folder));
}
} // namespace

class TokenizerFamiliesTest : public QObject {
    Q_OBJECT
private slots:
    void a_thousand_hard_texts_have_the_references_ids_data() {
        QTest::addColumn<std::string>("family");
        for (const auto& file : QDir(golden.c_str()).entryList({"*.json"})) {
            const auto family = file.chopped(5).toStdString();
            QTest::newRow(family.c_str()) << family;
        }
    }

    void a_thousand_hard_texts_have_the_references_ids() {
        QFETCH(std::string, family);
        static const Json expected =
            parse_json(read_file(golden + "expected.json.gz"), "expected.json.gz");
        const auto tokenizer = load_tokenizer(golden + family + ".json");
        const Json &texts = *expected.find("texts"), &ids = *expected.find("ids")->find(family);
        QCOMPARE(ids.size(), std::size_t(1000));
        for (std::size_t i = 0; i < ids.size(); ++i) {
            Tokens wanted;
            for (const Json& id : ids[i]) wanted.push_back(id.get<std::int32_t>());
            const auto text = texts[i].get<std::string>();
            QVERIFY2(tokenizer->encode(text, tokenizer->usual_specials()) == wanted, text.c_str());
        }
    }

    void of_merges_that_stand_twice_the_last_one_counts() { // as in tokenizers 0.22.2
        const Folder folder;
        Json json = small();
        json["model"]["vocab"]["c"] = 5;
        json["model"]["vocab"]["bc"] = 6;
        json["model"]["merges"] = parse_json(R"(["a b", "b c", "a b"])", "merges");
        const auto tokenizer = load_tokenizer(folder.write("tokenizer.json", dump(json)));
        QCOMPARE(tokenizer->encode("abc"), (Tokens{1, 6}));
    }

    void generated_text_reads_as_it_was_written() {
        const std::string text = "The protein folds: isn't it?";
        for (const auto* family : {"gpt2", "llama2", "llama3", "qwen2", "gemma", "mistral"}) {
            const auto tokenizer = load_tokenizer(golden + family + ".json");
            QCOMPARE(tokenizer->decode(tokenizer->encode(text)), text);
        }
        const auto bert = load_tokenizer(golden + "bert.json");
        QCOMPARE(bert->decode(bert->encode("The protein folds")).c_str(), "the protein folds");
    }

    void letters_that_become_unknown_are_counted() {
        const auto bert = load_tokenizer(golden + "bert.json");
        QVERIFY(bert->unknown_letters("the ☃ folds ☃") == (LetterCounts{{"☃", 2}}));
        QVERIFY(load_tokenizer(golden + "gpt2.json")->unknown_letters("☃\xff").empty());
    }

    void what_is_not_supported_is_refused_by_name() {
        QCOMPARE(sentence([](Json&) {}), "");
        QCOMPARE(sentence([](Json& j) { j["model"]["dropout"] = 0.1; }),
                 "file: tokenizer.json, model: dropout draws other ids each time; it is not "
                 "supported");
        QCOMPARE(sentence([](Json& j) { j["model"]["type"] = "Other"; }),
                 "file: tokenizer.json, model: the type Other is not supported");
        QCOMPARE(sentence([](Json& j) { j["model"]["new_rule"] = 1; }),
                 "file: tokenizer.json, model: the setting \"new_rule\" is not supported");
        QCOMPARE(sentence([](Json& j) { j["extra"] = 1; }),
                 "file: tokenizer.json: the setting \"extra\" is not supported");
        QCOMPARE(sentence([](Json& j) {
                     j["normalizer"] = {{"type", "Precompiled"}};
                 }),
                 "file: tokenizer.json, normalizer: the type Precompiled is not supported");
        QCOMPARE(sentence([](Json& j) {
                     j["pre_tokenizer"] = {{"type", "UnicodeScripts"}};
                 }),
                 "file: tokenizer.json, pre_tokenizer: the type UnicodeScripts is not supported");
        QCOMPARE(sentence([](Json& j) {
                     j["pre_tokenizer"] = {{"type", "Digits"}, {"individual", true}};
                 }),
                 "file: tokenizer.json, pre_tokenizer: the setting \"individual\" is not "
                 "supported");
        QCOMPARE(sentence([](Json& j) {
                     j["pre_tokenizer"] = parse_json(
                         R"({"type":"Split","pattern":{"Regex":"\\bx"},"behavior":"Isolated"})",
                         "");
                 }),
                 "file: tokenizer.json, pre_tokenizer, pattern: the regex \"\\bx\" has \\b, which "
                 "is not supported");
        QCOMPARE(sentence([](Json& j) {
                     j["added_tokens"] =
                         parse_json(R"([{"id":7,"content":"<s>","special":true}])", "");
                 }),
                 "file: tokenizer.json, added token 0: \"<s>\" has the id 7, but its place gives "
                 "it 0");
    }

    void a_template_may_have_one_token_at_each_end() {
        const Folder folder;
        Json json = small();
        json["post_processor"] = bos_template();
        const auto tokenizer = load_tokenizer(folder.write("tokenizer.json", dump(json)));
        QVERIFY(tokenizer->usual_specials() == (Specials{.begin = true}));
        QCOMPARE(tokenizer->encode("ab", tokenizer->usual_specials()), (Tokens{0, 3}));
        Json& single = json["post_processor"]["single"];
        single.push_back(std::as_const(single)[0]);
        single.push_back(std::as_const(single)[0]);
        const auto twice = folder.write("twice.json", dump(json));
        COMPARE_ERROR(load_tokenizer(twice), folder,
                      "file: twice.json, post_processor: several special tokens at one end are not "
                      "supported");
    }

    void the_config_beside_it_says_which_token_begins_and_ends() {
        const Folder folder;
        Json json = small();
        const auto specials = [&](const Json& config) {
            folder.write("tokenizer_config.json", dump(config));
            folder.write("tokenizer.json", dump(json));
            return load_tokenizer(folder.path("."))->usual_specials();
        };
        const Json tokens{{"bos_token", {{"content", "<s>"}}}, {"eos_token", "<s>"}};
        auto config = tokens;
        QVERIFY(specials(config) == Specials{});
        config["add_bos_token"] = config["add_eos_token"] = true;
        QVERIFY(specials(config) == (Specials{.begin = true, .end = true}));
        config = tokens;
        config["tokenizer_class"] = "LlamaTokenizer";
        QVERIFY(specials(config) == (Specials{.begin = true}));
        json["post_processor"] = bos_template();
        config["add_bos_token"] = false;
        QVERIFY(specials(config) == Specials{}); // this class makes the template anew
        config["tokenizer_class"] = "PreTrainedTokenizerFast";
        COMPARE_ERROR(specials(config), folder,
                      "file: ./tokenizer_config.json: add_bos_token is false, but the "
                      "post_processor of tokenizer.json adds it");
        COMPARE_ERROR(specials({{"eos_token", "</s>"}}), folder,
                      "file: ./tokenizer_config.json: the eos_token \"</s>\" is not in the "
                      "vocabulary");
    }

    void a_vocabulary_of_another_class_without_its_tokenizer_json_is_refused() {
        const Folder folder;
        folder.write("vocab.json", R"({"a":0,"b":1,"ab":2})");
        folder.write("merges.txt", "a b\n");
        folder.write("tokenizer_config.json", R"({"tokenizer_class":"Qwen2Tokenizer"})");
        COMPARE_ERROR(load_tokenizer(folder.path("vocab.json")), folder,
                      "file: tokenizer_config.json: vocab.json and merges.txt alone do not say how "
                      "Qwen2Tokenizer splits words; its tokenizer.json does");
        folder.write("tokenizer_config.json", R"({"tokenizer_class":"GPT2Tokenizer"})");
        QCOMPARE(load_tokenizer(folder.path("vocab.json"))->encode("ab"), Tokens{2});
        folder.write("added_tokens.json", R"({"<x>":3})");
        COMPARE_ERROR(load_tokenizer(folder.path("vocab.json")), folder,
                      "file: added_tokens.json: added tokens are read from tokenizer.json only, "
                      "which the folder lacks");
    }

    void bytes_that_are_no_utf8_are_spelt_or_refused() {
        const Folder folder;
        const auto llama = load_tokenizer(golden + "llama2.json");
        QCOMPARE(llama->encode("\xff"), (Tokens{3 + 255}));
        const auto bert = load_tokenizer(golden + "bert.json");
        COMPARE_ERROR(bert->encode("a\xff", {}, "line 7"), folder,
                      "bad_input: line 7: byte 255 is no UTF-8, which is all that the tokenizer "
                      "bert.json can read");
    }
};

SWEETSPOT_TEST(TokenizerFamiliesTest)
#include "tokenizer_families_test.moc"
