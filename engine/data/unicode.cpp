#include "engine/data/unicode.h"
#include "kernels/core/error.h"
#include <unicode/bytestream.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

namespace sweetspot {

std::size_t valid_utf8_prefix(std::string_view text) {
    const auto size = std::int64_t(text.size());
    for (std::int64_t at = 0; at < size;) {
        const auto begin = at;
        UChar32 code = 0;
        U8_NEXT(text.data(), at, size, code);
        if (code < 0) return std::size_t(begin);
    }
    return text.size();
}

Letter letter_at(std::string_view text, std::size_t at) {
    auto end = std::int64_t(at);
    UChar32 code = 0;
    U8_NEXT(text.data(), end, std::int64_t(text.size()), code);
    return {char32_t(code), text.substr(at, std::size_t(end) - at)};
}

void append_utf8(std::string& text, char32_t code) {
    char bytes[4];
    int size = 0;
    U8_APPEND_UNSAFE(bytes, size, code);
    text.append(bytes, std::size_t(size));
}

static std::uint32_t categories(char32_t letter) {
    return U_GET_GC_MASK(UChar32(letter));
}

bool is_white_space(char32_t letter) {
    return u_isUWhiteSpace(UChar32(letter));
}
bool is_numeric(char32_t letter) {
    return categories(letter) & U_GC_N_MASK;
}
bool is_word(char32_t letter) {
    return u_hasBinaryProperty(UChar32(letter), UCHAR_ALPHABETIC) ||
           u_hasBinaryProperty(UChar32(letter), UCHAR_JOIN_CONTROL) ||
           categories(letter) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK);
}
bool is_punctuation(char32_t letter) {
    const bool ascii = letter > ' ' && letter < 127 && !u_isalnum(UChar32(letter));
    return ascii || categories(letter) & U_GC_P_MASK;
}
bool is_mark(char32_t letter) {
    return categories(letter) & U_GC_M_MASK;
}
bool is_nonspacing_mark(char32_t letter) {
    return categories(letter) & U_GC_MN_MASK;
}
bool is_other(char32_t letter) {
    return categories(letter) & (U_GC_C_MASK & ~U_GC_CN_MASK);
}

std::string in_normal_form(std::string_view text, NormalForm form) {
    UErrorCode status = U_ZERO_ERROR;
    const auto* table = form == NormalForm::nfc    ? icu::Normalizer2::getNFCInstance(status)
                        : form == NormalForm::nfd  ? icu::Normalizer2::getNFDInstance(status)
                        : form == NormalForm::nfkc ? icu::Normalizer2::getNFKCInstance(status)
                                                   : icu::Normalizer2::getNFKDInstance(status);
    require(U_SUCCESS(status), Failure::bug, "ICU has the tables of normal forms");
    const icu::UnicodeString source =
        icu::UnicodeString::fromUTF8({text.data(), std::int32_t(text.size())});
    std::string normal;
    table->normalize(source, status).toUTF8String(normal);
    require(U_SUCCESS(status), Failure::out_of_memory, "ICU normalizes a text");
    return normal;
}

std::string lower_case(std::string_view text) {
    std::string lower;
    lower.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto [code, bytes] = letter_at(text, at);
        at += bytes.size();
        if (code < 128) {
            lower += char(code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code);
            continue;
        }
        icu::UnicodeString letter{UChar32(code)};
        letter.toLower(icu::Locale::getRoot()).toUTF8String(lower);
    }
    return lower;
}

} // namespace sweetspot
