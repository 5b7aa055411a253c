#pragma once
#include "engine/data/tokenizer.h"

namespace sweetspot {

/// The tokenizer in a GGUF file's metadata, of the kind "llama" (SentencePiece's byte pairs) or
/// "gpt2". Throws Error that names the key: file for what is missing or malformed, unsupported for
/// other kinds and for divisions into words that are not known.
std::unique_ptr<Tokenizer> load_gguf_tokenizer(const std::string& path);

/// Whether there is one, of whatever kind. Throws Error(file) as reading the file does.
bool has_tokenizer(const std::string& gguf_path);

} // namespace sweetspot
