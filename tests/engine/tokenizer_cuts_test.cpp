// Where texts are cut so that they need not be in memory as a whole: the parts have the whole's
// ids, whatever the text and whichever of the places is taken, and what cannot be cut has a limit.
#include "engine/data/batches.h"
#include "engine/data/cuts.h"
#include "engine/data/tokenizer.h"
#include "tests/engine/data_support.h"
#include "tests/suite.h"
#include <array>
#include <random>
#include <set>

using namespace sweetspot;

namespace {

const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// Words with all that might reach across a blank: other blanks and marks of blanks, letters that
/// are composed, that take part in words by case, broken UTF-8, contractions, digits, added tokens.
std::string hard_text(std::mt19937& random) {
    constexpr std::array parts{"the ",
                               "king ",
                               "a b ",
                               " x",
                               "I'll ",
                               "'s s",
                               "don't ",
                               "  two",
                               "three   ",
                               "\t",
                               "\n",
                               " \n y z ",
                               "é ",
                               "e\xcc\x81 ",
                               "Σ ΟΔΟΣ ",
                               "ß ﬁ ",
                               "\xe2\x96\x81 ",
                               "a\xe2\x96\x81",
                               "b ",
                               "12 345 ",
                               "6 g ",
                               "\xc2\xa0 n",
                               "\xf0 q r",
                               "\xe2\x96 s t ",
                               "<s> ",
                               "</s>h ",
                               "<unk> m ",
                               "[MASK] w ",
                               "<|endoftext|> k ",
                               "漢 字 l ",
                               "🙂 o ",
                               "A Z ",
                               "İ i ",
                               "ĳ J j "};
    std::string text;
    for (int i = 0; i < 12; ++i) text += parts[random() % parts.size()];
    return text;
}

/// All cuts that there are, as longer and longer beginnings of a text have them.
std::set<std::pair<std::size_t, std::size_t>> cuts_of(const Tokenizer& tokenizer,
                                                      const std::string& text) {
    std::set<std::pair<std::size_t, std::size_t>> cuts;
    for (std::size_t size = 1; size <= text.size(); ++size)
        if (const TextCut cut = tokenizer.cut(std::string_view(text).substr(0, size)); cut.next > 0)
            cuts.insert({cut.end, cut.next});
    return cuts;
}

/// Nothing where there are none.
std::optional<Tokens> ids_of(const Tokenizer& tokenizer, std::string_view text) {
    try {
        return tokenizer.encode(text);
    } catch (const Error&) {
        return {};
    }
}

} // namespace

class TokenizerCutsTest : public QObject {
    Q_OBJECT
private slots:
    void parts_have_the_ids_of_the_whole_data() {
        QTest::addColumn<std::string>("path");
        QTest::addColumn<QString>("place");
        const auto row = [](const std::string& path, const char* place) {
            QTest::newRow(path.c_str()) << golden + path << QString(place);
        };
        row("sentencepiece/tokenizer.model", "at");
        row("byte-pair/vocab.json", "before");
        row("byte-pair/tokenizer.json", "before");
        for (const char* family :
             {"bert", "bert-cased", "gpt2", "llama3", "qwen2", "roberta", "xglm"})
            row(std::string("tokenizer-families/") + family + ".json", "before");
        // Those of gemma, llama2 and mistral here have pieces like "e▁"; gpt-neox has "café" added.
        for (const char* family : {"bloom", "clip", "deepseek", "esm", "falcon", "gemma",
                                   "gpt-neox", "llama2", "mistral", "subwords", "t5", "words"})
            row(std::string("tokenizer-families/") + family + ".json", "nowhere");
    }
    void parts_have_the_ids_of_the_whole() {
        QFETCH(std::string, path);
        QFETCH(QString, place);
        const auto tokenizer = load_tokenizer(path);
        const TextCut cut = tokenizer->cut("one two");
        QCOMPARE(cut, (place == "at"       ? TextCut{3, 4}
                       : place == "before" ? TextCut{3, 3}
                                           : TextCut{}));
        hold(*tokenizer, place != "nowhere");
    }

    void parts_have_the_ids_of_the_whole_in_tokenizers_of_models_data() {
        QTest::addColumn<std::string>("file");
        for (const char* file : {"llama2-tokenizer.model", "tok512.bin"})
            QTest::newRow(file) << std::string(file);
    }
    void parts_have_the_ids_of_the_whole_in_tokenizers_of_models() {
        QFETCH(std::string, file);
        SKIP_WITHOUT_SHARED_DATA(file);
        const auto tokenizer = load_tokenizer(shared_data(file));
        QCOMPARE(tokenizer->cut("one two"), (TextCut{3, 4}));
        hold(*tokenizer, true);
    }

