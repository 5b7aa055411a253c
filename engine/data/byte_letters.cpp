#include "engine/data/byte_letters.h"
#include <cstdint>
#include <unordered_map>

namespace sweetspot {

namespace {
constexpr std::string_view digits = "0123456789ABCDEF";

std::string utf8(int code) { // below U+0800
    if (code < 0x80) return std::string(1, char(code));
    return {char(0xc0 | code >> 6), char(0x80 | (code & 0x3f))};
}
} // namespace

const std::array<std::string, 256>& byte_letters() {
    static const auto all = [] {
        std::array<std::string, 256> written;
        int next = 0x100;
        for (int byte = 0; byte < 256; ++byte) {
            const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
            written[std::size_t(byte)] = utf8(printable ? byte : next++);
        }
        return written;
    }();
    return all;
}

std::string byte_letters(std::string_view text) {
    std::string written;
    written.reserve(2 * text.size());
    for (const char byte : text) written += byte_letters()[std::uint8_t(byte)];
    return written;
}

std::optional<std::string> bytes_of_letters(std::string_view written) {
    static const auto byte_of = [] {
        std::unordered_map<std::string, char> all;
        for (int byte = 0; byte < 256; ++byte) all[byte_letters()[std::size_t(byte)]] = char(byte);
        return all;
    }();
    std::string bytes;
    for (std::size_t at = 0; at < written.size();) {
        const std::string letter(written.substr(at, std::uint8_t(written[at]) < 0x80 ? 1 : 2));
        const auto found = byte_of.find(letter);
        if (found == byte_of.end()) return {};
        bytes += found->second;
        at += letter.size();
    }
    return bytes;
}

int byte_of_piece(std::string_view piece) {
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
    const auto high = digits.find(piece[3]), low = digits.find(piece[4]);
    return high == digits.npos || low == digits.npos ? -1 : int(high * 16 + low);
}

std::string piece_of_byte(char byte) {
    return {'<', '0', 'x', digits[std::uint8_t(byte) >> 4], digits[std::uint8_t(byte) & 15], '>'};
}

} // namespace sweetspot
