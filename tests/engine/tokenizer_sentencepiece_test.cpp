#include "data_support.h"
#include "engine/data/tokenizer.h"
#include "llama_cpp_pairs.h"
#include "tests/suite.h"

using namespace sweetspot;

namespace {
const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/sentencepiece";
}

class TokenizerSentencepieceTest : public QObject {
    Q_OBJECT
private slots:
    void our_small_model_gives_the_librarys_ids_and_text() {
        const auto tokenizer = load_tokenizer(golden); // a folder
        const auto cases = read_json(golden + "/golden.json");
        QVERIFY(cases.size() > 10);
        for (const auto& each : cases) {
            const auto text = each.find("text")->get<std::string>();
            QVERIFY2(tokenizer->encode(text) == ids_of(each), text.c_str());
        }
        QVERIFY(tokenizer->ids() == (SpecialIds{.bos = 1, .eos = 2, .unk = 0}));
        QCOMPARE(tokenizer->usual_specials().begin, true);
        QCOMPARE(tokenizer->name().c_str(), "sentencepiece");
    }

    void pieces_of_a_stream_join_to_the_decoded_text_behind_a_blank() {
        const auto tokenizer = load_tokenizer(golden + "/tokenizer.model");
        const std::string text = "The protein folds: Größe 🦙 <s>";
        const auto ids = tokenizer->encode(text, {.begin = true, .end = true});
        QCOMPARE(ids.front(), 1);
        QCOMPARE(ids.back(), 2);
        std::string stream;
        for (const auto id : ids) stream += tokenizer->piece(id);
        QCOMPARE(stream, " " + text);
        QCOMPARE(tokenizer->decode(ids), text);
    }

    void what_is_no_model_is_refused() {
        const Folder folder;
        const auto text = folder.write("text.model", "some text");
        COMPARE_ERROR(load_tokenizer(text), folder,
                      "file: text.model: is no SentencePiece model, or is damaged or cut short");
        const auto empty = folder.write("empty.model", "");
        COMPARE_ERROR(load_tokenizer(empty), folder,
                      "file: empty.model: is no SentencePiece model, or is damaged or cut short");
        const Folder none;
        COMPARE_ERROR(load_tokenizer(golden + "/tokenizer.model")->piece(1 << 20), none,
                      QString("bad_input: token id 1048576 is outside the %1 ids of the tokenizer "
                              "sentencepiece")
                          .arg(load_tokenizer(golden)->vocabulary()));
    }

    void llama2s_model_gives_llama_cpps_ids() {
        SKIP_WITHOUT_SHARED_DATA("llama2-tokenizer.model");
        const auto tokenizer = load_tokenizer(shared_data("llama2-tokenizer.model"));
        QCOMPARE(tokenizer->vocabulary(), 32000);
        const auto pairs = llama_cpp_pairs(shared_data("ggml-vocab-llama-spm.gguf"));
        QCOMPARE(pairs.size(), std::size_t(46));
        for (const auto& [text, ids] : pairs)
            QVERIFY2(tokenizer->encode(text) == ids, text.c_str());
    }
};

SWEETSPOT_TEST(TokenizerSentencepieceTest)
#include "tokenizer_sentencepiece_test.moc"
