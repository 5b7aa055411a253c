#include "engine/data/cuts.h"
#include <algorithm>

namespace sweetspot {

bool is_ascii_letter(char c) {
    const char low = char(c | 0x20);
    return low >= 'a' && low <= 'z';
}

bool has_behind_letter(std::string_view text, std::string_view what) {
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1))
        if (at > 0 && is_ascii_letter(text[at - 1])) return true;
    return false;
}

TextCut last_cut(std::string_view text, Cutting cutting) {
    if (cutting == Cutting::nowhere || text.empty()) return {};
    // A first byte of a letter takes up to three more along, also where the text is no UTF-8.
    const auto is_reached = [&](std::size_t at) {
        const auto near =
            text.substr(at - std::min<std::size_t>(at, 3), std::min<std::size_t>(at, 3));
        return std::ranges::any_of(near, [](char c) { return (c & 0x80) != 0; });
    };
    for (auto at = text.rfind(' '); at != text.npos && at > 0; at = text.rfind(' ', at - 1))
        if (is_ascii_letter(text[at - 1]) && at + 1 < text.size() &&
            is_ascii_letter(text[at + 1]) && !is_reached(at))
            return {at, cutting == Cutting::at_blanks ? at + 1 : at};
    return {};
}

} // namespace sweetspot
