#pragma once
#include "engine/data/tokenizer.h"

/// Where tokenizers may cut a text in two: at a blank between two letters of ASCII, if nothing that
/// they do reaches across.
namespace sweetspot {

enum class Cutting {
    nowhere,
    before_blanks, ///< the second part begins with the blank
    at_blanks      ///< which the tokenizer puts in front of a text by itself
};

bool is_ascii_letter(char);
/// Whether `what` stands behind such a letter anywhere in a text.
bool has_behind_letter(std::string_view text, std::string_view what);

/// At the last blank of a text that is so placed; 0 if there is none.
TextCut last_cut(std::string_view text, Cutting);

} // namespace sweetspot
