#pragma once
#include "engine/data/settings.h"
#include <memory>
#include <string>

namespace sweetspot {

/// Changes a text before it is split into words. Texts are valid UTF-8, before and after.
class Normalizer {
public:
    virtual ~Normalizer() = default;
    virtual std::string apply(std::string text) const = 0;
    /// Whether what it makes of a text is the same up to a letter of ASCII, and from the blank
    /// behind it on, wherever another such letter follows: but for what it puts in front of a text.
    virtual bool is_local() const { return false; }
};

/// The normalizer of a tokenizer.json; one that changes nothing for null. Types and settings are
/// those of Hugging Face's tokenizers. Throws Error(file) that names what is not supported.
std::unique_ptr<Normalizer> make_normalizer(const Json& json, const std::string& where);

} // namespace sweetspot
