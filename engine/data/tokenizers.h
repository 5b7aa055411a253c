#pragma once
#include "engine/data/tokenizer.h"

namespace sweetspot {

/// The kinds that load_tokenizer chooses from; each in a source of its own.
std::unique_ptr<Tokenizer> make_esm_tokenizer(UnknownLetters unknown);
/// Throws Error(file) unless a vocab.txt, a piece a line, is ESM-2's alphabet: other pieces would
/// be other ids.
void require_esm_vocabulary(const std::string& path);
std::unique_ptr<Tokenizer> make_byte_tokenizer(bool with_bos);
std::unique_ptr<Tokenizer> load_sentencepiece(const std::string& path);
/// The same from the bytes of such a model; `path` names it in errors.
std::unique_ptr<Tokenizer> make_sentencepiece(const std::string& model, const std::string& path,
                                              Specials);
std::unique_ptr<Tokenizer> load_llama2c_tokenizer(const std::string& path);
std::unique_ptr<Tokenizer> load_gpt2_tokenizer(const std::string& vocab_path,
                                               const std::string& merges_path);
std::unique_ptr<Tokenizer> load_tokenizer_json(const std::string& path);

} // namespace sweetspot
