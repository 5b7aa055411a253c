#pragma once
#include "engine/config/gguf_entries.h"
#include "engine/data/tokenizer.h"

namespace sweetspot {

/// The tokenizer in a GGUF file's metadata, of the kind "llama" (SentencePiece's byte pairs) or
/// "gpt2". Throws Error that names the key: file for what is missing or malformed, unsupported for
/// other kinds and for divisions into words that are not known.
std::unique_ptr<Tokenizer> load_gguf_tokenizer(const std::string& path);

/// Whether there is one, of whatever kind. Throws Error(file) as reading the file does.
bool has_tokenizer(const std::string& gguf_path);

/// Adds what a GGUF file says of the tokenizer that load_tokenizer() takes by this name, filled up
/// to the model's vocabulary: all that another GGUF file says of it; of a tokenizer.json of byte
/// pairs what GGUF has a name for. What is left out, for a note. Throws Error(unsupported), by
/// name, for any other.
std::string describe_tokenizer(const std::string& name, int vocabulary, GgufEntries&);

} // namespace sweetspot
