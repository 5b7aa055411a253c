#include "data_support.h"
#include "engine/data/tokenizers.h"
#include "tests/suite.h"
#include <cstring>

using namespace sweetspot;

namespace {
struct Piece {
    std::string text;
    float score;
};

std::string int32_bytes(std::int32_t value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// A file as llama2.c's, with ids from 3 on after the usual three.
std::string llama2c_file(std::vector<Piece> pieces) {
    pieces.insert(pieces.begin(), {{"<unk>", 0}, {"\n<s>\n", 0}, {"\n</s>\n", 0}});
    std::string data = int32_bytes(6);
    for (const auto& [text, score] : pieces) {
        std::int32_t bits;
        std::memcpy(&bits, &score, sizeof bits);
        data += int32_bytes(bits) + int32_bytes(std::int32_t(text.size())) + text;
    }
    return data;
}

std::unique_ptr<Tokenizer> small_llama2c(const Folder& folder) {
    return load_tokenizer(folder.write("tok.bin", llama2c_file({{"<0x41>", 0}, // 3
                                                                {" ", -9},
                                                                {"a", -9}, // 5
                                                                {"b", -9},
                                                                {"aa", -2}, // 7
                                                                {"ab", -1},
                                                                {" a", -3}, // 9
                                                                {"aab", -4}})));
}
} // namespace

class TokenizerLettersTest : public QObject {
    Q_OBJECT
private slots:
    void esm_knows_its_33_ids() {
        const auto esm = load_tokenizer("esm");
        QCOMPARE(esm->vocabulary(), 33);
        QCOMPARE(esm->encode("LAGVSERTIDPKQNFYMHWCXBUZO.-"),
                 (Tokens{4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
                         18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}));
        QVERIFY(esm->ids() == (SpecialIds{.bos = 0, .eos = 2, .pad = 1, .unk = 3, .mask = 32}));
        QCOMPARE(esm->encode("MK", esm->usual_specials()), (Tokens{0, 20, 15, 2}));
        QCOMPARE(esm->decode(Tokens{0, 20, 32, 15, 31, 2}).c_str(), "MK");
        QCOMPARE(esm->encode(""), Tokens{});
    }

    void an_unknown_letter_is_an_error_an_x_or_unknown_as_asked() {
        const Folder folder;
        QCOMPARE(load_tokenizer("esm", UnknownLetters::unk)->encode("MJ*m"), (Tokens{20, 3, 3, 3}));
        QCOMPARE(load_tokenizer("esm", UnknownLetters::x)->encode("MJ*m"),
                 (Tokens{20, 24, 24, 24}));
        QVERIFY(load_tokenizer("esm")->unknown_letters("MJ*mJ") ==
                (LetterCounts{{"J", 2}, {"*", 1}, {"m", 1}}));
        const auto strict = load_tokenizer("esm", UnknownLetters::error);
        COMPARE_ERROR(strict->encode("MKJ", {}, "P31946"), folder,
                      "bad_input: P31946: letter 3 is \"J\", which is not in the ESM alphabet; "
                      "unknown_letters = x or unk replaces it");
        COMPARE_ERROR(strict->encode("M\n"), folder,
                      "bad_input: the text: letter 2 is byte 10, which is not in the ESM alphabet; "
                      "unknown_letters = x or unk replaces it");
    }

    void bytes_are_their_own_ids() {
        const auto bytes = load_tokenizer("bytes"), with_bos = load_tokenizer("bytes+bos");
        QCOMPARE(bytes->vocabulary(), 256);
        QCOMPARE(bytes->encode("a\xc3\xbf"), (Tokens{97, 195, 191}));
        QCOMPARE(bytes->decode(Tokens{97, 195, 191}).c_str(), "a\xc3\xbf");
        QCOMPARE(with_bos->vocabulary(), 257);
        QCOMPARE(with_bos->encode("a", with_bos->usual_specials()), (Tokens{256, 97}));
        QCOMPARE(with_bos->decode(Tokens{256, 97}).c_str(), "a");
    }

    void an_id_or_special_that_a_vocabulary_lacks_is_refused() {
        const Folder folder;
        const auto bytes = load_tokenizer("bytes");
        COMPARE_ERROR(bytes->decode(Tokens{256}), folder,
                      "bad_input: token id 256 is outside the 256 ids of the tokenizer bytes");
        COMPARE_ERROR(load_tokenizer("esm")->piece(-1), folder,
                      "bad_input: token id -1 is outside the 33 ids of the tokenizer esm");
        COMPARE_ERROR(bytes->encode("a", {.begin = true}), folder,
                      "bad_input: the tokenizer bytes has no id for the beginning of a sequence");
        COMPARE_ERROR(load_tokenizer("bytes+bos")->encode("a", {.end = true}), folder,
                      "bad_input: the tokenizer bytes+bos has no id for the end of a sequence");
    }

    void a_name_or_file_that_is_no_tokenizer_is_refused() {
        const Folder folder;
        COMPARE_ERROR(load_tokenizer("bites"), folder,
                      "bad_input: \"bites\" is neither a file or folder nor a tokenizer's name; "
                      "did you mean \"bytes\"?");
        const auto text = folder.write("words.txt", "a b");
        COMPARE_ERROR(
            load_tokenizer(text), folder,
            "bad_input: words.txt: a tokenizer's file is a .model (SentencePiece), .gguf "
            "(llama.cpp), .bin (llama2.c), vocab.json with merges.txt, or tokenizer.json");
        COMPARE_ERROR(load_tokenizer(folder.path(".")), folder,
                      "bad_input: .: the folder holds none of tokenizer.json, tokenizer.model "
                      "and vocab.json");
    }

