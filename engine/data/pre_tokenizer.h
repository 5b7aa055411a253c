#pragma once
#include "engine/data/settings.h"
#include <memory>
#include <string>
#include <vector>

namespace sweetspot {

/// A part of a text on its way to ids.
struct Piece {
    std::string text{};
    bool first = false; ///< whether it begins where the whole text begins
};

/// Splits pieces of text into words, within which a vocabulary's pieces are looked for.
class PreTokenizer {
public:
    virtual ~PreTokenizer() = default;
    virtual void split(std::vector<Piece>& pieces) const = 0;
    /// As Normalizer's: whether words that end between such a letter and the blank do so in any
    /// text, and those that do not in none.
    virtual bool is_local() const { return false; }
    /// Whether it writes bytes as letters, so that any bytes can be encoded.
    virtual bool writes_bytes() const { return false; }
};

/// The pre-tokenizer of a tokenizer.json; one that splits nothing for null. Types and settings are
/// those of Hugging Face's tokenizers. Throws Error(file) that names what is not supported.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json, const std::string& where);

} // namespace sweetspot
