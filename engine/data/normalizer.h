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
    virtual bool changes_nothing() const { return false; }
};

/// The normalizer of a tokenizer.json; one that changes nothing for null. Types and settings are
/// those of Hugging Face's tokenizers. Throws Error(file) that names what is not supported.
std::unique_ptr<Normalizer> make_normalizer(const Json& json, const std::string& where);

} // namespace sweetspot
