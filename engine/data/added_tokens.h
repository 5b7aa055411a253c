#pragma once
#include "engine/data/normalizer.h"
#include "engine/data/pre_tokenizer.h"
#include "engine/data/token_model.h"
#include <map>

namespace sweetspot {

/// A token beside the model's vocabulary, or in it and never made of parts.
struct AddedToken {
    std::string content{};
    std::int32_t id = -1;
    bool special = false;
    bool single_word = false;            ///< not where letters of words touch it
    bool lstrip = false, rstrip = false; ///< takes white space before, behind it along
    bool normalized = false;             ///< is looked for in normalized text
};

/// A piece of text, or an added token that was found in it.
struct Found {
    Piece piece{};
    std::int32_t id = -1; ///< of the token; -1 for text
};

/// Finds the added tokens in a text before anything else is done to it: of several that begin at a
/// place the longest one.
class AddedTokens {
public:
    /// As a tokenizer.json lists them; null is none. Throws Error(file) for settings that are not
    /// known, and for ids that the reference would not give.
    static AddedTokens read(const Json& json, const std::string& path,
                            const Vocabulary& vocabulary);

    /// After the last one was added: tokens that are looked for in normalized text are normalized.
    void prepare(const Normalizer& normalizer);
    /// The text and the tokens in it, in order; text is normalized.
    std::vector<Found> split(std::string_view text, const Normalizer& normalizer) const;

    const std::vector<AddedToken>& all() const { return all_; }
    int ids() const; ///< one more than the largest

private:
    /// Tokens by their first byte, the longest first.
    using Patterns = std::map<char, std::vector<std::pair<std::string, std::size_t>>>;
    void find(const Patterns& patterns, const Piece& piece, std::vector<Found>& found) const;

    std::vector<AddedToken> all_{};
    Patterns plain_{}, normalized_{};
};

} // namespace sweetspot
