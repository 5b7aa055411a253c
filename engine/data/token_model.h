#pragma once
#include "engine/data/settings.h"
#include "engine/data/tokenizer.h"
#include <memory>
#include <unordered_map>

namespace sweetspot {

/// Pieces and their ids.
class Vocabulary {
public:
    /// `source` names it in errors.
    explicit Vocabulary(std::string source) : source_(std::move(source)) {}

    /// Throws Error(file) for an id out of range.
    void add(const std::string& piece, const Json& id);
    std::int32_t find(std::string_view piece) const; ///< -1 if it is not there
    int size() const { return int(ids_.size()); }    ///< pieces
    int ids() const { return int(pieces_.size()); }  ///< one more than the largest
    const std::string& piece(std::int32_t id) const { return pieces_[std::size_t(id)]; }
    const std::string& source() const { return source_; }
    const auto& all() const { return ids_; }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    std::string source_;
    std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_{};
    std::vector<std::string> pieces_{};
};

/// Gives ids to the pieces of a word.
class TokenModel {
public:
    explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
    virtual ~TokenModel() = default;

    const Vocabulary& vocabulary() const { return vocabulary_; }
    /// Adds the ids of a word to `ids`, and counts what the vocabulary lacks, unless `unknown` is
    /// null. Throws Error(bad_input) where it lacks something and has no id for that.
    virtual void encode(std::string_view word, Tokens& ids, LetterCounts* unknown) const = 0;
    /// Whether a byte outside of any letter has an id of its own.
    virtual std::int32_t id_of_byte(char) const { return -1; }
    /// Whether a word that has a letter of ASCII before this one has the ids of its two parts
    /// there.
    virtual bool parts_before(std::string_view) const { return false; }
    std::int32_t unknown_id() const { return unknown_; }

protected:
    /// The id of what it lacks; counts it.
    std::int32_t replace(std::string_view piece, LetterCounts* unknown) const;

    Vocabulary vocabulary_;
    std::int32_t unknown_ = -1;
};

/// The model of a tokenizer.json: BPE, WordPiece, WordLevel or Unigram, as Hugging Face's
/// tokenizers compute them. Throws Error(file) that names what is not supported.
std::unique_ptr<TokenModel> make_token_model(const Json& json, const std::string& path);

/// Byte-pair encoding by GPT-2's files.
std::unique_ptr<TokenModel> make_gpt2_model(const std::string& vocab_path,
                                            const std::string& merges_path);

} // namespace sweetspot
