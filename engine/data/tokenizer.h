#pragma once
#include "engine/config/run_config.h"
#include "engine/data/letters.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

using Tokens = std::vector<std::int32_t>;

/// Whether a sequence begins with `bos` and ends with `eos`.
struct Specials {
    bool begin = false, end = false;
    bool operator==(const Specials&) const = default;
};

/// The ids that have a meaning of their own; -1 where a vocabulary has none.
struct SpecialIds {
    std::int32_t bos = -1, eos = -1, pad = -1, unk = -1, mask = -1;
    bool operator==(const SpecialIds&) const = default;
};

/// Where a text may be cut in two: what lies before `end` and what lies from `next` on have
/// together the ids that the whole has. Between them is nothing, or the blank that encoding puts in
/// front.
struct TextCut {
    std::size_t end = 0, next = 0;
    bool operator==(const TextCut&) const = default;
};

/// Turns text into ids and back. Text never becomes a special id, even if it spells its name, but
/// for the added tokens of a tokenizer.json, which are found in text as that file says.
/// Values do not change after loading, so several threads may use one.
class Tokenizer {
public:
    virtual ~Tokenizer() = default;

    /// Ids of the text. `what` names it in errors. Throws Error(bad_input) for a letter that the
    /// vocabulary lacks and may not be replaced, and if `specials` asks for ids that it lacks.
    Tokens encode(std::string_view text, Specials specials = {},
                  std::string_view what = "the text") const;
    /// The text of ids; special ids have none. Throws Error(bad_input) for an id out of range.
    virtual std::string decode(std::span<const std::int32_t> ids) const;
    /// What one id adds to a text that is being written: bytes, perhaps not a whole letter.
    virtual std::string piece(std::int32_t id) const = 0;
    /// Letters of the text that the vocabulary lacks: encode replaces, or refuses them.
    virtual LetterCounts unknown_letters(std::string_view) const { return {}; }
    /// Where a text that goes on may be cut, as far behind as is known; 0 where nothing is.
    virtual TextCut cut(std::string_view) const { return {}; }
    /// Whether what it encodes are residues, to be cleaned as such wherever they come from.
    virtual bool residues() const { return false; }

    virtual int vocabulary() const = 0;
    virtual SpecialIds ids() const = 0;
    /// What the models of this vocabulary were trained with.
    virtual Specials usual_specials() const { return {}; }
    /// Its kind, e.g. "esm", "sentencepiece".
    virtual std::string name() const = 0;

protected:
    virtual Tokens encode_plain(std::string_view text, std::string_view what) const = 0;
    /// Throws Error(bad_input) unless `id` is in the vocabulary.
    void check(std::int32_t id) const;
};

/// Loads a tokenizer by name or from files, recognised by what they are:
/// "esm"; "bytes" (256 ids) or "bytes+bos" (257); SentencePiece's .model; llama2.c's .bin;
/// llama.cpp's .gguf; tokenizer.json; GPT-2's vocab.json with merges.txt beside it (either may be
/// named); or a folder that holds one of these, the first of tokenizer.json, tokenizer.model,
/// vocab.json. Whether a tokenizer_config.json beside it wants a first and a last token is
/// honoured, and what a tokenizer.json asks for and is not supported is refused by name. `unknown`
/// decides what the ESM alphabet does with letters it lacks; others have their own way. Throws
/// Error: bad_input for a name that is none of these, file for a malformed file.
std::unique_ptr<Tokenizer> load_tokenizer(const std::string& name_or_path,
                                          UnknownLetters unknown = UnknownLetters::unk);

} // namespace sweetspot
