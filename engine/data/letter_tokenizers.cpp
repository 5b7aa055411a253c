#include "engine/data/text_reader.h"
#include "engine/data/tokenizers.h"
#include "kernels/core/error.h"
#include <array>

namespace sweetspot {

namespace {
/// ESM-2's 33 ids: <cls> <pad> <eos> <unk>, 25 residues, '.', '-', <null_1>, <mask>.
class EsmTokenizer : public Tokenizer {
public:
    explicit EsmTokenizer(UnknownLetters unknown) : unknown_(unknown) {
        id_of_letter_.fill(-1);
        for (std::size_t i = 0; i < letters.size(); ++i)
            id_of_letter_[std::uint8_t(letters[i])] = std::int32_t(first_letter + i);
    }

    std::string piece(std::int32_t id) const override {
        check(id);
        const auto letter = std::size_t(id) - first_letter; // wraps around for the special ids
        return letter < letters.size() ? std::string(1, letters[letter]) : "";
    }

    LetterCounts unknown_letters(std::string_view text) const override {
        LetterCounts counts;
        for (const char letter : text)
            if (id_of_letter_[std::uint8_t(letter)] < 0) ++counts[std::string(1, letter)];
        return counts;
    }
    /// Anywhere, unless the place of a letter in the whole may have to be named.
    TextCut cut(std::string_view text) const override {
        if (unknown_ == UnknownLetters::error) return {};
        return {text.size(), text.size()};
    }
    bool residues() const override { return true; }

    int vocabulary() const override { return 33; }
    SpecialIds ids() const override { return {.bos = 0, .eos = 2, .pad = 1, .unk = 3, .mask = 32}; }
    Specials usual_specials() const override { return {.begin = true, .end = true}; }
    std::string name() const override { return "esm"; }

protected:
    Tokens encode_plain(std::string_view text, std::string_view what) const override {
        Tokens tokens;
        tokens.reserve(text.size() + 2);
        for (const char letter : text) {
            const auto id = id_of_letter_[std::uint8_t(letter)];
            tokens.push_back(id >= 0 ? id : replacement(letter, tokens.size() + 1, what));
        }
        return tokens;
    }

private:
    std::int32_t replacement(char letter, std::size_t place, std::string_view what) const {
        if (unknown_ == UnknownLetters::x) return id_of_letter_['X'];
        if (unknown_ == UnknownLetters::unk) return ids().unk;
        throw Error(Failure::bad_input,
                    std::string(what) + ": letter " + std::to_string(place) + " is " +
                        named_letter(letter) +
                        ", which is not in the ESM alphabet; unknown_letters = x or unk replaces "
                        "it");
    }

    static constexpr std::string_view letters = "LAGVSERTIDPKQNFYMHWCXBUZO.-";
    static constexpr std::size_t first_letter = 4;
    std::array<std::int32_t, 256> id_of_letter_;
    UnknownLetters unknown_;
};

/// A byte is its own id.
class ByteTokenizer : public Tokenizer {
public:
    explicit ByteTokenizer(bool with_bos) : with_bos_(with_bos) {}

    std::string piece(std::int32_t id) const override {
        check(id);
        return id < 256 ? std::string(1, char(id)) : "";
    }
    int vocabulary() const override { return with_bos_ ? 257 : 256; }
    SpecialIds ids() const override { return {.bos = with_bos_ ? 256 : -1}; }
    Specials usual_specials() const override { return {.begin = with_bos_}; }
    TextCut cut(std::string_view text) const override { return {text.size(), text.size()}; }
    std::string name() const override { return with_bos_ ? "bytes+bos" : "bytes"; }

protected:
    Tokens encode_plain(std::string_view text, std::string_view) const override {
        Tokens tokens;
        tokens.reserve(text.size() + 1);
        for (const char letter : text) tokens.push_back(std::uint8_t(letter));
        return tokens;
    }

private:
    bool with_bos_;
};
} // namespace

void require_esm_vocabulary(const std::string& path) {
    const auto esm = make_esm_tokenizer(UnknownLetters::unk);
    constexpr std::array specials{"<cls>", "<pad>", "<eos>", "<unk>"};
    TextReader text(path);
    int id = 0;
    for (std::string line; text.line(line); ++id) {
        const std::string expected = id < 4                   ? specials[std::size_t(id)]
                                     : id == 31               ? "<null_1>"
                                     : id == 32               ? "<mask>"
                                     : id < esm->vocabulary() ? esm->piece(id)
                                                              : "";
        if (line != expected)
            text.refuse(std::size_t(id) + 1, "the piece \"" + line.substr(0, 60) +
                                                 "\" is not of ESM-2's alphabet, "
                                                 "the only one that is read for this family");
    }
    if (id != esm->vocabulary())
        throw Error(Failure::file, path + ": has " + std::to_string(id) + " pieces, ESM-2 has " +
                                       std::to_string(esm->vocabulary()));
}

std::unique_ptr<Tokenizer> make_esm_tokenizer(UnknownLetters unknown) {
    return std::make_unique<EsmTokenizer>(unknown);
}

std::unique_ptr<Tokenizer> make_byte_tokenizer(bool with_bos) {
    return std::make_unique<ByteTokenizer>(with_bos);
}

} // namespace sweetspot
