#pragma once
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <vector>

/// Words of a text, for its scores: code points, as in Python.
namespace sweetspot {

/// What Python calls white space.
inline bool is_space(UChar32 c) {
    return u_isUWhiteSpace(c) || (c >= 0x1c && c <= 0x1f);
}

inline icu::UnicodeString lowered(icu::UnicodeString text) {
    return text.toLower(icu::Locale::getRoot());
}

template <class Visit>
void each_letter(const icu::UnicodeString& text, Visit&& visit) {
    for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) visit(text.char32At(i));
}

/// The runs of letters that belong to words.
template <class InWord>
std::vector<icu::UnicodeString> words_of(const icu::UnicodeString& text, InWord&& in_word) {
    std::vector<icu::UnicodeString> words;
    bool inside = false;
    each_letter(text, [&](UChar32 c) {
        const bool belongs = in_word(c);
        if (belongs && !inside) words.emplace_back();
        if (belongs) words.back().append(c);
        inside = belongs;
    });
    return words;
}

} // namespace sweetspot
