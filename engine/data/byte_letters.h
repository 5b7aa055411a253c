#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace sweetspot {

/// How GPT-2's vocabularies write bytes: printable ones of Latin-1 as themselves, the others in
/// order as U+0100 and on.
const std::array<std::string, 256>& byte_letters();
/// A text so written.
std::string byte_letters(std::string_view text);
/// The bytes of a text that is so written; nothing if it is not.
std::optional<std::string> bytes_of_letters(std::string_view written);

/// The byte that SentencePiece's piece "<0x0A>" stands for, or -1.
int byte_of_piece(std::string_view piece);
/// That piece.
std::string piece_of_byte(char byte);

} // namespace sweetspot
