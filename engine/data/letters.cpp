#include "engine/data/letters.h"
#include "engine/data/text_reader.h"
#include <algorithm>

namespace sweetspot {

namespace {
bool is_lower(char letter) {
    return letter >= 'a' && letter <= 'z';
}
bool is_blank(char letter) {
    return letter == ' ' || (letter >= '\t' && letter <= '\r');
}
bool is_residue(char letter) {
    return is_lower(letter) || (letter >= 'A' && letter <= 'Z') || letter == '*' || letter == '-' ||
           letter == '.';
}
} // namespace

std::string named_letter(char letter) {
    return letter > ' ' && letter < 127 ? "\"" + std::string(1, letter) + "\""
                                        : "byte " + std::to_string(std::uint8_t(letter));
}

bool is_residues(std::string_view line) {
    line = line.substr(0, line.find_last_not_of(" \t") + 1);
    return !line.empty() && std::all_of(line.begin(), line.end(), is_residue);
}

void Letters::add(std::string& letters, std::string_view text, const TextReader& file,
                  std::size_t line) {
    if (!residues_) {
        letters += text.substr(0, enough_ - std::min(enough_, letters.size()));
        return;
    }
    for (const char letter : text) {
        if (is_blank(letter)) continue;
        if (!is_residue(letter))
            file.refuse(line, "a residue was expected, not " + named_letter(letter));
        if (letters.size() >= enough_) continue;
        lower_case_ += is_lower(letter);
        letters += is_lower(letter) ? char(letter - 'a' + 'A') : letter;
    }
}

void Letters::end(std::string& letters) {
    if (!residues_) return;
    const auto length = letters.size();
    if (stops_ == Stops::drop_final && letters.ends_with('*')) letters.pop_back();
    if (stops_ == Stops::cut) letters.resize(std::min(letters.find('*'), length));
    stopped_ += letters.size() < length;
}

} // namespace sweetspot
