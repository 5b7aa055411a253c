#include "app/experiment/printable.h"

namespace sweetspot {

namespace {

/// The bytes of the letter that a text begins with, as RFC 3629 allows; 0 if it begins with none.
std::size_t letter_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) { // neither longer than need be nor a surrogate
        const bool allowed = !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second > 0x9F);
        return follows(1) && follows(2) && allowed ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) { // up to U+10FFFF
        const bool allowed = !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second > 0x8F);
        return follows(1) && follows(2) && follows(3) && allowed ? 4 : 0;
    }
    return 0;
}

/// What stands for an ASCII control character: U+2400 and its code, U+2421 for DEL.
std::string picture(unsigned char c) {
    return {'\xE2', '\x90', char(c == 0x7F ? 0xA1 : 0x80 + c)};
}

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

} // namespace

std::string printable(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const auto length = letter_length(text);
        const auto c = static_cast<unsigned char>(text.front());
        const bool control = length == 1 && (c < 0x20 || c == 0x7F) && c != '\n' && c != '\t';
        const bool high_control = length == 2 && c == 0xC2 && (text[1] & 0xE0) == 0x80;
        if (control)
            shown += picture(c);
        else if (length == 0 || high_control)
            shown += replacement;
        else
            shown += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return shown;
}

std::string printable_json(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool high = text[i] == '\xC2' && i + 1 < text.size() && (text[i + 1] & 0xE0) == 0x80;
        if (!high && text[i] != '\x7F') {
            shown += text[i];
            continue;
        }
        const auto code = static_cast<unsigned char>(high ? text[++i] : text[i]);
        shown += "\\u00";
        for (const int digit : {code >> 4, code & 15}) shown += "0123456789abcdef"[digit];
    }
    return shown;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto length = letter_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

} // namespace sweetspot
