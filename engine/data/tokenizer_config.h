#pragma once
#include "engine/data/json_tokenizer.h"

namespace sweetspot {

/// What tokenizer_config.json in a folder says of a tokenizer's first and last token: bos_token,
/// eos_token, unk_token, pad_token, mask_token; add_bos_token, add_eos_token, with the defaults of
/// the class that it names. Without the file nothing changes.
/// Throws Error(file) for a token that the vocabulary lacks, and where it contradicts the
/// tokenizer.json beside it and it is not known which of the two holds.
void apply_tokenizer_config(const std::string& folder, TokenizerParts& parts);

/// Likewise for a tokenizer.model, whose own first and last token are `otherwise`.
Specials specials_by_config(const std::string& model_path, Specials otherwise,
                            const SpecialIds& ids);

/// Whether vocab.json and merges.txt are GPT-2's with add_prefix_space. Throws Error(file) if the
/// folder says that they belong to another class, whose words or added tokens only its
/// tokenizer.json tells.
bool gpt2_begins_with_blank(const std::string& folder);

} // namespace sweetspot