    void parts_have_the_ids_of_the_whole_where_no_piece_reaches_across_data() {
        QTest::addColumn<std::string>("family");
        QTest::addColumn<int>("next");
        QTest::newRow("llama2") << std::string("llama2") << 4;
        QTest::newRow("mistral") << std::string("mistral") << 3;
    }
    void parts_have_the_ids_of_the_whole_where_no_piece_reaches_across() {
        QFETCH(std::string, family);
        QFETCH(int, next);
        const Folder folder;
        Json json = read_json(golden + "tokenizer-families/" + family + ".json");
        const auto reaches = [](const std::string& piece) {
            return has_behind_letter(piece, "\xe2\x96\x81");
        };
        Json pieces = Json::object(), merges = Json::array();
        for (const auto& [piece, id] : json["model"]["vocab"].items())
            if (!reaches(piece)) pieces.add(piece, id);
        for (const Json& merge : json["model"]["merges"]) {
            const auto text = merge.is_string()
                                  ? merge.get<std::string>()
                                  : merge[0].get<std::string>() + " " + merge[1].get<std::string>();
            std::string joined = text;
            joined.erase(joined.find(' '), 1);
            if (!reaches(text) && !reaches(joined)) merges.push_back(text);
        }
        json["model"]["vocab"] = pieces, json["model"]["merges"] = merges;
        const auto tokenizer = load_tokenizer(folder.write("tokenizer.json", dump(json)));
        QCOMPARE(tokenizer->cut("one two"), (TextCut{3, std::size_t(next)}));
        hold(*tokenizer, true);
    }

    void what_might_reach_across_forbids_it_data() {
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");
        const auto row = [](const char* name, const char* from, const char* to) {
            QTest::newRow(name) << QString(from) << QString(to);
        };
        row("a piece", R"("ab":3)", R"("ab":3,"a▁":5)");
        row("a blank that is unknown", R"("▁":4)", R"("_":4)");
        row("whole words", R"("ignore_merges":false)", R"("ignore_merges":true)");
        row("an added token", R"("id":0,"content":"<s>")", R"("id":5,"content":"<s >")");
        row("one that begins with a letter", R"("id":0,"content":"<s>")",
            R"("id":5,"content":"s>")");
        row("the normalizer", R"("pattern":{"String":" "})", R"("pattern":{"Regex":" +"})");
    }
    void what_might_reach_across_forbids_it() {
        QFETCH(QString, from);
        QFETCH(QString, to);
        const QString json = R"({"added_tokens":[{"id":0,"content":"<s>","single_word":false,
            "lstrip":false,"rstrip":false,"normalized":false,"special":true}],
            "normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},
            "model":{"type":"BPE","ignore_merges":false,
                     "vocab":{"<s>":0,"a":1,"b":2,"ab":3,"▁":4},"merges":[["a","b"]]}})";
        QVERIFY(json.contains(from));
        const Folder folder;
        const auto cut = [&](const QString& text) {
            return load_tokenizer(folder.write("tokenizer.json", text.toStdString()))->cut("a b");
        };
        QCOMPARE(cut(json), (TextCut{1, 1}));
        QCOMPARE(cut(QString(json).replace(from, to)), TextCut{});
    }

    void rows_are_the_same_however_the_text_comes() {
        std::mt19937 random(5);
        for (const char* path : {"sentencepiece/tokenizer.model", "tokenizer-families/llama2.json",
                                 "tokenizer-families/t5.json"}) {
            const auto tokenizer = load_tokenizer(golden + path);
            std::string text;
            while (text.size() < 20'000) text += "so it goes on ";
            const Tokens ids = tokenizer->encode(text);
            RowEncoder encoder(*tokenizer, 64, Overlong::split);
            for (std::size_t at = 0; at < text.size();) {
                const std::size_t some = 1 + random() % 900;
                encoder.add({.name = "a",
                             .letters = text.substr(at, some),
                             .goes_on = at + some < text.size()});
                at += some;
            }
            Tokens found;
            const int begin = tokenizer->usual_specials().begin,
                      end = tokenizer->usual_specials().end;
            for (const Tokens& row : encoder.rows().all.rows)
                found.insert(found.end(), row.begin() + begin, row.end() - end);
            QVERIFY2(found == ids, path);
            QCOMPARE(encoder.rows().letters, std::int64_t(text.size()));
            QCOMPARE(encoder.rows().overlong, std::int64_t(1));
        }
    }

    void what_cannot_be_cut_has_a_limit_that_is_named() {
        const auto tokenizer = load_tokenizer(golden + "tokenizer-families/t5.json");
        RowEncoder encoder(*tokenizer, 64, Overlong::split);
        std::string refusal;
        try {
            encoder.add(
                {.name = "long.txt", .letters = std::string(RowEncoder::most_uncut + 1, 'a')});
        } catch (const Error& e) {
            refusal = e.what();
        }
        QCOMPARE(refusal, std::string("long.txt: the tokenizer t5.json reads a text as a whole "
                                      "where it is not known to begin anew, and at most 64 MiB of "
                                      "it; divide it into records (JSON Lines, or .lines)"));
    }

private:
    static void hold(const Tokenizer& tokenizer, bool cuts) {
        std::mt19937 random(1);
        int held = 0;
        for (int i = 0; i < 300; ++i) {
            const std::string text = hard_text(random);
            const auto whole = ids_of(tokenizer, text);
            if (!whole) continue;
            for (const auto& [end, next] : cuts_of(tokenizer, text)) {
                Tokens parts = tokenizer.encode(std::string_view(text).substr(0, end));
                const Tokens rest = tokenizer.encode(std::string_view(text).substr(next));
                parts.insert(parts.end(), rest.begin(), rest.end());
                QVERIFY2(parts == *whole,
                         qPrintable(QString("\"%1\" at %2").arg(text.c_str()).arg(end)));
                ++held;
            }
        }
        QCOMPARE(held > 100, cuts);
    }
};

SWEETSPOT_TEST(TokenizerCutsTest)
#include "tokenizer_cuts_test.moc"
