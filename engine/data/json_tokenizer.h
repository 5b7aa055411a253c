#pragma once
#include "engine/data/added_tokens.h"
#include "engine/data/cuts.h"
#include "engine/data/normalizer.h"
#include "engine/data/pre_tokenizer.h"
#include "engine/data/token_model.h"

namespace sweetspot {

/// How a vocabulary's pieces become text again.
struct Decoding {
    enum class Kind { bytes, blanks, word_pieces, words } kind = Kind::words;
    std::string mark{}; ///< blanks: what stands for one; word_pieces: what goes on a word;
                        ///< words: what ends one
    bool drops_first_blank = false;
};

/// The parts of a tokenizer.json.
struct TokenizerParts {
    std::string name{}; ///< for errors
    AddedTokens added{};
    std::unique_ptr<Normalizer> normalizer{};
    std::unique_ptr<PreTokenizer> words{};
    std::unique_ptr<TokenModel> model{};
    Decoding decoding{};
    SpecialIds ids{};
    Specials specials{};
};

/// Added tokens are found, what is between them is normalized and split into words, and the model
/// gives each word its ids: as Hugging Face's tokenizers do it.
class JsonTokenizer : public Tokenizer {
public:
    explicit JsonTokenizer(TokenizerParts parts);

    std::string decode(std::span<const std::int32_t> ids) const override;
    std::string piece(std::int32_t id) const override;
    LetterCounts unknown_letters(std::string_view text) const override;
    TextCut cut(std::string_view text) const override { return last_cut(text, cutting_); }
    int vocabulary() const override;
    SpecialIds ids() const override { return parts_.ids; }
    Specials usual_specials() const override { return parts_.specials; }
    std::string name() const override { return parts_.name; }

protected:
    Tokens encode_plain(std::string_view text, std::string_view what) const override;

private:
    void encode_valid(std::string_view text, Tokens& ids, LetterCounts* unknown) const;
    void encode_byte(char byte, Tokens& ids, LetterCounts* unknown) const;
    Tokens encoded(std::string_view text, LetterCounts* unknown) const;

    Cutting cutting() const;
    std::vector<std::string> words_of(const std::string& text) const;
    bool are_parts(const std::string& first, const std::string& second) const;

    TokenizerParts parts_;
    Cutting cutting_ = Cutting::nowhere;
    std::vector<std::string> written_{}; ///< what each id adds to a text
};

/// The parts that the JSON of a tokenizer.json describes; `path` names it in errors.
TokenizerParts read_tokenizer_parts(const Json&, const std::string& path);

} // namespace sweetspot
