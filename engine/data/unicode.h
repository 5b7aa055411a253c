#pragma once
#include <string>
#include <string_view>

namespace sweetspot {

/// What tokenizers ask of Unicode's tables (ICU's). Texts are valid UTF-8.

/// Bytes of the beginning of `text` that are valid UTF-8.
std::size_t valid_utf8_prefix(std::string_view text);

struct Letter {
    char32_t code = 0;
    std::string_view bytes{};
};
/// The letter that begins at byte `at`, which must lie in the text.
Letter letter_at(std::string_view text, std::size_t at);
void append_utf8(std::string& text, char32_t code);

bool is_white_space(char32_t letter);
bool is_numeric(char32_t letter);         ///< Nd, Nl, No
bool is_word(char32_t letter);            ///< alphabetic, marks, decimal digits, connectors
bool is_punctuation(char32_t letter);     ///< P*, and ASCII's signs
bool is_mark(char32_t letter);            ///< M*
bool is_nonspacing_mark(char32_t letter); ///< Mn
bool is_other(char32_t letter);           ///< Cc, Cf, Co: control, format, private use

enum class NormalForm { nfc, nfd, nfkc, nfkd };
/// Unicode Standard Annex 15.
std::string in_normal_form(std::string_view text, NormalForm form);
/// Each letter's lower case, whatever its neighbours.
std::string lower_case(std::string_view text);

} // namespace sweetspot