    void llama2c_merges_the_best_score_first_and_the_leftmost_of_equals() {
        const Folder folder;
        const auto tokenizer = small_llama2c(folder);
        QCOMPARE(tokenizer->vocabulary(), 11);
        QCOMPARE(tokenizer->encode("ab"), (Tokens{4, 8}));      // " " "ab"
        QCOMPARE(tokenizer->encode("aa"), (Tokens{4, 7}));      // " " "aa", not " a" "a"
        QCOMPARE(tokenizer->encode("aaa"), (Tokens{4, 7, 5}));  // the left two first
        QCOMPARE(tokenizer->encode("aaab"), (Tokens{4, 7, 8})); // "ab" before "aa"
        QCOMPARE(tokenizer->encode("a"), (Tokens{9}));          // with the blank put in front
        QCOMPARE(tokenizer->encode(""), Tokens{});
        QCOMPARE(tokenizer->encode("ab", {.begin = true, .end = true}), (Tokens{1, 4, 8, 2}));
    }

    void llama2c_spells_unknown_letters_in_bytes() {
        const Folder folder;
        const auto tokenizer = small_llama2c(folder);
        QCOMPARE(tokenizer->encode("Ab"), (Tokens{4, 3, 6}));
        QCOMPARE(tokenizer->encode("\xc3\xa9"), (Tokens{4, 0, 0})); // bytes it lacks, too
        QVERIFY(tokenizer->unknown_letters("\xc3\xa9 b\xc3") ==
                (LetterCounts{{"\xc3", 2}, {"\xa9", 1}}));
        QCOMPARE(tokenizer->decode(Tokens{1, 4, 3, 6}).c_str(), "Ab");
        QCOMPARE(tokenizer->piece(9).c_str(), " a");
        QCOMPARE(tokenizer->piece(1).c_str(), "");
    }

    void a_malformed_llama2c_file_is_refused_with_its_place() {
        const Folder folder;
        const auto whole = llama2c_file({{"a", 0}});
        const auto cut = folder.write("cut.bin", whole.substr(0, whole.size() - 3));
        COMPARE_ERROR(load_tokenizer(cut), folder,
                      "file: cut.bin, byte 48: the file ends within token 3");
        const auto longest = folder.write("long.bin", int32_bytes(-5) + whole.substr(4));
        COMPARE_ERROR(
            load_tokenizer(longest), folder,
            "file: long.bin, byte 0: is no tokenizer of llama2.c: its longest piece would "
            "have -5 bytes");
        const auto piece = folder.write("piece.bin", llama2c_file({{"longer than 6", 0}}));
        COMPARE_ERROR(load_tokenizer(piece), folder,
                      "file: piece.bin, byte 48: token 3 would have 13 bytes, the longest has 6");
        const auto empty = folder.write("empty.bin", "");
        COMPARE_ERROR(load_tokenizer(empty), folder,
                      "file: empty.bin, byte 0: the file ends within token 0");
    }

    void another_alphabet_than_esm_2s_is_refused_by_its_first_other_piece() {
        const Folder folder;
        std::string pieces = "<cls>\n<pad>\n<eos>\n<unk>\n";
        for (const char letter : std::string("LAGVSERTIDPKQNFYMHWCXBUZO.-"))
            pieces += letter + std::string("\n");
        const std::string esm = pieces + "<null_1>\n<mask>\n";
        require_esm_vocabulary(folder.write("vocab.txt", esm));
        COMPARE_ERROR(require_esm_vocabulary(folder.write("cut.txt", pieces)), folder,
                      "file: cut.txt: has 31 pieces, ESM-2 has 33");
        COMPARE_ERROR(
            require_esm_vocabulary(folder.write("longer.txt", esm + "AAA\n")), folder,
            "file: longer.txt, line 34: the piece \"AAA\" is not of ESM-2's alphabet, the "
            "only one that is read for this family");
        // 3-mers of DNA, and the residues in another order
        COMPARE_ERROR(
            require_esm_vocabulary(folder.write("dna.txt", "<unk>\n<pad>\n<mask>\n<cls>\nAAA\n")),
            folder,
            "file: dna.txt, line 1: the piece \"<unk>\" is not of ESM-2's alphabet, the "
            "only one that is read for this family");
        std::swap(pieces[24], pieces[26]);
        COMPARE_ERROR(require_esm_vocabulary(folder.write("turned.txt", pieces)), folder,
                      "file: turned.txt, line 5: the piece \"A\" is not of ESM-2's alphabet, the "
                      "only one that is read for this family");
    }

    void the_tiny_stories_vocabulary_encodes_once_upon_a_time() {
        SKIP_WITHOUT_SHARED_DATA("tok512.bin");
        const auto tokenizer = load_tokenizer(shared_data("tok512.bin"));
        QCOMPARE(tokenizer->vocabulary(), 512);
        const auto ids = tokenizer->encode("Once upon a time", {.begin = true});
        QCOMPARE(ids, (Tokens{1, 403, 407, 261, 378}));
        QCOMPARE(tokenizer->decode(ids).c_str(), "Once upon a time");
        const std::string odd = "Größe 🦙\n\t end";
        QCOMPARE(tokenizer->decode(tokenizer->encode(odd)), odd);
    }
};

SWEETSPOT_TEST(TokenizerLettersTest)
#include "tokenizer_letters_test.moc"
